import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from melib.aus.table import NAMES
from melib.corpus.index import CLASSES
from melib.figures import gan as draw


def test_plan_bars_stand_on_what_is_there():
    rows = [(scheme, name, label, 10, k) for scheme in draw.SCHEMES for name in ("SMIC", "SAMM")
            for k, label in enumerate(CLASSES)]  # fmt: skip
    figure = draw.plan_bars(pd.DataFrame(rows, columns=["scheme", "dataset", "label", "present", "added"]))
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["SMIC", "SAMM"]
    tops = [bar.get_y() + bar.get_height() for bar in figure.axes[0].patches]
    assert sorted(set(tops)) == [10, 11, 12]
    assert {text.get_text() for text in figure.axes[0].texts} == {"1", "2"}  # 0 has no number
    assert figure.get_suptitle() == "Filling each dataset up to 33 clips adds 6 generated to 60"
    plt.close(figure)


def test_curves_draw_every_loss():
    names = {name for lines in draw.CURVES.values() for name in lines}
    history = pd.DataFrame({"step": range(1, 101), **dict.fromkeys(names, 0.5)})
    figure = draw.curves(history)
    assert sum(len(ax.lines) for ax in figure.axes) == len(names)
    plt.close(figure)


def test_the_sheet_shows_every_dataset_and_class():
    grey = np.full((8, 8, 3), 100, np.uint8)
    faces = {(name, label): (grey, grey, np.ones((8, 8)), grey + 12) for name in ("MMEW", "SMIC") for label in CLASSES}
    figure = draw.sheet(faces)
    assert [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()] == ["SMIC", "MMEW"]
    assert len(figure.axes) == 2 * (1 + 2 * len(CLASSES))
    assert (figure.axes[1].images[0].get_array() == 100 + draw.MAGNIFIED * 12).all()
    message = "Generated faces differ from the neutral ones by 12.0 grey levels of 255 on average"
    assert draw.sheet_message(faces) == message
    changes = [ax.images[0].get_array() for ax in figure.axes if ax.images[0].get_cmap().name == "RdBu_r"]
    assert all((change == 12).all() for change in changes)
    ax = draw.strip(np.stack([grey, grey]), ["a", "b"], plt.figure().add_subplot())
    assert ax.images[0].get_array().shape == (8, 16, 3)
    plt.close("all")


def test_quality_draws_both_tables():
    gaps = [(m, x, kind, 0.6, 0.5, 0.7) for m in draw.MEASURES for x in (1, 3) for kind in draw.KINDS]
    table = pd.concat([
        pd.DataFrame(gaps, columns=["measure", "magnify", "kind", "value", "low", "high"]),
        pd.DataFrame([(au, kind, 0.5, 0.1) for au in NAMES for kind in draw.READ],
                     columns=["au", "kind", "correlation", "error"]),
    ]).assign(preset="paper", held_out="SAMM")  # fmt: skip
    figure = draw.quality(table)
    *measures, errors = figure.axes
    assert [len(ax.collections) for ax in measures] == [len(draw.KINDS)] * len(draw.MEASURES)
    assert [len(line.get_xdata()) for line in errors.lines] == [17] * len(draw.READ)
    assert "for 17 of 17 the reader errs" in errors.get_title()
    better = table.assign(error=table["error"].mask((table["kind"] == "real") & (table["au"] != "AU12"), 0.05))
    assert "for 1 of 17 the reader errs" in draw.quality(better).axes[-1].get_title()
    assert figure.legends[0].get_title().get_text() == "SAMM held out"
    way = "60% (50% to 70%) of the way to the real AUs, before training 60%, the control 60%"
    assert draw.quality_message(table) == f"Generated faces go {way}"
    plt.close(figure)


def test_folds_name_the_worst_and_the_best():
    table = pd.DataFrame([(name, kind, value, value - 0.1, value + 0.1, 90.0)
                          for name, way in (("SMIC", 0.6), ("SAMM", 0.7))
                          for kind, value in (("generated", way), ("shuffled", way - 0.5), ("untrained", 0.3))],
                         columns=["held_out", "kind", "value", "low", "high", "seconds"])  # fmt: skip
    figure = draw.folds(table)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["SMIC\n1.5 min", "SAMM\n1.5 min"]
    assert draw.folds_message(table) == (
        "Generated faces go 60% to 70% of the way to the real AUs, before training 30% to 30%:\n"
        "the intervals are apart in 2 of 2 folds"
    )
    near = table.assign(low=table["low"].mask(table["held_out"] == "SMIC", 0.3))
    assert draw.folds_message(near).endswith("in 1 of 2 folds")
