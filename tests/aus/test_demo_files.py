import shutil

import numpy as np
import pandas as pd
import pytest

from melib.aus.openface import read_openface
from melib.aus.table import NAMES, wide
from melib.corpus.demo.openface import write_openface
from melib.corpus.scan import scan


@pytest.fixture(scope="module")
def root(tiny_root):
    write_openface(tiny_root)
    return tiny_root


def test_every_clip_is_read_and_the_table_says_that_no_tool_looked(root):
    index = scan(root).index
    measured = read_openface(root, index)
    assert set(measured.table["clip_id"]) == set(index["clip_id"])
    assert set(measured.table["tool"]) == {"OpenFace format (synthetic)"}
    assert "Synthetic" in (root / "openface" / "source.json").read_text()


def test_the_change_from_the_onset_is_the_truth_and_the_level_is_not(root):
    index = scan(root).index
    read = wide(read_openface(root, index), "intensity")
    truth = pd.read_parquet(root / "ground_truth" / "clips.parquet").set_index("folder")
    aus = pd.read_parquet(root / "ground_truth" / "aus.parquet").set_index(["clip_id", "frame"])[list(NAMES)]
    change, level, true = [], [], []
    for row in index.itertuples():
        clip = truth.loc[row.folder]
        if {clip.onset, clip.apex} <= set(read.loc[row.clip_id].index):
            change.append(read.loc[row.clip_id, clip.apex] - read.loc[row.clip_id, clip.onset])
            level.append(read.loc[row.clip_id, clip.apex])
            true.append(aus.loc[clip.clip_id, clip.apex])
    change, level, true = (np.ravel(part) for part in (change, level, true))
    assert np.corrcoef(change, true)[0, 1] > 0.9 > 0.7 > np.corrcoef(level, true)[0, 1]
    assert np.abs(level - change).mean() > 1.2 * np.abs(change).mean()  # the resting face outweighs the expression


def test_written_once_and_the_same_bytes_again(root, tmp_path):
    shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns("openface"))
    written = write_openface(tmp_path / "copy")
    files = sorted(path.relative_to(written) for path in written.rglob("*.csv"))
    assert len(files) > 70
    assert all((written / name).read_bytes() == (root / "openface" / name).read_bytes() for name in files)
    (written / files[0]).unlink()
    write_openface(tmp_path / "copy")
    assert not (written / files[0]).exists()
    assert not list((tmp_path / "copy").glob(".openface*"))
