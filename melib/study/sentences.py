"""Conclusions of the notebooks, computed from tables, in sentences."""

from __future__ import annotations

import pandas as pd

from melib.aus.identity import AGREEMENT, VECTOR_TITLES, too_few_clips
from melib.learning.probes import entropy, mutual_information
from melib.prepare.describe import against_paper

ON_SYNTHETIC = "Shown on the synthetic demo corpus."
BY_CONSTRUCTION = "What the synthetic demo corpus shows is by construction, and no finding about faces."


def corpus_sentences(table: pd.DataFrame, facts: pd.DataFrame, index: pd.DataFrame) -> str:
    """How many clips there are, how the counts stand to the paper's, how small the motion is, and how many bits of the
    emotion the dataset's name alone carries; of `describe.table1`, `describe.clip_facts` and the samples' index.
    """
    motion = facts["motion"].dropna()
    small = (2.24 * motion < 3).mean()
    pixels = f"In {small:.0%} of the clips the motion stays below 3 px of a face 224 px wide. " if len(motion) else ""
    bits = mutual_information(index["dataset"], index["label"])
    return (
        f"{table['clips'].sum()} clips have a class; {table['skipped'].sum()} could not be prepared. "
        f"{against_paper(table)} {pixels}By how the datasets mix the classes, a dataset's name alone carries "
        f"**{bits:.3f}** of the {entropy(index['label']):.2f} bits of emotion, with no picture."
    )


def rest_sentence(difference: pd.DataFrame, apex: pd.DataFrame) -> str:
    """The mean AU intensity at the onset and the mean absolute change until the apex, of two tables of clip vectors."""
    change, apex = difference.align(apex, join="inner")
    return (
        f"At the onset the mean intensity over clips and AUs is {(apex - change).mean(axis=None):.2f}; "
        f"until the apex it changes by {change.abs().mean(axis=None):.2f}."
    )


def identity_sentences(table: pd.DataFrame, clips: int, k: int, synthetic: bool) -> str:
    """What clusters of each kind of AU vector agree with most, and how near the centroids are to their prototypes.

    `table` is of `aus.identity.identity`, the kind in column `vectors`; `clips` are clustered, `k` clusters a class.
    """
    if few := too_few_clips(clips, k):
        return few
    lines = []
    for name, rows in table.set_index("measure").groupby("vectors", sort=False):
        agreement = rows.loc[list(AGREEMENT)].sort_values("value", ascending=False).rename(AGREEMENT)
        first, second = agreement.index[:2]
        clear = agreement["low"].iloc[0] > agreement["high"].iloc[1]
        most = f"most with the {first}" if clear else f"with the {first} no more than with the {second}"
        nearer = "" if rows.loc["emfacs_own", "high"] < rows.loc["emfacs_other", "low"] else "not clearly "
        values = ", ".join(f"{title} {value:.2f}" for title, value in agreement["value"].items())
        lines.append(
            f"- **{VECTOR_TITLES[name]}**: clusters agree {most} ({values}); centroids are {nearer}nearer to their own "
            f"class' EMFACS prototypes, and vary between subjects by {rows.loc['stray_subjects', 'value']:.0%} of the "
            "distance between classes."
        )
    emotion = table[table["measure"] == "ami_label"].set_index("vectors")["value"]
    lines.append(f"\nMost about emotion: **{VECTOR_TITLES[emotion.idxmax()]}**. " + (ON_SYNTHETIC if synthetic else ""))
    return "\n".join(lines)


