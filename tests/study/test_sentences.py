import numpy as np
import pandas as pd

from melib.study.sentences import (
    boundary_sentences,
    corpus_sentences,
    identity_sentences,
    probe_sentences,
    quality_sentences,
    rest_sentence,
)


def probed(dataset_bits, emotion_bits, accuracy=0.6):
    rows = []
    for name in ("the name", "CNN on flow, emotion-trained"):
        for target, bits in (("dataset", dataset_bits), ("label", emotion_bits)):
            rows.append({"features": name, "target": target, "chance": 0.2, "accuracy": accuracy,
                         "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.1, "bits": bits,
                         "bits_low": bits - 0.1, "bits_high": bits + 0.1})  # fmt: skip
    return pd.DataFrame(rows)


def test_probes_in_words():
    text = probe_sentences(probed(1.0, 0.4), 0.2, synthetic=True)
    assert "accuracy 0.60 (0.50 to 0.70), above chance (0.20), at least 1.00 bits" in text
    assert "0.40 bits, more than the dataset's name (0.20)" in text and "the name**" not in text
    assert "**1 of 1** networks carry more bits" in text and "by construction" in text
    other = probe_sentences(probed(0.4, 0.5, accuracy=0.25), 0.45, synthetic=False)
    assert "not surely above chance" in other and "not surely more than the dataset's name" in other
    assert "**0 of 1** networks" in other and "synthetic" not in other


def facts(motion):
    return pd.DataFrame({"motion": motion})


def test_what_a_corpus_holds():
    index = pd.DataFrame({"dataset": list("aabb"), "label": ["positive", "positive", "negative", "negative"]})
    table = pd.DataFrame(
        {"clips": [3, 2], "skipped": [1, 0], "paper_positive": [np.nan, np.nan], "dataset": ["a", "b"]}
    )
    text = corpus_sentences(table, facts([1.0, 1.0, 2.0, np.nan]), index)  # 3 px of 224 are 1.34 %
    assert text.startswith("5 clips have a class; 1 could not be prepared. None of these datasets is among")
    assert "In 67% of the clips the motion stays below 3 px" in text
    assert "**1.000** of the 1.00 bits of emotion" in text
    assert "the motion stays" not in corpus_sentences(table, facts([np.nan]), index)


def test_faces_at_rest_have_aus():
    apex = pd.DataFrame({"AU01": [1.0, 2.0], "AU02": [1.0, 0.0]}, index=["a", "b"])
    difference = pd.DataFrame({"AU01": [0.5, -0.5], "AU02": [0.0, 0.0]}, index=["b", "a"])
    text = rest_sentence(difference, apex)
    assert "mean intensity over clips and AUs is 1.00; until the apex it changes by 0.25" in text


def identity_table(label, own_high=0.3):
    rows = []
    for vectors, values in (("apex", (0.1, 0.6, 0.2)), ("difference", (label, 0.3, 0.2))):
        for measure, value in zip(("ami_label", "ami_dataset", "ami_subject"), values, strict=True):
            rows.append((vectors, measure, value, value - 0.05, value + 0.05))
        rows += [(vectors, "emfacs_own", 0.2, 0.1, own_high), (vectors, "emfacs_other", 0.5, 0.4, 0.6)]
        rows.append((vectors, "stray_subjects", 0.25, 0.2, 0.3))
    return pd.DataFrame(rows, columns=["vectors", "measure", "value", "low", "high"])


def test_what_clusters_agree_with():
    text = identity_sentences(identity_table(0.5), 100, 3, synthetic=True)
    assert "**apex**: clusters agree most with the dataset (dataset 0.60, subject 0.20, emotion class 0.10)" in text
    assert "**apex − onset**: clusters agree most with the emotion class" in text
    assert "are nearer to their own class' EMFACS prototypes, and vary between subjects by 25%" in text
    assert "Most about emotion: **apex − onset**. Shown on the synthetic" in text
    other = identity_sentences(identity_table(0.32, own_high=0.5), 100, 3, synthetic=False)
    assert "agree with the emotion class no more than with the dataset" in other and "not clearly nearer" in other
    assert "synthetic" not in other
    assert identity_sentences(identity_table(0.5), 15, 3, True).startswith("15 clips in 9 clusters")


def test_how_far_generated_faces_go():
    rows = [("aus", magnify, kind, value, value - 0.05, value + 0.05)
            for magnify, values in ((1, (0.7, 0.1, 0.6)), (3, (0.3, 0.25, 0.2)))
            for kind, value in zip(("generated", "shuffled", "untrained"), values, strict=True)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["measure", "magnify", "kind", "value", "low", "high"])
    images = pd.DataFrame({"measure": ["attention", "saturated"], "generated": [0.9, 0.01]})
    first, second, _, kept = quality_sentences(table, images).split("\n")
    assert "x 1: **70% (65% to 75%) of the way to the real face**, above the control's 10% (5% to 15%)" in first
    assert "before training 60% (55% to 65%)" in first
    assert "x 3: **30% (25% to 35%)" in second and "not clearly above the control's 25%" in second
    assert kept.startswith("Attention keeps 90% of the face") and "on 1% of the pixels" in kept


def test_what_planes_show():
    rows = [(panel, fit, "score", uar) for panel, scores in (("flow", (0.6, 0.5, 0.7)), ("flow + BRL", (0.9, 0.6, 0.8)))
            for fit, uar in zip(("held_out", "train", "network"), scores, strict=True)]  # fmt: skip
    table = pd.DataFrame([*rows, ("apex", None, "absent", np.nan)], columns=["panel", "fit", "role", "uar"])
    pairs = {"flow": ("flow", "flow + BRL"), "apex": ("apex", "apex + BRL")}
    text = boundary_sentences(table, pairs, synthetic=True)
    assert "UAR differs by **+20.0** points from one fitted on the training clips, mean of 2 runs" in text
    assert "reaches 60.0, the best network 80.0" in text
    assert (
        "BRL on flow: **+10.0** points of UAR on the plane of the training clips, +30.0 on the paper's, +10.0" in text
    )
    assert "BRL on apex" not in text and "synthetic demo corpus" in text
    none = boundary_sentences(table[table["role"] == "absent"], pairs, synthetic=False)
    assert none.strip() == "One seed is no test: notebook 06 compares settings over seeds and subjects."
