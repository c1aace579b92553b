"""What tables of features say, in sentences."""

from __future__ import annotations

import pandas as pd

BY_CONSTRUCTION = "What the synthetic demo corpus shows is by construction, and no finding about faces."


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
            f"- **{name}**: the dataset is read with accuracy {accuracy}, {chance} chance ({dataset['chance']:.2f}), "
            f"at least {dataset['bits']:.2f} bits; of the emotion {emotion['bits']:.2f} bits, {alone} the dataset's "
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
