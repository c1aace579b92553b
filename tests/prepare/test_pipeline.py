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
from melib.folder import DamagedError
from melib.prepare import pipeline
from melib.prepare.arrays import ARRAYS
from melib.prepare.faces import crop, find_face
from melib.prepare.flow import FLOWS, shrink_flow
from melib.prepare.pair import FLOW_SIZE
from melib.prepare.pipeline import PAIR, array_folder, prepare, prepared_folder, report
from melib.prepare.samples import Samples
from melib.prepare.settings import PrepareError, PrepareSettings
from melib.prepare.store import check_cache, is_made
from tests.prepare.clips import row, write_clip

SMALL = PrepareSettings(image_size=32, apex_rule="midpoint")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def finished(folder, settings=SMALL, arrays=PAIR):
    """Whether the clips are located and every array is made."""
    return is_made(folder) and all(is_made(array_folder(folder, array, settings)) for array in arrays)


@pytest.fixture(scope="module")
def folder(root, index, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    prepare(root, index, SMALL, cache, workers=1)
    return prepared_folder(root, index, SMALL, cache)


def test_samples_are_the_labelled_clips(root, index, folder):
    samples = prepare(root, index, SMALL, folder.parent).samples
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
    samples = prepare(root, index, SMALL, folder.parent).samples
    clip = samples.index.iloc[7]
    images = [cv2.imread(str(root / clip["folder"] / f"img{n}.png"))[..., ::-1].copy() for n in (1, clip["apex"])]
    face = find_face(images[0], cropped=True)
    for name, image in zip(("onset", "apex"), images, strict=True):
        np.testing.assert_array_equal(samples.arrays[name][7], crop(image, face, 32))
    flow = FLOWS[SMALL.flow_method](*(crop(image, face, FLOW_SIZE) for image in images))
    np.testing.assert_array_equal(samples.arrays["flow"][7], shrink_flow(flow, 32).astype(np.float16))


def test_two_workers_write_the_same_bytes(root, index, folder, tmp_path):
    seen = []
    prepare(root, index, SMALL, tmp_path, workers=2, progress=lambda *count: seen.append(count))
    other = prepared_folder(root, index, SMALL, tmp_path)
    assert other.name == folder.name and contents(other) == contents(folder)
    assert seen == [(what, n, 19) for what in ("faces and apexes located", "clips prepared") for n in (16, 19)]


def test_the_cache_is_named_by_content(root, index, folder, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(root, copy)
    assert prepared_folder(copy, index, SMALL, tmp_path).name == folder.name
    on_gpu = PrepareSettings(32, device="cuda", apex_rule="midpoint")
    assert prepared_folder(copy, index, on_gpu, tmp_path).name == folder.name
    assert prepared_folder(copy, index, PrepareSettings(32), tmp_path).name != folder.name  # another apex
    (copy / "SMIC" / "c00" / "img6.png").write_bytes((copy / "SMIC" / "c00" / "img3.png").read_bytes())
    assert prepared_folder(copy, index, SMALL, tmp_path).name != folder.name


def test_a_finished_cache_is_not_made_again(root, index, folder, monkeypatch):
    monkeypatch.setattr(pipeline, "_make_arrays", lambda *_: pytest.fail("prepared again"))
    assert len(prepare(root, index, SMALL, folder.parent).samples) == 19


def test_only_what_is_asked_for_is_made_and_more_is_made_beside_it(root, index, folder, tmp_path):
    samples = prepare(root, index, SMALL, tmp_path, arrays=["flow"]).samples
    (cache,) = tmp_path.iterdir()
    assert list(samples.arrays) == ["flow"]
    assert [path.name for path in cache.glob("*/values.npy")] == ["values.npy"]
    before = contents(cache)
    samples = prepare(root, index, SMALL, tmp_path, arrays=["onset", "flow_image"]).samples
    assert list(samples.arrays) == ["onset", "flow_image"]
    after = contents(cache)
    assert all(after[path] == content for path, content in before.items())
    assert {path.parts[0].split("-")[0] for path in after if len(path.parts) > 1} == {"flow", "onset", "flow_image"}


def test_a_setting_changes_the_arrays_that_use_it_and_no_others(root, index, tmp_path):
    places = {
        name: [array_folder(tmp_path, name, s) for s in (SMALL, PrepareSettings(48, apex_rule="midpoint"))]
        for name in ("onset", "flow", "flow_image", "lbptop")
    }
    assert {name for name, (one, other) in places.items() if one != other} == {"onset", "flow"}
    dis = PrepareSettings(image_size=32, flow_method="dis", apex_rule="midpoint")
    assert array_folder(tmp_path, "flow_image", SMALL) != array_folder(tmp_path, "flow_image", dis)
    assert array_folder(tmp_path, "onset", SMALL) == array_folder(tmp_path, "onset", dis)


def test_a_new_field_at_rest_names_no_cache_anew():
    assert PrepareSettings().digest(["image_size"]) == PrepareSettings().digest(["image_size", "flow_method"])


def test_an_array_that_is_not_registered_is_named_with_the_nearest(root, index, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'lbptop'"):
        prepare(root, index, SMALL, tmp_path, arrays=["lbptopp"])


def test_spotting_finds_the_frame_that_moved_most(root, index, tmp_path):
    samples = prepare(root, index[index["dataset"] == "SMIC"], PrepareSettings(32), tmp_path).samples
    assert (samples.index["apex_source"] == "spotted").all() and (samples.index["apex"] == 4).all()


def killed_after(root, index, cache, blocks):
    """Prepare in another process that SIGKILLs itself while it writes its last block, half of an array written."""
    index.to_parquet(cache / "index.parquet")
    script = f"""
        import os, signal
        import pandas as pd
        from melib.prepare import pipeline, store
        from melib.prepare.settings import PrepareSettings
        index = pd.read_parquet({str(cache / "index.parquet")!r})
        pipeline.BLOCK = 4
        opened = store.open_array

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

        is_apex = lambda path: path.parent.name.startswith("apex")
        store.open_array = lambda path, *a: Dying(opened(path, *a)) if is_apex(path) else opened(path, *a)
        settings = PrepareSettings(image_size=32, apex_rule="midpoint")
        pipeline.prepare({str(root)!r}, index, settings, {str(cache)!r}, workers=2)
    """
    return subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)


def test_killed_and_resumed_gives_the_same_bytes(root, index, folder, tmp_path, monkeypatch):
    done = killed_after(root, index, tmp_path, blocks=3)
    assert done.returncode == -signal.SIGKILL, done.stderr
    half = prepared_folder(root, index, SMALL, tmp_path)
    apex = array_folder(half, "apex", SMALL)
    assert not is_made(apex) and (apex / "values.npy").stat().st_size > 12 * 32 * 32 * 3
    monkeypatch.setattr(pipeline, "BLOCK", 4)
    prepared = []
    part = pipeline._part
    monkeypatch.setattr(pipeline, "_part", lambda spec, *rest: prepared.append(spec.title) or part(spec, *rest))
    prepare(root, index, SMALL, tmp_path)
    assert contents(half) == contents(folder)
    # Three blocks of four were finished; the onset, written before the apex, had a fourth.
    assert sorted(prepared.count(ARRAYS[name].title) for name in PAIR) == [19 - 16, 19 - 12, 19 - 12]


def test_a_write_that_fails_is_a_clear_error_and_leaves_no_cache(root, index, tmp_path):
    index.to_parquet(tmp_path / "index.parquet")
    script = f"""
        import resource
        import pandas as pd
        from melib.prepare.pipeline import prepare
        from melib.prepare.settings import PrepareSettings
        index = pd.read_parquet({str(tmp_path / "index.parquet")!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
        prepare({str(root)!r}, index, PrepareSettings(image_size=32, apex_rule="midpoint"), {str(tmp_path)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert "PrepareError: Preparing stopped" in done.stderr and "Free disk space and start again" in done.stderr
    assert not finished(prepared_folder(root, index, SMALL, tmp_path))
    assert len(prepare(root, index, SMALL, tmp_path).samples) == 19


def test_a_second_user_waits_for_the_first(root, index, tmp_path, monkeypatch):
    fills = []
    fill = pipeline._make_arrays

    def slowly(wanted, *args):
        fills.append(sorted(wanted))
        time.sleep(0.3)
        fill(wanted, *args)

    monkeypatch.setattr(pipeline, "_make_arrays", slowly)
    users = [threading.Thread(target=prepare, args=(root, index, SMALL, tmp_path)) for _ in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert [wanted for wanted in fills if wanted] == [sorted(PAIR)]  # the second finds nothing left to make
    assert finished(prepared_folder(root, index, SMALL, tmp_path))


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
    prepared = prepare(root, index, SMALL, tmp_path / "cache")
    samples = prepared.samples
    assert samples.index["clip_id"].tolist() == ["good"] and samples.arrays["flow"].shape[0] == 1
    left_out = prepared.skipped.set_index("clip_id")["reason"]
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
    found = prepare(root, index, SMALL, tmp_path).samples.index.iloc[0]
    assert found["apex"] == 4 and found["apex_source"] == "midpoint" and f"annotated apex {apex}" in found["notes"]


def test_a_box_of_no_clip_is_told(root, tmp_path, caplog):
    (tmp_path / "boxes.csv").write_text("clip_id,x,y,w,h\nSAMM/s1/c0l,10,12,40,40\n")
    prepare(root, make_index([row("SAMM", 1)]), PrepareSettings(32, boxes=str(tmp_path / "boxes.csv")), tmp_path)
    assert "1 boxes are of no clip that is prepared here: ['SAMM/s1/c0l']" in caplog.text


def test_loaded_samples_are_saved_into_their_own_folder(root, index, folder, tmp_path):
    made = prepare(root, index, SMALL, folder.parent).samples.save(tmp_path)
    before = contents(made)
    Samples.load(made).save(made)
    assert contents(made) == before and len(Samples.load(made)) == 19


def test_a_clip_of_which_one_array_cannot_be_made_is_left_out_of_those_samples_alone(
    root, index, tmp_path, monkeypatch
):
    make = pipeline._part

    def part(spec, root, row, settings):
        if spec.kind == "vector" and row["clip_id"] == index["clip_id"][3]:
            return {"clip_id": row["clip_id"], "dataset": row["dataset"], "reason": "too short"}, None
        return make(spec, root, row, settings)

    monkeypatch.setattr(pipeline, "_part", part)
    both = prepare(root, index, SMALL, tmp_path, arrays=["onset", "hoof"])
    assert both.skipped.to_dict("records") == [
        {"clip_id": index["clip_id"][3], "dataset": index["dataset"][3], "reason": "too short"}
    ]
    alone = prepare(root, index, SMALL, tmp_path, arrays=["onset"])
    assert len(alone.samples) == 19 and alone.skipped.empty
    kept = alone.samples.index["clip_id"] != index["clip_id"][3]
    assert both.samples.index.equals(alone.samples.index[kept].reset_index(drop=True))
    np.testing.assert_array_equal(both.samples.arrays["onset"], alone.samples.arrays["onset"][kept])
    np.testing.assert_allclose(both.samples.arrays["hoof"].reshape(18, 8, 9).sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ["made.json", "index.parquet", "values.npy"])
def test_a_damaged_cache_is_named(root, index, folder, tmp_path, name):
    shutil.copytree(folder.parent, tmp_path, dirs_exist_ok=True)
    path = next(path for path in sorted((tmp_path / folder.name).rglob(name)))
    path.write_bytes(path.read_bytes()[:-40])
    assert any(name in problem for problem in check_cache(tmp_path))
    with pytest.raises(DamagedError, match=f"damaged: .*{name}"):
        prepare(root, index, SMALL, tmp_path)


def test_a_cache_file_of_another_content_is_found_where_files_are_hashed(folder, tmp_path):
    shutil.copytree(folder, tmp_path / folder.name)
    assert check_cache(tmp_path) == []
    path = next((tmp_path / folder.name).glob("flow-*/values.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (problem,) = check_cache(tmp_path)
    assert "flow-" in problem and "does not have the content" in problem


def test_a_users_box_is_cut_out(root, tmp_path):
    (tmp_path / "boxes.csv").write_text("clip_id,x,y,w,h,angle\nSAMM/s1/c01,10,12,40,40,3\n")
    index = make_index([row("SAMM", 1, cropped=False)])
    settings = PrepareSettings(32, boxes=str(tmp_path / "boxes.csv"))
    found = prepare(root, index, settings, tmp_path).samples.index.iloc[0]
    assert found[["face_method", "face_x", "face_w", "face_angle"]].tolist() == ["boxes", 10, 40, 3]
    before = prepared_folder(root, index, settings, tmp_path)
    (tmp_path / "boxes.csv").write_text("clip_id,x,y,w,h\nSAMM/s1/c01,11,12,40,40\n")
    assert prepared_folder(root, index, settings, tmp_path) != before


def test_each_folder_says_how_it_came_to_be(folder):
    for name in PAIR:
        facts = json.loads((array_folder(folder, name, SMALL) / "made.json").read_text())
        assert facts["settings"]["flow_method"] == SMALL.flow_method and facts["skipped"] == []
        assert facts["title"] == ARRAYS[name].title and facts["versions"]["opencv"] == cv2.__version__


def test_raft_goes_through_the_pipeline_in_batches(root, index, tmp_path):
    torch = pytest.importorskip("torch")
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    torch.save(raft_small(weights=None).state_dict(), tmp_path / "raft.pth")
    settings = PrepareSettings(32, flow_method="raft_small", flow_weights=str(tmp_path / "raft.pth"))
    samples = prepare(root, index.iloc[:2], settings, tmp_path, arrays=["flow", "flow_image"]).samples
    assert samples.arrays["flow"].shape == (2, 2, 32, 32) and np.isfinite(samples.arrays["flow"]).all()
    assert samples.arrays["flow_image"].shape == (2, 28, 28, 3) and np.ptp(samples.arrays["flow_image"]) == 255


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"flow_method": "farnebak"}, r"Did you mean 'farneback'\? There are"),
        ({"apex_rule": "midpiont"}, "Did you mean 'midpoint'"),
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


def test_clips_left_out_for_one_reason_are_told_together():
    skipped = [{"clip_id": f"SAMM/006/c{n}", "reason": f"{n} frame(s) from onset {n} in SAMM/006/c{n}: needs two."}
               for n in range(10)]  # fmt: skip
    skipped.append({"clip_id": "SMIC/s1/x", "reason": "no face"})
    text = report(skipped)
    assert text.startswith("11 clips cannot be prepared. 10 x 0 frame(s) from onset 0 in SAMM/006/c0: needs two. (SAMM")
    assert text.endswith("and 2 more) 1 x no face (SMIC/s1/x)")
