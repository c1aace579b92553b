"""The pipeline: the same bytes however it is run, and never half a cache."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import cv2
import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import make_index
from melib.prepare import pipeline
from melib.prepare.faces import crop, find_face
from melib.prepare.flow import FLOWS, shrink_flow
from melib.prepare.pipeline import FLOW_SIZE, PrepareError, PrepareSettings, prepare, prepared_folder, skipped
from melib.prepare.samples import Samples, is_samples_folder
from tests.prepare.clips import row, write_clip

SMALL = PrepareSettings(image_size=32, apex_rule="midpoint")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(root, index, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    prepare(root, index, SMALL, cache, workers=1)
    return prepared_folder(root, index, SMALL, cache)


def test_samples_are_the_labelled_clips(root, index, folder):
    samples = prepare(root, index, SMALL, folder.parent)
    labelled = index.dropna(subset=["label"])
    assert samples.index["clip_id"].tolist() == labelled["clip_id"].tolist() and len(samples) == 19
    assert samples.arrays["flow"].shape == (19, 2, 32, 32) and samples.arrays["onset"].shape == (19, 32, 32, 3)
    assert isinstance(samples.arrays["flow"], np.memmap)
    for name in index.columns:
        assert samples.index[name].dtype == index[name].dtype, name
    smic = samples.index["dataset"] == "SMIC"
    assert (samples.index["apex_source"][smic] == "midpoint").all() and (samples.index["apex"][smic] == 4).all()
    assert (samples.index["apex_source"][~smic] == "annotated").all() and (samples.index["apex"][~smic] == 3).all()
    assert (samples.index["face_method"] == "cropped").all() and (samples.index["face_h"] == 70).all()


def test_arrays_are_what_the_parts_make_by_hand(root, index, folder):
    samples = prepare(root, index, SMALL, folder.parent)
    at = 7
    clip = samples.index.iloc[at]
    images = [cv2.imread(str(root / clip["folder"] / f"img{n}.png"))[..., ::-1].copy() for n in (1, clip["apex"])]
    face = find_face(images[0], cropped=True)
    for name, image in zip(("onset", "apex"), images, strict=True):
        np.testing.assert_array_equal(samples.arrays[name][at], crop(image, face, 32))
    flow = FLOWS[SMALL.flow_method](*(crop(image, face, FLOW_SIZE) for image in images))
    np.testing.assert_array_equal(samples.arrays["flow"][at], shrink_flow(flow, 32).astype(np.float16))


def test_two_workers_write_the_same_bytes(root, index, folder, tmp_path):
    seen = []
    prepare(root, index, SMALL, tmp_path, workers=2, progress=lambda *count: seen.append(count))
    other = prepared_folder(root, index, SMALL, tmp_path)
    assert other.name == folder.name and contents(other) == contents(folder)
    assert seen == [(n, 19) for n in range(1, 20)]


def test_the_cache_is_named_by_content(root, index, folder, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(root, copy)
    assert prepared_folder(copy, index, SMALL, tmp_path).name == folder.name
    on_gpu = PrepareSettings(32, device="cuda", apex_rule="midpoint")
    assert prepared_folder(copy, index, on_gpu, tmp_path).name == folder.name
    assert prepared_folder(copy, index, PrepareSettings(48, apex_rule="midpoint"), tmp_path).name != folder.name
    (copy / "SMIC" / "c00" / "img6.png").write_bytes((copy / "SMIC" / "c00" / "img3.png").read_bytes())
    assert prepared_folder(copy, index, SMALL, tmp_path).name != folder.name


def test_a_finished_cache_is_not_made_again(root, index, folder, monkeypatch):
    monkeypatch.setattr(pipeline, "_fill", lambda *_: pytest.fail("prepared again"))
    assert len(prepare(root, index, SMALL, folder.parent)) == 19


def test_spotting_finds_the_frame_that_moved_most(root, index, tmp_path):
    samples = prepare(root, index[index["dataset"] == "SMIC"], PrepareSettings(32), tmp_path)
    assert (samples.index["apex_source"] == "spotted").all() and (samples.index["apex"] == 4).all()


def killed_after(root, index, cache, blocks):
    """Prepare in another process that SIGKILLs itself while it writes its last block, half of an array written."""
    index.to_parquet(cache / "index.parquet")
    script = f"""
        import os, signal
        import pandas as pd
        from melib.prepare import pipeline
        index = pd.read_parquet({str(cache / "index.parquet")!r})
        pipeline.BLOCK = 4
        opened = pipeline.open_array

        class Dying:
            def __init__(self, file):
                self.file, self.writes = file, 0
            def write(self, data):
                self.writes += 1
                if self.writes > {blocks}:
                    self.file.write(bytes(data)[:100])
                    self.file.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
                return self.file.write(data)
            def __getattr__(self, name):
                return getattr(self.file, name)
            def __enter__(self):
                return self
            def __exit__(self, *error):
                self.file.close()

        pipeline.open_array = lambda path, *a: Dying(opened(path, *a)) if path.stem == "apex" else opened(path, *a)
        settings = pipeline.PrepareSettings(image_size=32, apex_rule="midpoint")
        pipeline.prepare({str(root)!r}, index, settings, {str(cache)!r}, workers=2)
    """
    return subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)


def test_killed_and_resumed_gives_the_same_bytes(root, index, folder, tmp_path, monkeypatch):
    done = killed_after(root, index, tmp_path, blocks=3)
    assert done.returncode == -signal.SIGKILL, done.stderr
    half = prepared_folder(root, index, SMALL, tmp_path)
    assert not is_samples_folder(half) and (half / "apex.npy").stat().st_size > 12 * 32 * 32 * 3
    monkeypatch.setattr(pipeline, "BLOCK", 4)
    prepared = []
    whole = pipeline._prepare_clip
    monkeypatch.setattr(pipeline, "_prepare_clip", lambda row, *rest: prepared.append(row) or whole(row, *rest))
    prepare(root, index, SMALL, tmp_path)
    assert contents(half) == contents(folder)
    assert len(prepared) == 19 - 12  # three blocks of four were finished


def test_a_write_that_fails_is_a_clear_error_and_leaves_no_cache(root, index, tmp_path):
    index.to_parquet(tmp_path / "index.parquet")
    script = f"""
        import resource
        import pandas as pd
        from melib.prepare.pipeline import PrepareSettings, prepare
        index = pd.read_parquet({str(tmp_path / "index.parquet")!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
        prepare({str(root)!r}, index, PrepareSettings(image_size=32, apex_rule="midpoint"), {str(tmp_path)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert "PrepareError: Preparing stopped" in done.stderr and "Make room and start again" in done.stderr
    assert not is_samples_folder(prepared_folder(root, index, SMALL, tmp_path))
    assert len(prepare(root, index, SMALL, tmp_path)) == 19


def test_a_second_user_waits_for_the_first(root, index, tmp_path, monkeypatch):
    fills = []
    fill = pipeline._fill

    def slowly(*args):
        fills.append(threading.get_ident())
        time.sleep(0.3)
        fill(*args)

    monkeypatch.setattr(pipeline, "_fill", slowly)
    users = [threading.Thread(target=prepare, args=(root, index, SMALL, tmp_path)) for _ in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(fills) == 1 and is_samples_folder(prepared_folder(root, index, SMALL, tmp_path))


@pytest.fixture
def broken(tmp_path):
    """One good clip and one of each way for a clip to be of no use."""
    root = tmp_path / "corpus"
    names = ["good", "rubbish", "one_frame", "sizes", "no_face"]
    for name in names:
        write_clip(root / name, seed=1)
    (root / "rubbish" / "img3.png").write_bytes(b"no image")
    for number in range(2, 7):
        (root / "one_frame" / f"img{number}.png").unlink()
    cv2.imwrite(str(root / "sizes" / "img3.png"), np.zeros((10, 10, 3), np.uint8))
    rows = [row("SAMM", n, clip_id=name, folder=name, cropped=name != "no_face") for n, name in enumerate(names)]
    return root, make_index(rows)


def test_clips_of_no_use_are_left_out_and_listed(broken, tmp_path):
    root, index = broken
    samples = prepare(root, index, SMALL, tmp_path / "cache")
    assert samples.index["clip_id"].tolist() == ["good"] and samples.arrays["flow"].shape[0] == 1
    left_out = skipped(prepared_folder(root, index, SMALL, tmp_path / "cache")).set_index("clip_id")["reason"]
    assert len(left_out) == 4
    for name, words in {
        "rubbish": "cannot be decoded",
        "one_frame": "motion needs two",
        "sizes": "a clip needs one size",
        "no_face": "No face found",
    }.items():
        assert words in left_out[name]


def test_nothing_left_is_an_error(broken, tmp_path):
    root, index = broken
    with pytest.raises(PrepareError, match="No face found"):
        prepare(root, index[index["clip_id"] == "no_face"], SMALL, tmp_path / "cache")
    with pytest.raises(PrepareError, match="5 clip folders are not under"):
        prepare(tmp_path, index, SMALL, tmp_path / "cache")
    with pytest.raises(PrepareError, match="no labelled clip"):
        prepare(root, index.assign(label=pd.NA), SMALL, tmp_path / "cache")


@pytest.mark.parametrize("apex", [1, 99])
def test_an_apex_that_cannot_be_one_is_replaced_and_noted(root, tmp_path, apex):
    index = make_index([row("SAMM", 1, apex=apex)])
    found = prepare(root, index, SMALL, tmp_path).index.iloc[0]
    assert found["apex"] == 4 and found["apex_source"] == "midpoint" and f"annotated apex {apex}" in found["notes"]


def test_a_box_of_no_clip_is_told(root, tmp_path, caplog):
    (tmp_path / "boxes.csv").write_text("clip_id,x,y,w,h\nSAMM/s1/c0l,10,12,40,40\n")
    prepare(root, make_index([row("SAMM", 1)]), PrepareSettings(32, boxes=str(tmp_path / "boxes.csv")), tmp_path)
    assert "1 boxes are of no clip that is prepared here: ['SAMM/s1/c0l']" in caplog.text


def test_loaded_samples_are_saved_into_their_own_folder(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    before = contents(tmp_path)
    Samples.load(tmp_path).save(tmp_path)
    after = contents(tmp_path)
    assert all(after[name] == before[name] for name in ("onset.npy", "apex.npy", "flow.npy"))
    assert len(Samples.load(tmp_path)) == 19


def test_a_users_box_is_cut_out(root, tmp_path):
    (tmp_path / "boxes.csv").write_text("clip_id,x,y,w,h,angle\nSAMM/s1/c01,10,12,40,40,3\n")
    index = make_index([row("SAMM", 1, cropped=False)])
    settings = PrepareSettings(32, boxes=str(tmp_path / "boxes.csv"))
    found = prepare(root, index, settings, tmp_path).index.iloc[0]
    assert found[["face_method", "face_x", "face_w", "face_angle"]].tolist() == ["boxes", 10, 40, 3]
    before = prepared_folder(root, index, settings, tmp_path)
    (tmp_path / "boxes.csv").write_text("clip_id,x,y,w,h\nSAMM/s1/c01,11,12,40,40\n")
    assert prepared_folder(root, index, settings, tmp_path) != before


def test_the_sidecar_says_how_the_arrays_came_to_be(folder):
    sidecar = json.loads((folder / "samples.json").read_text())
    assert sidecar["settings"]["flow_method"] == SMALL.flow_method and sidecar["skipped"] == []
    assert set(sidecar["how"]) == set(sidecar["arrays"]) and sidecar["versions"]["opencv"] == cv2.__version__


def test_raft_goes_through_the_pipeline_in_batches(root, index, tmp_path):
    torch = pytest.importorskip("torch")
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    torch.save(raft_small(weights=None).state_dict(), tmp_path / "raft.pth")
    settings = PrepareSettings(32, flow_method="raft_small", flow_weights=str(tmp_path / "raft.pth"))
    samples = prepare(root, index.iloc[:2], settings, tmp_path)
    assert samples.arrays["flow"].shape == (2, 2, 32, 32) and np.isfinite(samples.arrays["flow"]).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"flow_method": "farnebak"}, "did you mean 'farneback'"),
        ({"apex_rule": "midpiont"}, "did you mean 'midpoint'"),
        ({"image_size": 8}, "from 16 to 1024"),
        ({"image_size": "64"}, "from 16 to 1024"),
    ],
)
def test_wrong_settings_name_the_right_ones(wrong, words):
    with pytest.raises(PrepareError, match=words):
        PrepareSettings(**wrong)


def test_a_missing_file_of_the_settings_is_named(root, index, tmp_path):
    with pytest.raises(PrepareError, match="boxes is nowhere"):
        prepare(root, index, PrepareSettings(32, boxes="nowhere.csv"), tmp_path)
    assert not os.listdir(tmp_path)
