"""What is expressed in the demo corpus follows its declared chances, and shades and cues are what they say."""

import numpy as np
import pytest

from melib.corpus.demo import actors, cues, expressions, layouts, motion, shading
from melib.corpus.index import CLASSES, DATASETS
from melib.corpus.mapping import label_of


def rehearsed(seed=0):
    return [actors.rehearse(clip, seed, "demo") for name in DATASETS for clip in layouts.plan(name, "demo", seed)]


@pytest.fixture(scope="module")
def clips():
    return rehearsed()


def test_every_emotion_that_is_annotated_can_be_shown():
    shown = {clip.acted for name in DATASETS for clip in layouts.plan(name, "demo", 0)}
    assert shown <= set(expressions.EMOTIONS)
    assert {au for chances in expressions.EMOTIONS.values() for au in chances} <= set(motion.OPENFACE_AUS)


def test_aus_come_as_often_as_their_chances_say():
    rng = np.random.default_rng(0)
    habit = 25
    drawn = [expressions.draw_aus(rng, "fear", habit, 1.0) for _ in range(20_000)]
    chances = expressions.EMOTIONS["fear"]
    none = np.prod([1 - chance for chance in chances.values()])  # then the first of them shows
    first = next(iter(chances))
    for au, chance in chances.items():
        expected = chance + (none if au == first else 0)
        if au == habit:
            expected += (1 - expected) * expressions.HABIT_SHARE
        assert np.mean([au in aus for aus in drawn]) == pytest.approx(expected, abs=0.015)
    assert not any(set(aus) - set(chances) for aus in drawn)
    assert all(0 < value <= 5 for aus in drawn for value in aus.values())


def test_intensities_have_the_declared_median_and_spread_and_follow_the_dataset():
    def logarithms(strong):
        rng = np.random.default_rng(0)
        drawn = [expressions.draw_aus(rng, "contempt", 14, strong) for _ in range(20_000)]
        return np.log([aus[14] for aus in drawn if 14 in aus])

    usual = logarithms(1.0)
    low, middle = np.quantile(usual, [0.1587, 0.5])  # one standard deviation; intensities above 5 are cut
    assert np.exp(middle) == pytest.approx(expressions.STRENGTH, rel=0.05)
    assert middle - low == pytest.approx(np.hypot(expressions.STRENGTH_SPREAD, expressions.AU_SPREAD), rel=0.05)
    assert np.exp(np.median(logarithms(1.5)) - middle) == pytest.approx(1.5, rel=0.01)


def test_annotators_doubt_changes_the_class_of_a_declared_share_of_clips(clips):
    labelled = [clip for clip in clips if clip.label]
    planned = {clip.clip_id: clip.acted for name in DATASETS for clip in layouts.plan(name, "demo", 0)}
    changed = [clip for clip in labelled if clip.acted != planned[clip.clip_id]]
    assert len(changed) / len(labelled) == pytest.approx(expressions.DOUBT, abs=0.035)
    assert all(label_of("any", clip.acted) != clip.label for clip in changed)
    assert all(clip.acted == planned[clip.clip_id] for clip in clips if clip.label is None)


def test_a_subject_s_habit_comes_along_in_a_declared_share_of_clips(clips):
    rows = [(clip, actors.actor(0, clip.dataset, clip.subject).habit) for clip in clips]
    foreign = [(clip, habit) for clip, habit in rows if habit not in expressions.EMOTIONS[clip.acted]]
    share = np.mean([habit in clip.peak for clip, habit in foreign])
    assert share == pytest.approx(expressions.HABIT_SHARE, abs=0.07)


def test_an_annotated_apex_is_off_by_the_declared_frames_and_within_the_clip(clips):
    errors = np.array([clip.annotated_apex - clip.apex for clip in clips])
    assert 0.5 * expressions.APEX_ERROR < errors.std() < 1.3 * expressions.APEX_ERROR
    assert all(clip.onset < clip.annotated_apex < clip.offset for clip in clips)


@pytest.mark.parametrize("au", sorted(shading.SHADES))
def test_a_shade_is_symmetric_lies_on_the_face_and_darkens_the_more_the_stronger(au):
    x, y = np.meshgrid(np.linspace(-0.6, 0.6, 241), np.linspace(-0.5, 0.9, 281))
    field = shading.shade_field(au, x, y)
    assert np.allclose(field, field[:, ::-1])
    edge = np.r_[field[:, 0], field[:, -1], field[0], field[-1]]
    assert np.abs(edge).max() < 0.02 * np.abs(field).max()
    clear = np.abs(field) > 1e-3
    faint, once, strong = (np.log(shading.brightness(share * field[clear])) for share in (0.01, 1, 100))
    assert np.allclose(faint, -shading.DEPTH * 0.01 * field[clear], atol=1e-4)
    assert (np.abs(once) >= np.abs(faint)).all() and np.abs(strong).max() <= shading.DARKEST + 1e-6


def test_shades_change_the_frame_and_not_the_flow(tmp_path):
    clip = max((c for c in rehearsed() if c.has_frames and 25 in c.peak), key=lambda c: c.peak[25])
    size = actors.camera_of(clip.dataset, "tiny").size
    canvas, px = actors.draw_canvas(0, clip.dataset, clip.subject, "tiny")
    scene = actors.Scene(clip, 0, size, canvas, px)
    assert np.array_equal(scene.draw(clip.onset), scene.moved(clip.onset))
    assert np.abs(scene.draw(clip.apex) - scene.moved(clip.apex)).max() > 0.02


def test_a_leaning_face_moves_further_on_its_right_in_the_picture():
    muscles = motion.new_muscles(np.random.default_rng(0))
    leaned = motion.lean(muscles, 0.4)
    for au, rows in muscles.items():
        gain = np.hypot(*leaned[au][:, 4:].T) / np.hypot(*rows[:, 4:].T)
        assert gain == pytest.approx(1 + 0.4 * np.sign(rows[:, 0].round(6)))


def test_a_shift_goes_with_the_class_in_the_sources_and_against_it_where_held_out(clips):
    shifted = rehearsed()
    cues.add(shifted, "SAMM", 0)
    sources = [name for name in DATASETS if name != "SAMM"]
    expected = {**dict(zip(sources, cues.AGREEMENT, strict=True)), "SAMM": cues.HELD_OUT_AGREEMENT}
    for name in DATASETS:
        labelled = [clip for clip in shifted if clip.dataset == name and clip.label]
        agreement = np.mean([clip.cue == clip.label for clip in labelled])
        assert agreement == pytest.approx(expected[name], abs=0.09)
    for plain, clip in zip(clips, shifted, strict=True):
        assert plain.peak == clip.peak and plain.noise_seed == clip.noise_seed and plain.drift[2:] == clip.drift[2:]
        moved = np.subtract(clip.drift[:2], plain.drift[:2])
        step = np.multiply(cues.STRENGTH, cues.CUE[clip.cue]) if clip.label else (0, 0)
        assert moved == pytest.approx(np.array(step))
    assert set(cues.CUE) == set(CLASSES)
