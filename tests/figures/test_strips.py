"""Film strips and AU pictures show what the corpus' truth says."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from melib.aus.table import MEANING
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


def test_every_au_of_the_corpus_moves_and_shades_a_face():
    figure = au_effects()
    faces = {ax.get_title(): np.asarray(ax.images[0].get_array(), int) for ax in figure.axes}
    assert set(faces) == {"at rest", *(f"AU{au}: {MEANING[au]}" for au in motion.OPENFACE_AUS)}
    faces = {name.partition(":")[0]: face for name, face in faces.items()}
    rest = faces.pop("at rest")
    changed = {name: np.argwhere(np.abs(face - rest).sum(-1) > 30)[:, 0].mean() for name, face in faces.items()}
    assert changed["AU1"] < changed["AU6"] < changed["AU12"] < changed["AU17"]  # from the brows to the chin
    arrows = {ax.get_title().partition(":")[0]: ax.collections[0].V for ax in figure.axes[1:]}
    assert all(len(down) for down in arrows.values())
    assert (arrows["AU1"] < 0).all() and (arrows["AU26"] > 0).all()  # brows rise, the jaw drops; y points down
    assert set(expressions.HABITS) <= set(motion.OPENFACE_AUS)
    plt.close(figure)
