import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from melib.figures.boundaries import boundaries
from melib.figures.style import CLASS_COLOURS


def table():
    """Regions that meet at the middle: positive to the right, negative to the left; and a run that was not made."""
    rng, parts = np.random.default_rng(0), []
    for fit in ("held_out", "train"):
        score = {"role": "score", "share_x": 0.5, "share_y": 0.25, "acc": 0.75, "uar": 2 / 3}
        regions = pd.DataFrame({"label": ["negative", "positive"], "x": [-1, 1], "y": 0, "bias": 0}).assign(
            role="region"
        )
        clips = pd.DataFrame(
            {"x": rng.normal(size=20), "y": rng.normal(size=20), "label": "positive", "role": "held_out"}
        )
        parts.append(pd.concat([pd.DataFrame([score]), regions, clips]).assign(fit=fit))
    network = pd.DataFrame([{"role": "score", "fit": "network", "acc": 0.9, "uar": 0.8}])
    absent = pd.DataFrame([{"panel": "apex", "role": "absent"}])
    return pd.concat([pd.concat([*parts, network]).assign(panel="flow"), absent]).assign(held_out="CASME2")


def test_panels_show_regions_clips_scores_and_what_was_not_run():
    figure = boundaries(table())
    axes = [ax for line in figure.subfigs for ax in line.axes]
    assert [ax.get_title() for ax in axes] == ["flow", "apex"] * 2
    for run, absent, sample in ((axes[0], axes[1], "in-sample"), (axes[2], axes[3], "held out")):
        (image,) = run.images
        left, right = (image.cmap(image.norm(image.get_array()[150, column]))[:3] for column in (0, -1))
        for shown, label in ((left, "negative"), (right, "positive")):  # the class' own colour, paler
            np.testing.assert_allclose(1 - np.array(shown), 0.22 * (1 - np.array(to_rgb(CLASS_COLOURS[label]))))
        assert sum(len(points.get_offsets()) for points in run.collections) == 20
        texts = [text.get_text() for text in run.texts]
        assert texts == [f"plane, {sample}: Acc 75.0 · UAR 66.7\nthe network itself: Acc 90.0 · UAR 80.0"]
        assert [text.get_text() for text in absent.texts] == ["not run"]
    assert [
        line.get_suptitle().startswith(start) for line, start in zip(figure.subfigs, ("As in", "Fitted"), strict=True)
    ]
    plt.close("all")
