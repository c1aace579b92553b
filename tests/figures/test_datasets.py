"""Figures of the datasets: the protocols are what they are called, and faces of people are never saved."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_rgba

from melib.corpus.index import DATASETS
from melib.figures import datasets as draw
from melib.figures.gallery import GALLERY, redraw
from melib.figures.style import show
from melib.learning.probes import NAME_ALONE
from melib.prepare.encode import encode
from melib.prepare.samples import Samples


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def faces(datasets=("SMIC", "MMEW"), each=2, size=16):
    rng = np.random.default_rng(0)
    rows = [(f"{d}/{n}", d, f"{d}/s{n}", "positive") for d in datasets for n in range(each)]
    index = pd.DataFrame(rows, columns=["clip_id", "dataset", "subject", "label"])
    pictures = rng.integers(0, 255, (len(rows), size, size, 3)).astype(np.uint8)
    return Samples(
        index,
        {"onset": pictures, "apex": pictures, "flow": rng.normal(size=(len(rows), 2, size, size)).astype(np.float16)},
    )


def maps():
    rng = np.random.default_rng(0)
    rows = [
        {"features": kind, "clips": clips, "dataset": d, "label": label, "x": rng.normal(), "y": rng.normal(),
         "silhouette_dataset": 0.25, "silhouette_label": -0.125, "synthetic": True}
        for kind in ("emotion-trained: one", "untrained: two")
        for clips in ("happiness", "all")
        for d in DATASETS
        for label in (("positive",) if clips == "happiness" else ("positive", "negative", "surprise"))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def probed():
    rows = [
        {"features": name, "target": target, "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "chance": 0.2,
         "bits": 1.0, "bits_low": 0.9, "bits_high": 1.1, "entropy": 2.0, "synthetic": True}
        for name in ("apex", "flow")
        for target in ("dataset", "label")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_each_protocol_tests_on_what_it_says():
    table = draw.protocols_table()
    role = {name: rows for name, rows in table.groupby("protocol")}
    assert (role["CDE"].query("role == 'test'").groupby("fold").size() == 1).all()
    assert set(role["CDE"].query("role != 'unused'")["dataset"]) == {"SMIC", "CASME2", "SAMM"}
    for name in ("HDE", "LODO"):  # no dataset is on both sides
        assert (role[name].groupby(["fold", "dataset"])["role"].nunique() == 1).all()
    tested = role["LODO"].query("role == 'test'").groupby("fold")["dataset"].unique()
    assert [one for (one,) in tested] == list(DATASETS)
    assert (role["LODO"]["role"] != "unused").all()
    assert role["HDE"].query("role == 'train'").groupby("fold")["dataset"].nunique().tolist() == [1, 1]


def test_protocols_draw_a_tile_a_row_in_the_colour_of_its_role():
    table = draw.protocols_table()
    for ax, (_, rows) in zip(draw.protocols(table).axes, table.groupby("protocol", sort=False), strict=False):
        assert [bar.get_facecolor() for bar in ax.patches] == [to_rgba(draw.ROLES[role]) for role in rows["role"]]
        assert [bar.get_y() + 0.32 for bar in ax.patches] == pytest.approx(rows["fold"].tolist())


def test_flow_colours_are_white_at_rest_and_have_the_hues_of_the_wheel_encoding():
    y, x = np.mgrid[-1:1:9j, -1:1:9j]
    colours = draw.flow_colours(np.array([[x, y], [x * 0, y * 0]]))
    assert np.allclose(colours[1], 1)
    assert np.allclose(colours[0][4, 8], [1, 0, 0])  # to the right: red
    wheel = encode(torch.from_numpy(np.array([[x, y]])) * 100, "wheel")[0].permute(1, 2, 0).numpy() / 2 + 0.5
    rim = np.hypot(x, y) >= 1
    assert np.allclose(colours[0][rim], wheel[rim], atol=1e-6)


def test_samples_and_contact_sheet_show_every_clip():
    samples = faces()
    figure = draw.sample_columns(samples)
    assert sum(len(ax.images) for ax in figure.axes) == 3 * 4 + 1  # and the key
    assert sum(len(ax.images) for ax in draw.contact_sheet(samples).axes) == 4
    flow = np.zeros((2, 2, 4, 4))
    flow[0, 0] = 1  # a head that shifts, and one that turns about its middle
    flow[1, 0, :2], flow[1, 0, 2:] = 1, -1
    assert draw.columns_message(flow) == "In these 2 clips 0% to 100% of the flow is common to the whole face"


def test_faces_of_people_are_never_saved(tmp_path, caplog):
    show(draw.contact_sheet(faces()), "sheet", faces().index, out=tmp_path, synthetic=False, faces=True)
    assert not list(tmp_path.iterdir())
    assert "sheet shows faces of a licensed dataset" in caplog.text
    show(draw.contact_sheet(faces()), "sheet", faces().index, out=tmp_path, synthetic=True, faces=True)
    assert {path.name for path in tmp_path.iterdir()} == {"sheet.png", "sheet.csv"}


def test_one_map_leads_and_the_same_by_class_and_other_features_stand_beside_it():
    figure = draw.feature_maps(maps())
    assert [len(ax.collections[0].get_offsets()) for ax in figure.axes] == [15, 15, 15]
    assert [ax.get_xlabel() for ax in figure.axes[:2]] == ["silhouette 0.25, 15 clips", "silhouette −0.12, 15 clips"]
    assert draw.maps_message(maps()).endswith("group by dataset, not by class (silhouette 0.25 against −0.12)")


def test_probes_stand_at_their_numbers_beside_chance_and_entropy():
    accuracy, bits = draw.probes(probed()).axes
    for ax, value, limit in ((accuracy, 0.5, 0.2), (bits, 1.0, 2.0)):
        xs = [line.get_xdata() for line in ax.lines]
        assert [list(x) for x in xs] == [[value, value], [limit, limit]] * 2
    assert [tick.get_text() for tick in accuracy.get_yticklabels()] == ["flow", "apex"]
    first = "At best the dataset is read with accuracy 0.50 from apex"
    message = f"{first},\nthe emotion with 0.50 from apex (there the dataset: 0.50)"
    assert draw.probes_message(probed()) == message
    raw = probed().assign(features=probed()["features"] + ", raw", accuracy=0.3)
    both = draw.probes_message(pd.concat([raw, probed()], ignore_index=True))
    assert both == message.replace("dataset: 0.50)", "dataset: 0.50, from raw apex 0.30)")
    trivial = probed().assign(features=NAME_ALONE, accuracy=1.0)  # a name says its own name
    assert draw.probes_message(pd.concat([trivial, probed()], ignore_index=True)) == message


def test_gallery_redraws_from_the_tables_alone(tmp_path):
    tables = {
        "fig1_protocols": draw.protocols_table().assign(synthetic=False),
        "fig3_tsne": maps(),
        "domain_probes": probed(),
    }
    assert set(tables) <= set(GALLERY)
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    assert {path.name for path in redraw(tmp_path)} >= {f"{name}.png" for name in tables}
