"""`melib run` and `melib status` on the tiny corpus: what is wrong is refused before any kernel starts."""

import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from melib.cli import main
from melib.prepare.data import name_corpus
from melib.study.plan import read_plan
from tests.conftest import toy


def grid(tmp_path, tiny_root, more):
    path = tmp_path / "grid.yaml"
    path.write_text(
        f"{{corpus: {tiny_root}, profile: tiny, network: mlp, hidden: 8, out: {tmp_path / 'runs'}, {more}}}"
    )
    return str(path)


@pytest.mark.parametrize(
    "more, words",
    [
        ("held_out: SAMM, lamda: 0.5", ("row 1", "'lamda'", "'lam'")),
        ("held_out: [SAMM, SMIK]", ("row 2", "'SMIK'", "'SMIC'")),
        ("held_out: SAMM, lam: []", ("lam has no value", "no run at all")),
        ("held_out: SAMM, boxes: ['', nowhere.csv]", ("run 2, SAMM__brl-mlp__flow", "nowhere.csv")),
        ("held_out: SAMM, inputs: [flow, flaw]", ("run 2, SAMM__brl-mlp__flaw", "'flaw'")),
        ("held_out: SAMM, sources: [[SMIC, CASME], [SMIC]]", ("run 2, SAMM__brl-mlp", "at least two source datasets")),
    ],
)
def test_a_row_that_cannot_run_is_named_and_nothing_starts(tmp_path, tiny_root, capsys, more, words):
    assert main(["run", grid(tmp_path, tiny_root, more)]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words)
    assert not (tmp_path / "runs").exists()


def test_a_grid_is_run_once_and_its_state_read_from_disk(tmp_path, tiny_root, capsys):
    path = grid(tmp_path, tiny_root, "held_out: SAMM")
    assert main(["run", path, "--launcher", "print"]) == 0
    assert "-y 'held_out: SAMM'" in capsys.readouterr().out
    assert main(["run", path]) == 0
    (folder,) = (tmp_path / "runs").glob("[!.]*")
    assert {"done", "notebook.ipynb", "run.json", "model.safetensors"} <= {file.name for file in folder.iterdir()}
    assert not list((tmp_path / "runs" / ".work").iterdir())
    before = (folder / "run.json").stat().st_mtime_ns
    assert main(["run", path]) == 0
    assert (folder / "run.json").stat().st_mtime_ns == before
    capsys.readouterr()
    assert main(["status", path]) == 0
    assert capsys.readouterr().out == "1 runs: 1 done\n"


def test_a_demo_corpus_is_not_written_over_something_else(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    assert main(["demo", str(tmp_path), "--size", "tiny"]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_demo_corpus_of_another_seed_has_a_folder_of_its_own(monkeypatch):
    roots = []
    monkeypatch.setattr("melib.corpus.demo.write_demo", lambda root, *_, **__: roots.append(root.name) or root)
    assert [main(["demo"]), main(["demo", "--seed", "1"])] == [0, 0]
    assert roots == ["demo", "demo-seed1"]


def test_a_file_that_is_not_there_ends_a_command_with_one_line(tmp_path, capsys):
    assert main(["controls", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "lacks compare.csv of demo, shift, real: `make controls`" in error and error.count("\n") == 1


def test_a_top_up_that_cannot_be_made_is_refused_before_a_kernel_starts(tmp_path, tiny_root, capsys):
    root = shutil.copytree(tiny_root, tmp_path / "corpus", ignore=shutil.ignore_patterns("openface", "demo.json"))
    more = f"held_out: SAMM, inputs: apex, augment: [none, even], generated: {tmp_path / 'generated'}"
    assert main(["run", grid(tmp_path, root, more)]) == 2
    assert re.search("run 2, SAMM__.*openface", capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


def test_a_grid_of_topped_up_runs_alone_is_prepared_before_its_generator_is_there(tmp_path, tiny_root, capsys):
    path = grid(
        tmp_path, tiny_root, f"held_out: SAMM, inputs: apex, augment: even, generated: {tmp_path / 'generated'}"
    )
    assert main(["prepare", path]) == 0
    generator, run = read_plan(path)
    assert generator.folder == generator.settings.folder(name_corpus(str(tiny_root)))  # named by the corpus alone
    assert run.needs == (generator.folder,)


def test_ctrl_c_ends_a_study_with_one_line(tmp_path):
    """SIGINT to a real process while a run trains: no traceback, the exit code of an interrupt, no kernel left."""
    toy(size=16).save(tmp_path / "samples")
    run = "profile: tiny, inputs: flow_image, image_size: 16, held_out: SAMM, epochs: 100000"
    (tmp_path / "grid.yaml").write_text(f"{{corpus: {tmp_path / 'samples'}, {run}, out: {tmp_path / 'runs'}}}")
    command = [sys.executable, "-m", "melib.cli", "run", str(tmp_path / "grid.yaml")]
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  a suite in the background ignores it
    pipes = dict(stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with subprocess.Popen(command, **pipes, preexec_fn=heard) as process:
        until = time.monotonic() + 60
        while not list((tmp_path / "runs").glob(".work/*/progress.json")) and time.monotonic() < until:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert "stopped; the same command goes on where it was" in said
    assert "Traceback" not in said


def test_a_path_is_sought_from_where_the_user_stands_then_from_the_workbook(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "04_training_brl.ipynb").touch()
    (tmp_path / "inner" / "mine").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    main(["doctor", "mine"])
    assert f"Data root: {tmp_path}/inner/mine" in capsys.readouterr().out
    main(["doctor", "data"])
    assert f"Data root: {tmp_path}/data" in capsys.readouterr().out


def test_bash_completes_commands_options_choices_and_files(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "bash"])
    assert ended.value.code == 0
    (tmp_path / "melib.bash").write_text(capsys.readouterr().out)
    (tmp_path / "mine.yaml").touch()

    def complete(*words):
        last = len(words)
        script = (
            f"shopt -s progcomp; source melib.bash; COMP_WORDS=(melib {' '.join(words)}); COMP_CWORD={last}; "
            'COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}; _shtab_melib; echo ${COMPREPLY[@]}'
        )
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
        return done.stdout.split()

    assert complete("sta") == ["status"]
    assert complete("run", "--lau") == ["--launcher"]
    assert complete("demo", "--size", "ti") == ["tiny"]
    assert complete("run", "mi") == ["mine.yaml"]
