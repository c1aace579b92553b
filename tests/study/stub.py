"""A unit that needs no torch: its notebook counts to ten with a checkpoint, and leaves a digest of what it counted."""

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from melib.folder import check_done
from melib.study.launch import LAUNCHERS, Options
from melib.study.unit import Unit

SOURCE = """
import hashlib, os, pathlib, time
from melib.folder import write_done
from melib.home import work_folder, write_whole
folder = pathlib.Path(out)
checkpoint = work_folder(folder) / "checkpoint"
counted = checkpoint.read_text().split() if checkpoint.is_file() else []
for number in range(len(counted), 10):
    time.sleep(seconds / 10)
    counted.append(hashlib.sha256(f"{seed} {counted[-1:]}".encode()).hexdigest())
    write_whole(checkpoint, " ".join(counted).encode())
if trouble and pathlib.Path(trouble).exists():
    time.sleep(1000 if "hang" in trouble else 0)
    raise ValueError(f"seed {seed} is unlucky")
partial = work_folder(folder) / f"partial-{os.getpid()}"
partial.mkdir(parents=True)
(partial / "value").write_text(counted[-1])
write_done(partial)
partial.rename(folder)  # fails where the run is there already: done twice would be an error
"""


@dataclass(frozen=True)
class Stub:
    """Settings of the stub: `seconds` is how long it takes; it raises, or hangs, while the file `trouble` is there."""

    seed: int
    out: str
    seconds: float = 0.0
    trouble: str = ""
    threads: int = 1

    def parameters(self) -> dict:
        return asdict(self)


def write_notebook(path: Path) -> Path:
    parameters = nbformat.v4.new_code_cell(
        "seed, out, seconds, trouble, threads = 0, '', 0.0, '', 1", metadata={"tags": ["parameters"]}
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [parameters, nbformat.v4.new_code_cell(SOURCE)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def units(root: Path, count: int, needs: tuple[Path, ...] = (), name: str = "run", **settings) -> list[Unit]:
    notebook = write_notebook(root / "unit.ipynb")
    folders = [root / "runs" / f"{name}{seed}" for seed in range(count)]
    return [Unit(notebook, Stub(seed, str(f), **settings), f, needs) for seed, f in enumerate(folders)]


def value(seed: int) -> str:
    """What an undisturbed run of a seed leaves."""
    counted = []
    for _ in range(10):
        counted.append(hashlib.sha256(f"{seed} {counted[-1:]}".encode()).hexdigest())
    return counted[-1]


def assert_complete(units: list[Unit]) -> None:
    """Every unit holds, bit for bit, what an undisturbed run leaves, and its notebook; nothing else lies about."""
    for unit in units:
        content = {path.name: path.read_bytes() for path in unit.folder.iterdir()}
        assert nbformat.reads(content.pop("notebook.ipynb").decode(), 4).cells
        assert check_done(unit.folder, hashes=True) == []
        assert content.keys() == {"done", "value"} and content["value"] == value(unit.settings.seed).encode()
    runs = units[0].folder.parent
    assert {path.name for path in runs.iterdir()} - {".work"} == {unit.name for unit in units}
    assert not list((runs / ".work").iterdir())


if __name__ == "__main__":  # a launcher that can be killed: root, number of units, launcher, options of both
    root, count, launcher, settings, options = sys.argv[1:]
    plan = units(Path(root), int(count), **json.loads(settings))
    print(json.dumps(LAUNCHERS[launcher](plan, Options(**json.loads(options)))))
