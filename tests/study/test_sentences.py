import pandas as pd

from melib.study.sentences import probe_sentences


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