def quality_sentences(table: pd.DataFrame, images: pd.DataFrame) -> str:
    """How far generated faces go from the neutral to the real one, a line a magnification, and what attention keeps.

    `table` is of `gan.quality.gap_table`, `images` of `image_table`.
    """
    gaps = table[table["measure"] == "aus"].set_index(["magnify", "kind"])[["value", "low", "high"]]
    lines = []
    for magnify in sorted(gaps.index.unique("magnify")):
        generated, control, untrained = (gaps.loc[magnify, kind] for kind in ("generated", "shuffled", "untrained"))
        apart = "above" if generated["low"] > control["high"] else "not clearly above"
        rows = (generated, control, untrained)
        ways = [f"{row['value']:.0%} ({row['low']:.0%} to {row['high']:.0%})" for row in rows]
        lines.append(
            f"- Centroids x {magnify:g}: **{ways[0]} of the way to the real face**, {apart} the control's {ways[1]}; "
            f"before training {ways[2]}."
        )
    kept = images.set_index("measure")["generated"]
    lines.append(
        f"\nAttention keeps {kept['attention']:.0%} of the face, the rest is the colour image; it is saturated at one "
        f"end or the other on {kept['saturated']:.0%} of the pixels. {ON_SYNTHETIC}"
    )
    return "\n".join(lines)


def boundary_sentences(table: pd.DataFrame, pairs: dict[str, tuple[str, str]], synthetic: bool) -> str:
    """What fitting on the held-out clips adds to a plane's UAR, and what BRL adds.

    `table` is of `study.boundaries.panels`; `pairs` maps an input to the panels without and with BRL.
    """
    scores = 100 * table[table["role"] == "score"].set_index(["panel", "fit"])["uar"].unstack()
    uar = scores.dropna() if len(scores) else scores
    lines = []
    if len(uar):
        gain = (uar["held_out"] - uar["train"]).mean()
        lines.append(
            f"- Fitted on the held-out clips themselves, a plane's UAR differs by **{gain:+.1f}** points from one "
            f"fitted on the training clips, mean of {len(uar)} runs. The best of the latter reaches "
            f"{uar['train'].max():.1f}, the best network {uar['network'].max():.1f}: the picture shows what two "
            "components keep of it."
        )
    for array, (plain, brl) in pairs.items():
        if {plain, brl} <= set(uar.index):
            change = uar.loc[brl] - uar.loc[plain]
            lines.append(
                f"- BRL on {array}: **{change['train']:+.1f}** points of UAR on the plane of the training clips, "
                f"{change['held_out']:+.1f} on the paper's, {change['network']:+.1f} for the network itself."
            )
    seeds = "One seed is no test: notebook 06 compares settings over seeds and subjects. "
    return "\n".join([*lines, "", seeds + (ON_SYNTHETIC if synthetic else "")])


def probe_sentences(table: pd.DataFrame, bits_of_the_name: float, synthetic: bool) -> str:
    """What each view carries of dataset and emotion, a line each, and which networks carry more of the dataset.

    `table` is of `domains.probe_table`; `bits_of_the_name` is what the dataset's name alone carries of the emotion.
    """
    datasets = table[table["target"] == "dataset"].set_index("features")
    emotions = table[table["target"] == "label"].set_index("features")
    lines = []
    for name in datasets.index[1:]:
        dataset = datasets.loc[name]
        emotion = emotions.loc[name]
        chance = "above" if dataset["accuracy_low"] > dataset["chance"] else "not surely above"
        alone = "more than" if emotion["bits_low"] > bits_of_the_name else "not surely more than"
        accuracy = f"{dataset['accuracy']:.2f} ({dataset['accuracy_low']:.2f} to {dataset['accuracy_high']:.2f})"
        lines.append(
            f"- **{name}**: the dataset is predicted with accuracy {accuracy}, {chance} chance "
            f"({dataset['chance']:.2f}), at least {dataset['bits']:.2f} bits; of the emotion {emotion['bits']:.2f} "
            f"bits, {alone} the dataset's "
            f"name ({bits_of_the_name:.2f})."
        )
    trained = [name for name in datasets.index if name.endswith("emotion-trained")]
    more = [name for name in trained if datasets.loc[name, "bits_low"] > emotions.loc[name, "bits_high"]]
    names = f": {', '.join(more)}" if more else ""
    lines.append(
        f"\nTrained on the emotion, **{len(more)} of {len(trained)}** networks carry more bits of the dataset than of "
        f"the emotion, intervals apart{names}. " + (BY_CONSTRUCTION if synthetic else "")
    )
    return "\n".join(lines)
