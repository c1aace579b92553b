import numpy as np
import pandas as pd
import pytest

from melib.explore.clip import CURVE_FRAMES, ClipPictures, enlarged, warp_along
from melib.explore.clips import ClipBrowser, au_curves
from melib.figures.datasets import flow_colours
from melib.figures.strips import plain_clip
from melib.prepare.flow import lk, remove_head_motion
from melib.prepare.samples import Samples
from tests.conftest import of_every_kind, toy
from tests.explore.conftest import seen


@pytest.fixture
def browser(tiny_clips):
    return ClipBrowser(tiny_clips.samples, tiny_clips.root, synthetic=True)


def test_a_constant_flow_shifts_the_picture_by_so_many_pixels():
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    flow = np.zeros((2, 40, 40), np.float32)
    flow[0], flow[1] = 1, -0.5
    moved = warp_along(image, flow, 4)
    assert (moved[:-2, 4:] == image[2:, :-4]).all()


def test_a_warped_face_moves_by_so_many_times_its_flow(tiny_clips):
    onset = tiny_clips.samples.arrays["onset"][0]
    face = np.ascontiguousarray(np.kron(onset, np.ones((4, 4, 1), np.uint8)))
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    flow = np.float32([0.4 * np.exp(-4 * (x**2 + y**2)), 0.2 * np.exp(-4 * (x**2 + y**2))])
    measured = lk(face, warp_along(face, flow, 5))[:, 40:88, 40:88]
    assert np.abs(measured - 5 * flow[:, 40:88, 40:88]).mean() < 0.35 * 5 * np.abs(flow[:, 40:88, 40:88]).mean()


def test_menus_narrow_the_clips_and_open_the_first(browser, tiny_clips):
    index = tiny_clips.samples.index
    browser.menus["dataset"].value = "SAMM"
    assert set(browser.menus["clip"].options) == set(index.loc[index["dataset"] == "SAMM", "clip_id"])
    assert browser.clip_id.startswith("SAMM/")
    browser.menus["class"].value = "surprise"
    chosen = index[(index["dataset"] == "SAMM") & (index["label"] == "surprise")]
    assert set(browser.menus["clip"].options) == set(chosen["clip_id"])
    assert browser.clip_id in chosen["clip_id"].to_numpy()


def test_the_frame_and_the_magnification_change_the_picture(browser, tiny_clips, tiny_root):
    browser.clip_id = plain_clip(tiny_root, tiny_clips.samples.index["clip_id"])["clip_id"]
    first = browser.pictures.numbers[0]
    browser.times = 1.0
    browser.number = first
    onset, curve = seen(browser.picture), browser.curve.value
    assert (onset == browser.pictures.crop(first)).all()
    browser.number = browser.pictures.apex
    assert browser.curve.value != curve  # the line has moved
    browser.times = 3.0  # as filmed, the frame's noise is not the onset's
    little = np.abs(seen(browser.picture) - onset).mean()
    browser.times = 12.0
    assert np.abs(seen(browser.picture) - onset).mean() > 1.3 * little > 0


def test_the_flow_is_shown_without_the_head_s_motion_where_the_face_is(browser, tiny_clips):
    flows = np.asarray(tiny_clips.samples.arrays["flow"], np.float32)
    row = np.abs(np.median(flows, axis=(2, 3))).max(1).argmax()  # where the head moves most
    browser.clip_id = tiny_clips.samples.index["clip_id"].iloc[row]
    for tick, shown in ((True, remove_head_motion(flows[row])), (False, flows[row])):
        browser.still_head.value = tick
        longest = np.percentile(np.linalg.norm(shown, axis=0), 99.5)
        colours = np.uint8(255 * np.clip(flow_colours(shown[None] / longest)[0], 0, 1))
        assert np.abs(seen(browser.direction.value).astype(float) - enlarged(colours)).mean() < 2


