import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from melib.aus.clusters import centroids
from melib.aus.identity import VECTOR_TITLES
from melib.aus.table import NAMES
from melib.corpus.index import CLASSES
from melib.figures import aus as draw
from melib.figures.gallery import redraw
from tests.aus.files import corpus


@pytest.fixture(autouse=True)
def close_all():
    yield
    plt.close("all")


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    parts = [corpus({label: rng.uniform(0, 3, (8, 17)) for label in CLASSES}, name) for name in ("SMIC", "CASME2")]
    vectors, index = (pd.concat(part) for part in zip(*parts, strict=True))
    return vectors, index.reset_index(drop=True)


def test_heat_maps_show_the_means_of_each_dataset_on_one_scale(data):
    vectors, index = data
    axes = [ax for ax in draw.heat_maps(vectors, index.set_index("clip_id")).axes if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in axes] == ["SMIC", "CASME II"]
    shown = axes[1].collections[0].get_array().reshape(3, 17)
    own = index[(index["dataset"] == "CASME2") & (index["label"] == "negative")]["clip_id"]
    np.testing.assert_allclose(shown[1], vectors.loc[own].mean())
    assert len({ax.collections[0].get_clim() for ax in axes}) == 1


def test_cluster_maps_count_and_mark_the_dominant_cluster(data):
    vectors, index = data
    found = centroids(vectors, index, None, 2)
    for label, ax in zip(CLASSES, draw.cluster_maps(vectors, found.members).axes, strict=False):
        first = (found.members.query("label == @label")["cluster"] == 0).sum()
        assert ax.get_title() == f"{label}: {first} of 16 clips"
        assert [len(points.get_offsets()) for points in ax.collections] == [first, 16 - first]


def test_silhouettes_mark_the_best(data):
    ax = draw.silhouette_curves({"positive": {2: 0.1, 3: 0.4, 4: 0.2}}, plt.figure().add_subplot())
    assert [float(v[0]) for v in ax.lines[1].get_data()] == [3, 0.4]


def test_one_clip_a_class_is_drawn_as_a_point_and_no_silhouette_is_claimed(data):
    vectors, index = data
    one = index.groupby("label").head(1)
    members = centroids(vectors.loc[one["clip_id"]], one, None).members
    for ax in draw.cluster_maps(vectors.loc[one["clip_id"]], members).axes:
        assert ax.collections[0].get_offsets().tolist() == [[0, 0]]
        assert "nan" not in ax.get_xlabel() + ax.get_ylabel()
    ax = draw.silhouette_curves({label: {} for label in CLASSES}, plt.figure().add_subplot())
    assert [text.get_text() for text in ax.texts] == ["too few clips to be clustered"]


def test_the_gallery_redraws_both_figures_from_their_tables(tmp_path, data):
    vectors, index = data
    centroids(vectors, index, None).centroids.reset_index().assign(vectors="apex", synthetic=True).to_csv(
        tmp_path / "au_centroids.csv", index=False
    )
    numbers = {"value": 0.3, "low": 0.2, "high": 0.4, "shuffled_low": 0.0, "shuffled_high": 0.1}
    measures = [measure for panel in draw.MEASURES.values() for measure in panel]
    rows = [{"measure": m, "vectors": v, **numbers} for v in VECTOR_TITLES for m in measures]
    pd.DataFrame(rows).assign(synthetic=True).to_csv(tmp_path / "au_identity.csv", index=False)
    assert {path.name for path in redraw(tmp_path)} >= {"au_centroids.png", "au_identity.png"}


def unlike(step):
    """Centroids whose classes share one AU of intensity 1 and have another each, of intensity `step`."""
    return pd.DataFrame(np.eye(3, 17) * step + np.eye(1, 17, 16), columns=list(NAMES)).assign(label=CLASSES)


def test_the_faces_of_the_centroids_are_those_of_their_vectors():
    table = pd.concat([unlike(0.1).assign(vectors="apex"), unlike(3).assign(vectors="difference")])
    figure = draw.centroids(table)
    images = [ax.images[0].get_array() for ax in figure.axes if ax.images]
    assert len(images) == 6
    assert (images[3] != images[4]).any() and (images[4] != images[5]).any()
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles == ["apex (faces: × 5)", "apex − onset (faces: × 2)"]


def test_the_title_says_how_alike_the_centroids_are():
    table = pd.concat([unlike(0.1).assign(vectors="apex"), unlike(3).assign(vectors="difference")])
    most = f"Mean cosine between the classes' AU centroids: {1 / 1.01:.2f} at apex"
    assert draw.centroids_message(table) == f"{most}, {1 / 10:.2f} at apex − onset"
    assert draw.centroids_message(table[table["vectors"] == "apex"]) == most


def test_the_title_says_what_clusters_follow():
    values = {"apex": (0.0, 0.1, 0.4), "reencoded": (0.0, 0.1, 0.3), "difference": (0.2, 0.1, 0.0)}
    rows = [(kind, measure, value) for kind, row in values.items()
            for measure, value in zip(("ami_label", "ami_dataset", "ami_subject"), row, strict=True)]  # fmt: skip
    message = draw.identity_message(pd.DataFrame(rows, columns=["vectors", "measure", "value"]))
    follow = "AU clusters follow the subject (apex: 0.40; apex, re-encoded: 0.30)"
    assert message == f"{follow}, the emotion class (apex − onset: 0.20)"
