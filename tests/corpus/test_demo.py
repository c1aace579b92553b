"""The demo corpus is what it says: exact counts and flow, the sheets fit the frames, the same bytes every time."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import cv2
import numpy as np
import openpyxl
import pandas as pd
import pytest

from melib.corpus import demo
from melib.corpus.demo import actors, layouts, motion
from melib.corpus.index import CLASSES, DATASETS, TABLE1

STILL = (0.0,) * 4  # a head that does not drift


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return demo.write_demo(tmp_path_factory.mktemp("demo") / "tiny", "tiny")


@pytest.fixture(scope="session")
def clips(corpus):
    return pd.read_parquet(corpus / "ground_truth" / "clips.parquet").set_index("clip_id", drop=False)


def rehearsed(dataset, size="tiny"):
    return [actors.rehearse(clip, 0, size) for clip in layouts.plan(dataset, size, 0)]


def digest(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_bytes_with_one_worker_or_two(corpus, tmp_path):
    seen = []
    again = demo.write_demo(tmp_path / "again", "tiny", workers=2, progress=lambda *counts: seen.append(counts))
    assert digest(again) == digest(corpus)
    assert seen[-1][0] == seen[-1][1] and [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_another_seed_gives_another_corpus():
    assert rehearsed("SAMM") != [actors.rehearse(clip, 1, "tiny") for clip in layouts.plan("SAMM", "tiny", 1)]


def test_table_1_exactly():
    for dataset in DATASETS:
        plan = [clip for clip in layouts.plan(dataset, "demo", 0) if clip.in_sheet]
        counts = Counter(clip.label for clip in plan)
        assert tuple(counts[label] for label in CLASSES) == TABLE1[dataset]
        assert len({clip.clip_id for clip in plan}) == len(plan)


def test_everybody_is_dealt_equally_many_clips():
    for dataset in DATASETS:
        counts = Counter(clip.subject for clip in layouts.plan(dataset, "demo", 0) if clip.in_sheet and clip.has_frames)
        assert len(counts) == len(layouts.SUBJECTS[dataset])
        assert max(counts.values()) - min(counts.values()) <= 1 + len(layouts.FAMOUS.get(dataset, ()))


def test_frames_are_gap_free_and_of_the_stated_size(corpus, clips):
    for clip in clips[clips.has_frames].itertuples():
        names = {path.name for path in (corpus / clip.folder).iterdir()}
        assert names == {clip.pattern.format(n) for n in range(clip.onset, clip.offset + 1)}
        assert clip.onset < clip.apex <= clip.offset
    for _, clip in clips[clips.has_frames].groupby("dataset").head(1).iterrows():
        image = cv2.imread(str(corpus / clip.folder / clip.pattern.format(clip.apex)), cv2.IMREAD_UNCHANGED)
        assert image.shape == ((clip.height, clip.width) if clip.dataset == "SAMM" else (clip.height, clip.width, 3))


@pytest.mark.parametrize("dataset", list(layouts.SHEETS))
def test_sheet_rows_match_the_written_frames(corpus, clips, dataset):
    name, _, above, header, _ = layouts.SHEETS[dataset]
    rows = list(openpyxl.load_workbook(corpus / dataset / name).active.iter_rows(values_only=True))
    assert list(rows[len(above)]) == header
    at = {key: header.index(key) for key in header if key}
    offset = next(at[key] for key in at if key.startswith("Offset"))
    table = {}
    for row in rows[len(above) + 1 :]:
        first, last = row[next(at[key] for key in at if key.startswith("Onset"))], row[offset]
        table[str(row[0]).lstrip("0"), row[at["Filename"]]] = (first, row[next(at[k] for k in at if "Apex" in k)], last)
    truth = clips[(clips.dataset == dataset) & clips.in_sheet]
    assert len(table) == len(truth) == len(rows) - len(above) - 1
    for clip in truth.itertuples():
        subject = clip.subject.removeprefix("sub").removeprefix("S").lstrip("0")
        apex = layouts.WRONG_APEX.get(clip.clip_id, clip.annotated_apex)
        assert table[subject, clip.clip] == (clip.onset, apex, clip.offset)


def test_habits_are_planted(corpus, clips):
    full = [clip for name in ("CASME", "CASME2") for clip in layouts.plan(name, "demo", 0)]
    assert len({(clip.dataset, clip.clip) for clip in full}) < len(full)
    assert set(clips.emotion) >= {"others", "repression", "tense", "comtempt"}
    assert {"CASME2/sub09/EP02_02f"} == set(clips.clip_id[~clips.in_sheet])
    assert (corpus / "CASME2/CASME2_RAW_selected/sub09/EP02_02f").is_dir()
    ghosts = clips[~clips.has_frames]
    assert len(ghosts) == 2 and ghosts.label.isna().all()
    assert not any((corpus / folder).exists() for folder in ghosts.folder)
    samm = clips.loc[["SAMM/032/032_3_1", "SAMM/028/028_4_1"]]
    assert samm[["onset", "apex", "offset"]].values.tolist() == [[4896, 4930, 4970], [1071, 1113, 1134]]
    marker = json.loads((corpus / "demo.json").read_text())
    assert marker["habits"] == layouts.HABITS and "synthetic" in marker["notice"]


def test_onset_carries_no_emotion_and_apex_all_of_it(corpus, clips):
    aus = pd.read_parquet(corpus / "ground_truth" / "aus.parquet").set_index(["clip_id", "frame"])
    assert list(aus.columns) == [f"AU{au:02d}" for au in motion.OPENFACE_AUS]
    assert aus.to_numpy().min() >= 0 and aus.to_numpy().max() <= 5
    expression = aus.drop(columns="AU45")
    for clip in clips[clips.has_frames].itertuples():
        course = expression.loc[clip.clip_id]
        assert not aus.loc[clip.clip_id, clip.onset].any()
        assert course.sum(axis=1).idxmax() == clip.apex and course.loc[clip.apex].any()


@pytest.mark.parametrize("dataset", DATASETS)
def test_true_flow_turns_the_apex_into_the_onset(corpus, dataset):
    clip = max((c for c in rehearsed(dataset) if c.has_frames), key=lambda c: sum(c.peak.values()))
    size = actors.camera_of(dataset, "tiny").size
    canvas, px = actors.draw_canvas(0, dataset, clip.subject, "tiny")
    scene = actors.Scene(clip, 0, size, canvas, px)
    onset, apex = scene.moved(clip.onset), scene.moved(clip.apex)
    flow = demo.true_flow(corpus, clip.clip_id)
    assert flow.shape == (2, *size) and flow.dtype == np.float32
    x, y = np.meshgrid(np.arange(size[1], dtype=np.float32), np.arange(size[0], dtype=np.float32))
    back = cv2.remap(apex, x + flow[0], y + flow[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inner = np.s_[4:-4, 4:-4]
    still, warped = np.abs(apex - onset)[inner].mean(), np.abs(back - onset)[inner].mean()
    assert warped < 0.4 * still


def test_an_acted_face_is_the_onset_moved_as_its_apex_is(corpus, clips):
    clip = clips[(clips["dataset"] == "MMEW") & (clips["label"] == "surprise")].iloc[0]
    frames = pd.read_parquet(corpus / "ground_truth" / "aus.parquet").set_index(["clip_id", "frame"])
    paths = {frame: corpus / clip["folder"] / clip["pattern"].format(frame) for frame in (clip["onset"], clip["apex"])}
    onset, apex = (cv2.imread(str(path))[..., ::-1].astype(float) for path in paths.values())
    truth = frames.loc[(clip["clip_id"], clip["apex"])].to_numpy(float)
    rest, acted = (demo.acted_frame(corpus, clip["clip_id"], aus).astype(float) for aus in (0 * truth, 3 * truth))
    assert rest.shape == onset.shape
    assert np.abs(rest - onset).mean() < 4  # grey levels: noise and compression
    assert np.corrcoef((acted - rest).ravel(), (apex - onset).ravel())[0, 1] > 0.2
    assert (demo.acted_frame(corpus, clip["clip_id"], truth) == demo.acted_frame(corpus, clip["clip_id"], truth)).all()


def test_flow_there_and_back_is_nothing():
    person = actors.actor(0, "CASME2", "sub04")
    pose = motion.Pose(40, 35, 70, 0.02)
    first, second = (person.rest, STILL), ({6: 2.5, 12: 3.0, 45: 4.0}, (0.01, -0.005, 0.01, 0.004))
    there = motion.exact_flow(person.muscles, pose, (80, 90), first, second)
    back = motion.exact_flow(person.muscles, pose, (80, 90), second, first)
    x, y = np.meshgrid(np.arange(90, dtype=np.float32), np.arange(80, dtype=np.float32))
    moved = [cv2.remap(part, *(np.float32([x, y]) + there.astype(np.float32)), cv2.INTER_CUBIC) for part in back]
    assert np.abs(there).max() > 0.5
    assert np.abs(there + moved)[:, 5:-5, 5:-5].mean() < 0.002  # what is left is the interpolation of `back` near a lid


def test_an_unsettled_flow_is_an_error():
    person = actors.actor(0, "CASME2", "sub04")
    with pytest.raises(ArithmeticError, match="did not settle"):
        motion.exact_flow(person.muscles, motion.Pose(40, 35, 70, 0), (80, 90), ({}, STILL), ({45: 30.0}, STILL))


def test_the_usual_detector_finds_the_faces(corpus, clips):
    finder = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = []
    for clip in clips[clips.has_frames & (clips.dataset != "MMEW")].itertuples():
        image = cv2.imread(str(corpus / clip.folder / clip.pattern.format(clip.onset)), cv2.IMREAD_GRAYSCALE)
        boxes = finder.detectMultiScale(cv2.equalizeHist(image), 1.1, 5)
        middle = np.array([clip.face_x + clip.face_w / 2, clip.face_y + clip.face_h / 2])
        off = [np.abs(np.array(box[:2]) + np.array(box[2:]) / 2 - middle).max() / clip.face_w for box in boxes]
        found.append(bool(off) and max(off) < 0.15)
    assert np.mean(found) >= 0.9  # tiny faces; the full-sized corpus does better


def test_a_second_call_returns_at_once_and_an_older_version_is_replaced(tmp_path):
    root = demo.write_demo(tmp_path / "corpus", "tiny")
    before = (root / "demo.json").stat().st_mtime_ns
    assert demo.write_demo(root, "tiny") == root and (root / "demo.json").stat().st_mtime_ns == before
    (root / "demo.json").write_text(json.dumps({"size": "tiny", "seed": 0, "version": -1}))
    with pytest.raises(ValueError, match=r"version -1 .* expected .* write_demo replaces it"):
        demo.true_flow(root, "SMIC/s01/s1_ne_01")
    with pytest.raises(ValueError, match="version -1"):
        demo.acted_frame(root, "SMIC/s01/s1_ne_01", np.zeros(17))
    demo.write_demo(root, "tiny")
    assert json.loads((root / "demo.json").read_text())["version"] == demo.VERSION


def test_it_does_not_overwrite_other_people_s_data(tmp_path):
    (tmp_path / "CASME2").mkdir()
    with pytest.raises(FileExistsError, match="something else"):
        demo.write_demo(tmp_path, "tiny")
    with pytest.raises(ValueError, match="Unknown size 'huge'"):
        demo.write_demo(tmp_path / "new", "huge")


def test_the_truth_is_of_clips_with_frames_and_of_the_corpus_that_is_there(corpus, clips, tmp_path):
    ghost = clips.clip_id[~clips.has_frames].iloc[0]
    for name in ("no/such", ghost):
        with pytest.raises(KeyError, match=f"No clip '{name}' with frames .*: take a clip_id whose has_frames is true"):
            demo.true_flow(corpus, name)
        with pytest.raises(KeyError, match=f"No clip '{name}' with frames"):
            demo.acted_frame(corpus, name, np.zeros(17))
    root = shutil.copytree(corpus, tmp_path / "tiny", ignore=shutil.ignore_patterns("*.jpg", "*.bmp"))
    clip = clips.clip_id[clips.has_frames].iloc[0]
    before = demo.acted_frame(root, clip, np.ones(17))
    clips.assign(lamp_gain=0.5).to_parquet(root / "ground_truth" / "clips.parquet", index=False)
    assert demo.acted_frame(root, clip, np.ones(17)).mean() < 0.7 * before.mean()


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.write_demo(tmp_path / "corpus", "tiny", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_nothing_that_looks_whole(tmp_path):
    code = (
        "import pathlib, sys, time\nfrom melib.corpus.demo import write_demo\n"
        "def wait(done, total): pathlib.Path(sys.argv[2]).touch(); time.sleep(60)\n"
        "write_demo(sys.argv[1], 'tiny', progress=wait)\n"
    )
    flag, root = tmp_path / "flag", tmp_path / "there" / "corpus"
    here = {**os.environ, "PYTHONPATH": os.getcwd()}
    writer = subprocess.Popen([sys.executable, "-c", code, str(root), str(flag)], env=here)
    try:
        deadline = time.monotonic() + 30
        while not flag.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert flag.exists() and not root.exists()
    assert not list(root.parent.rglob("demo.json"))
