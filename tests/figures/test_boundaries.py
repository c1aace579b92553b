import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from melib.corpus.index import CLASSES
from melib.figures.boundaries import boundaries, message
from melib.figures.style import CLASS_COLOURS
from melib.study.boundaries import CORNERS


def table():
    """Regions that meet at the middle, positive to the right, negative to the left, and a network that is certain."""
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
    certain = pd.DataFrame(CORNERS, columns=["x", "y"]).assign(label=CLASSES, role="probability", fit="network")
    return pd.concat([*parts, network, certain]).assign(panel="flow", held_out="CASME2")


def test_panels_show_probabilities_regions_clips_and_scores():
    figure = boundaries(table())
    own, *planes = figure.axes
    assert [ax.get_title().splitlines()[-1] for ax in figure.axes] == [
        "UAR 80.0",
        "UAR 66.7, on its own clips",
        "UAR 66.7",
    ]
    assert sum(len(points.get_offsets()) for points in own.collections) == 3
    assert [text.get_text() for text in own.texts][:3] == list(CLASSES)
    for ax in planes:
        (image,) = ax.images
        left, right = (image.cmap(image.norm(image.get_array()[150, column]))[:3] for column in (0, -1))
        for shown, label in ((left, "negative"), (right, "positive")):  # the class' own colour, paler
            np.testing.assert_allclose(1 - np.array(shown), 0.22 * (1 - np.array(to_rgb(CLASS_COLOURS[label]))))
        assert sum(len(points.get_offsets()) for points in ax.collections) == 20
    plt.close("all")


def test_the_title_compares_the_plane_with_the_network():
    words = "UAR on a plane of two principal components against the network's own:\nflow 67 against 80"
    assert message(table()) == words
    at_chance = table().assign(uar=lambda rows: rows["uar"].where(rows["fit"] != "train", 1 / 3))
    assert message(at_chance) == words.replace("67 against", "33 (chance) against")
