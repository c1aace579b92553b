"""Pictures of motion against the numbers they show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from melib.corpus.scan import read_index
from melib.figures.motion import BINS, apex_accuracy, apex_message, flow_accuracy, flow_message, one_clip
from melib.prepare.describe import frames_and_motion
from melib.prepare.pipeline import prepare
from melib.prepare.settings import PrepareSettings


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def flow_errors():
    rows = [
        {"method": method, "source": source, "motion": motion, "epe": epe, "ms": 5.0}
        for source in ("photo", "demo")
        for motion in ("under 0.5 px", "1-2 px")
        for method, epe in (("lk, window 6 px", 0.2), ("DIS, finest scale 1", 0.1))
    ]
    return pd.DataFrame(rows)


def test_flow_errors_stand_at_their_numbers_best_on_top():
    *panels, time = flow_accuracy(flow_errors()).axes
    labels = panels[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["Lucas-Kanade, window 6 px (default)", "DIS, finest scale 1"]
    assert [label.get_fontweight() for label in labels] == ["bold", "normal"]
    for ax in panels:
        assert [line.get_label() for line in ax.lines] == list(BINS)[::2]
        assert all(line.get_xdata() == pytest.approx([0.2, 0.1]) for line in ax.lines)
    assert list(time.lines[0].get_xdata()) == [5, 5]


def test_the_title_sets_the_default_flow_beside_none_and_the_best():
    first = "Mean error (px) where the face moves by up to 1 px"
    other = "default 0.20, least 0.10 (DIS, finest scale 1)"
    sources = f"photograph, moved: {other}\ndemo clips (synthetic): {other}"
    assert flow_message(flow_errors()) == f"{first}\n{sources}"
    still = flow_errors().query("source == 'photo'").replace("DIS, finest scale 1", "no flow")
    assert flow_message(still) == f"{first}\nphotograph, moved: default 0.20, no flow 0.10, least 0.10 (no flow)"
    alone = flow_errors().query("method != 'DIS, finest scale 1' and source == 'photo'").assign(epe=0.1)
    assert flow_message(alone).endswith("\nphotograph, moved: default 0.10")


def apex_rows():
    rows = [
        {"rule": rule, "dataset": "SAMM", "frames": k, "taken": k / 2, "blinks": 4}
        for k, rule in enumerate(("motion", "midpoint", "unguarded"))
    ]
    return pd.DataFrame(rows)


def test_apex_errors_stand_at_their_numbers_best_on_top():
    axes = apex_accuracy(apex_rows()).axes
    samm = [next(line for line in ax.lines if line.get_label() == "SAMM") for ax in axes]
    assert [list(line.get_xdata()) for line in samm] == [[2, 1, 0], [1, 0.5, 0]]
    assert axes[0].get_yticklabels()[1].get_text() == "middle frame"
    message = "The default is 0.00 frames off the true apex, nearer than the middle frame (1.00);\n"
    blinks = "it takes a blink for the apex in 0% of a dataset's clips with one, in 100% where blinks count"
    assert apex_message(apex_rows()) == message + blinks
    off = apex_rows().assign(frames=1.0)
    assert apex_message(off) == f"{message.replace('0.00', '1.00').replace('nearer', 'no nearer')}{blinks}"


def test_one_clip_shows_its_frames_its_apex_and_its_flow(tiny_root, tmp_path):
    index = read_index(tiny_root)
    clip = index[(index["apex_source"] == "annotated") & ~index["cropped"] & index["label"].notna()].iloc[[0]]
    samples = prepare(tiny_root, clip, PrepareSettings(64), tmp_path).samples
    row = samples.index.iloc[0]
    frames, curve = frames_and_motion(tiny_root, row)
    assert next(iter(frames)) == row["onset"] and list(frames)[-1] == row["offset"] and len(curve) == len(frames)
    assert curve[0] == 0 and (curve[1:] > 0).all()
    figure = one_clip(samples, frames, curve)
    titles = {ax.get_title(): ax for ax in figure.axes}
    assert {"onset", "apex", f"frame {row['offset'] - row['onset']}"} <= set(titles)
    np.testing.assert_array_equal(titles["apex"].images[0].get_array(), frames[row["apex"]])
    samples.index["apex"] = list(frames)[1]  # next to the onset, which stays
    early = [ax.get_title() for ax in one_clip(samples, frames, curve).axes]
    assert early[:2] == ["onset", "apex"] and f"frame {row['offset'] - row['onset']}" in early
    samples.index["apex"] = row["apex"]
    line, apex = titles["mean motion since the onset, without the head's"].lines
    np.testing.assert_array_equal(line.get_ydata(), curve)
    assert apex.get_xdata()[0] == row["apex"] - row["onset"] and apex.get_label() == "apex, annotated"
    u = 100 * samples.arrays["flow"][0, 0].astype(np.float32) / 64
    np.testing.assert_allclose(titles["u, to the right"].images[0].get_array(), u, rtol=1e-5)
    moved = 100 / 64 * np.percentile(np.hypot(*samples.arrays["flow"][0].astype(np.float32)), 99.5)
    assert f" {moved:.1f} % of the face's width" in figure.get_suptitle()
    figure.canvas.draw()
