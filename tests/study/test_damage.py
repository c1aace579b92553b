"""A finished run whose files change is found, named, and made again on request."""

import shutil

import pandas as pd
import pytest

from melib.cli import main
from melib.folder import DamagedError, check_done
from melib.learning.fit import fit
from melib.learning.record import read_run, save_run
from melib.prepare.data import Data
from melib.study.plan import read_plan
from melib.study.unit import read_state
from tests.conftest import settings, spoil, toy

NAMES = ("run.json", "history.parquet", "predictions.parquet", "model.safetensors", "done")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    run = settings(out=str(root), epochs=1, brl_start=1)
    data = Data(toy(), "0123456789abcdef", synthetic=True, skipped=pd.DataFrame())
    return save_run(fit(data.samples, run), run, data)


@pytest.mark.parametrize("how", ["flipped", "truncated", "removed"])
@pytest.mark.parametrize("name", NAMES)
def test_every_damage_of_every_file_is_named(finished, tmp_path, name, how):
    folder = shutil.copytree(finished, tmp_path / finished.name)
    assert check_done(folder, hashes=True) == []
    spoil(folder / name, how)
    if name == "done" and how == "removed":
        with pytest.raises(FileNotFoundError, match="no finished run"):
            read_run(folder)
        return
    problems = check_done(folder, hashes=True)
    assert len(problems) == 1 and name in problems[0]
    if how == "flipped" and name != "done":  # sizes agree: only the hash differs
        assert check_done(folder) == []
    else:
        with pytest.raises(DamagedError, match=rf"{name}.*--remake-damaged"):
            read_run(folder)


def test_status_names_a_damaged_run_and_run_makes_it_again_on_request(tmp_path, capsys):
    toy(size=16).save(tmp_path / "samples")
    grid = tmp_path / "grid.yaml"
    run = "profile: tiny, inputs: flow_image, image_size: 16, held_out: SAMM, method: logreg, C: 1"
    grid.write_text(f"{{corpus: {tmp_path / 'samples'}, {run}, out: {tmp_path / 'runs'}}}")
    assert main(["run", str(grid)]) == 0
    (unit,) = read_plan(grid)
    before = (unit.folder / "predictions.parquet").read_bytes()
    assert "notebook.ipynb" in (unit.folder / "done").read_text()

    spoil(unit.folder / "predictions.parquet", "flipped")
    assert main(["status", str(grid)]) == 0
    assert main(["status", str(grid), "--verify"]) == 1
    assert "predictions.parquet does not have the content" in capsys.readouterr().out
    spoil(unit.folder / "predictions.parquet", "truncated")
    assert read_state(unit).state == "damaged"
    for command in ("collect", "tables"):
        assert main([command, str(grid), "--to", str(tmp_path)]) == 2
        assert "predictions.parquet" in capsys.readouterr().err
    assert main(["run", str(grid)]) == 1
    assert "predictions.parquet" in capsys.readouterr().err
    assert main(["run", str(grid), "--remake-damaged"]) == 0
    assert (unit.folder / "predictions.parquet").read_bytes() == before
    assert main(["status", str(grid), "--verify"]) == 0