def test_a_clip_opened_from_outside_sets_the_menus_and_a_pool_limits_them(browser, tiny_clips):
    index = tiny_clips.samples.index
    other = index.loc[index["dataset"] == "SMIC", "clip_id"].iloc[0]
    browser.menus["dataset"].value = "SAMM"
    browser.clip_id = other
    assert browser.menus["clip"].value == other
    pool = index["clip_id"].iloc[[3, 30]].to_list()
    browser.pool = pool
    assert list(browser.menus["clip"].options) == pool
    browser.pool = []
    assert len(browser.menus["clip"].options) == len(index)


def test_the_curve_is_zero_at_the_onset_and_of_few_frames(tiny_clips):
    pictures = ClipPictures(tiny_clips.samples, 0, tiny_clips.root)
    numbers, values = pictures.curve()
    assert numbers[0] == pictures.numbers[0]
    assert values[0] == 0 < values[1:].min()
    assert len(numbers) <= CURVE_FRAMES + 1


def test_aus_of_the_clip_are_drawn_where_a_corpus_has_them(tiny_clips):
    aus = au_curves(tiny_clips.root, tiny_clips.samples.index)
    with_aus = ClipBrowser(tiny_clips.samples, tiny_clips.root, aus)
    assert len(with_aus.curves.axes) == 2
    assert "AUs that change most" in with_aus.curves.axes[1].get_title()
    assert len(with_aus.curves.axes[1].lines) == 4
    assert au_curves(tiny_clips.root / "SAMM", tiny_clips.samples.index) is None


def test_the_panel_says_that_clips_are_synthetic(browser, tiny_clips):
    assert "synthetic demo corpus" in browser.message.value
    assert "synthetic" not in ClipBrowser(tiny_clips.samples, tiny_clips.root).message.value


def test_samples_without_frames_show_what_they_have():
    samples = of_every_kind(toy())
    by_kind = {}
    for kinds in (["flow_image"], ["frames"], ["flow_cells"]):
        one = Samples(samples.index, {name: samples.arrays[name] for name in kinds})
        by_kind[kinds[0]] = ClipBrowser(one)
    images = by_kind["flow_image"]
    assert "hold no frames" in images.message.value
    assert seen(images.direction.value).shape == (224, 224, 3)
    assert not images.picture
    assert by_kind["frames"].pictures.numbers == [0, 1, 2, 3]
    assert len(seen(by_kind["frames"].picture)) == 224
    assert not by_kind["flow_cells"].direction.value
    assert "hold no frames" in by_kind["flow_cells"].message.value


def test_an_unknown_clip_and_frames_that_are_gone_are_said_and_the_panel_goes_on(browser, tiny_clips, tmp_path):
    browser.clip_id = "SAMM/nobody/1"
    assert "hold no clip SAMM/nobody/1" in browser.message.value
    browser.clip_id = tiny_clips.samples.index["clip_id"].iloc[5]
    assert "hold no clip" not in browser.message.value
    moved = ClipBrowser(tiny_clips.samples, tmp_path)  # a root without them: the crops are still there
    assert "frames cannot be read" in moved.message.value
    assert len(moved.pictures.numbers) == 2
    assert len(seen(moved.picture)) == 224


def test_a_menu_with_nothing_left_says_so(tiny_clips):
    none = ClipBrowser(tiny_clips.samples.select(np.zeros(len(tiny_clips.samples), bool)), tiny_clips.root)
    assert "No clip is left" in none.message.value


def test_facts_leave_out_what_is_missing(tiny_clips):
    index = tiny_clips.samples.index.assign(au_codes=pd.NA)
    browser = ClipBrowser(Samples(index, tiny_clips.samples.arrays), tiny_clips.root)
    assert "AUs as annotated" not in browser.facts.value
    row = index.iloc[browser.place[browser.clip_id]]
    assert f"apex frame <b>{int(row['apex'])}</b>" in browser.facts.value
