"""Film strips and AU pictures show what the corpus' truth says."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from melib.corpus.demo import expressions, motion
from melib.figures.strips import EMOTIONS, au_effects, film_strips, plain_clip, strip_clips


def test_a_strip_an_emotion_without_a_blink_with_its_aus_in_words(tiny_root):
    truth = pd.read_parquet(tiny_root / "ground_truth" / "clips.parquet").set_index("clip_id")
    clips = strip_clips(tiny_root)
    assert clips["acted"].tolist() == [emotion for emotion in EMOTIONS if emotion in set(clips["acted"])]
    aus = pd.read_parquet(tiny_root / "ground_truth" / "aus.parquet").set_index(["clip_id", "frame"])
    for clip in clips.itertuples():
        assert truth.loc[clip.clip_id, "blink"] == 0 and truth.loc[clip.clip_id, "acted"] == clip.acted
        shown = aus.loc[clip.clip_id, clip.apex].drop("AU45")
        assert clip.aus.count("AU") == (shown > 0).sum()
    plain = plain_clip(tiny_root, truth.index)
    assert plain["dataset"] not in ("MMEW", "SAMM") and truth.loc[plain["clip_id"], "blink"] == 0
    assert plain["typical"] >= clips.loc[clips["dataset"] != "MMEW", "typical"].max()
    assert plain_clip(tiny_root, truth.index[truth["blink"] > 0]) is None
    figure = film_strips(tiny_root, clips, frames=5)
    assert len(figure.axes) == 6 * len(clips)
    titles = [ax.get_title() for ax in figure.axes[:6]]
    assert "apex" in titles and "onset" in titles
    plt.close(figure)


def test_every_au_of_the_corpus_has_its_motion_and_its_shade():
    figure = au_effects()
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == 2 * len(motion.OPENFACE_AUS)
    titled = {ax.get_title(): np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.get_title()}
    assert set(titled) == {f"AU{au}" for au in motion.OPENFACE_AUS}
    assert all((image < 0.9).any() for image in titled.values())  # colour: something moves
    assert set(expressions.HABITS) <= set(motion.OPENFACE_AUS)
    plt.close(figure)
