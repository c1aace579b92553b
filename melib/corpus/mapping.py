"""From annotated emotions to the three classes."""

from __future__ import annotations

from melib.corpus.index import CLASSES, DATASETS, CorpusError
from melib.errors import nearest

# Other spellings met in sheets: CASME's is misspelt in the file itself.
SPELLINGS = {
    "comtempt": "contempt", "other": "others", "happy": "happiness", "sad": "sadness", "angry": "anger",
    "surprised": "surprise", "disgusted": "disgust", "fearful": "fear", "tensed": "tense", "repressed": "repression",
}  # fmt: skip
EMOTIONS = ("happiness", "anger", "disgust", "fear", "sadness", "surprise", "contempt", "repression", "tense", "others")

_SMIC = {name: name for name in CLASSES}  # SMIC is annotated in classes
_POSITIVE_SURPRISE = {"happiness": "positive", "surprise": "surprise"}
_COMMON = _POSITIVE_SURPRISE | dict.fromkeys(("anger", "disgust", "fear", "sadness"), "negative")

# mapping -> dataset -> emotion -> class; an emotion that is not named has no label.
# megc2019 is the composite of the Grand Challenge: it knows three datasets, the clips of the others have no label.
MAPPINGS: dict[str, dict[str, dict[str, str]]] = {
    "table1": {name: _SMIC if name == "SMIC" else _COMMON for name in DATASETS},
    "megc2019": {
        "SMIC": _SMIC,
        "CASME2": _POSITIVE_SURPRISE | dict.fromkeys(("disgust", "repression"), "negative"),
        "SAMM": _COMMON | {"contempt": "negative"},
    },
}
# Datasets of one's own are annotated in emotions or in classes.
OTHER_DATASETS: dict[str, dict[str, str]] = {"table1": _COMMON | _SMIC, "megc2019": {}}


def spell(emotion: str) -> str:
    """The emotion in lower case and in the spelling of EMOTIONS."""
    emotion = emotion.strip(" .").lower()
    return SPELLINGS.get(emotion, emotion)


def label_of(dataset: str, emotion: str, mapping: str = "table1") -> str | None:
    """The class of an annotated emotion, or None where the mapping drops it.

    Raises CorpusError for a mapping or an emotion that nobody knows, naming the nearest one.

    >>> label_of("SAMM", "Anger"), label_of("SAMM", "contempt"), label_of("SAMM", "contempt", "megc2019")
    ('negative', None, 'negative')
    """
    if mapping not in MAPPINGS:
        raise CorpusError(f"Unknown mapping {mapping!r}; there are {sorted(MAPPINGS)}.")
    emotion = spell(emotion)
    known = _SMIC if dataset == "SMIC" else EMOTIONS if dataset in DATASETS else (*EMOTIONS, *CLASSES)
    if emotion not in known:
        hint = nearest(emotion, known)
        raise CorpusError(f"Unknown emotion {emotion!r} in {dataset}; expected one of {', '.join(known)}.{hint}")
    others = OTHER_DATASETS[mapping] if dataset not in DATASETS else {}
    return MAPPINGS[mapping].get(dataset, others).get(emotion)
