import json
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from melib.learning.fit import fit
from melib.learning.record import is_done, peak_memory, read_run, save_run
from melib.prepare.data import Data
from tests.conftest import settings, toy

FILES = {"run.json", "history.parquet", "predictions.parquet", "model.safetensors", "done"}


def data():
    return Data(toy(), "0123456789abcdef", synthetic=True, skipped=pd.DataFrame())


def test_the_run_folder_is_complete_and_reads_back(tmp_path):
    run = settings(out=str(tmp_path), lam=0.3)
    result = fit(data().samples, run)
    folder = save_run(result, run, data())
    assert {path.name for path in folder.iterdir()} == FILES
    assert [path.name for path in tmp_path.glob("[!.]*")] == [run.run_name(data().fingerprint)]

    back = read_run(folder)
    assert back.settings == run
    pd.testing.assert_frame_equal(back.history, result.history)
    pd.testing.assert_frame_equal(back.predictions, result.predictions, check_dtype=False)
    stored = load_file(folder / "model.safetensors")
    assert all(torch.equal(stored[f"network.{k}"], v) for k, v in result.method.network.state_dict().items())
    assert torch.equal(stored["brl.weight"], result.method.brl.weight)
    assert back.facts["synthetic"] is True
    assert back.facts["clips"]["held_out"] == {"SAMM": 30}
    assert back.facts["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]


def test_a_finished_run_is_left_alone(tmp_path):
    run = settings(out=str(tmp_path))
    result = fit(data().samples, run)
    folder = save_run(result, run, data())
    before = (folder / "run.json").stat().st_mtime_ns
    assert save_run(result, run, data()) == folder
    assert (folder / "run.json").stat().st_mtime_ns == before


def test_a_failure_while_writing_leaves_nothing_that_looks_done(tmp_path, monkeypatch):
    run = settings(out=str(tmp_path))
    result = fit(data().samples, run)

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(OSError, match="No space"):
            save_run(result, run, data())
    folder = tmp_path / run.run_name(data().fingerprint)
    assert not folder.exists()
    with pytest.raises(FileNotFoundError, match="no finished run"):
        read_run(folder)
    assert is_done(save_run(result, run, data()))


def test_a_run_killed_half_way_leaves_nothing_that_looks_done(tmp_path):
    code = """
import sys
from melib.learning.fit import fit
from melib.learning.record import save_run
from tests.conftest import settings
from tests.learning.test_record import data
run = settings(out=sys.argv[1], epochs=100_000)
save_run(fit(data().samples, run, lambda epoch, *_: print(epoch, flush=True)), run, data())
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert first == "1\n"
    assert not [path for path in tmp_path.rglob("done")]


def test_memory_is_the_most_that_was_held_also_after_it_was_let_go():
    before = peak_memory()
    held = np.ones((before + 100) << 20, np.uint8)  # alone more than all until now
    del held
    assert before + 100 <= peak_memory() <= 2 * before + 200


def test_run_json_is_plain(tmp_path):
    run = settings(out=str(tmp_path))
    facts = json.loads((save_run(fit(data().samples, run), run, data()) / "run.json").read_text())
    assert facts["settings"]["held_out"] == "SAMM"
    assert set(facts) >= {"versions", "revision", "dirty", "seconds", "memory", "device", "finished", "data"}


@pytest.mark.parametrize("there, computed", [(False, "fp32"), (True, "bf16")])
def test_run_json_says_in_which_precision_a_run_was_computed(there, computed, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": there}, raising=False)
    run = settings(out=str(tmp_path), precision="bf16", device="cpu", epochs=1, brl_start=1)
    facts = json.loads((save_run(fit(data().samples, run), run, data()) / "run.json").read_text())
    assert (facts["settings"]["precision"], facts["computed_in"]) == ("bf16", computed)
