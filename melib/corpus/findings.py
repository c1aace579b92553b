"""What reading a copy brings up: findings with a level, the place, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from melib.corpus.index import DATASETS

LEVELS = ("note", "warning", "error")


@dataclass(frozen=True)
class Finding:
    """One thing that a user should know about a copy; errors must be mended before the dataset can be used."""

    level: str  # one of LEVELS
    dataset: str  # empty for the data root as a whole
    where: str  # path or clips, as seen from the data root
    message: str
    remedy: str = ""
    lacks_frames: bool = False  # clips of the sheet are not in the copy

    def __str__(self) -> str:
        place = ": ".join(filter(None, (self.dataset, self.where)))
        return " ".join(filter(None, (f"{one_line(place)}:" if place else "", one_line(self.message), self.remedy)))


# What can be wrong with single clips. Clips of one kind make one finding: a broken copy has hundreds of them.
PUT_BACK = "Put the sheet back as it was delivered."
UNPACK = "Unpack the archive again, or go on without these clips."
PROBLEMS = {
    "escape": ("error", "clip name in the sheet that is no folder name and could lead out of the data root; refused.",
               PUT_BACK),
    "no subject": ("error", "row whose subject holds no number.", PUT_BACK),
    "no name": ("warning", "row with an emotion but no clip name; left out.", "Compare the sheet with the original."),
    "twice": ("warning", "clip whose row occurs twice with the same values; read once.", "Delete the second row."),
    "contradiction": ("error", "clip with two rows that contradict each other.",
                      "Delete the wrong row, or put the sheet back as it was delivered."),
    "subject missing": ("error", "row without a subject.", "Every clip needs one: subjects are never split."),
    "no number": ("warning", "cell that is no number; taken as empty.", "Write frame numbers and rates as numbers."),
    "not yes or no": ("warning", "cell of `cropped` that is neither yes nor no; taken as empty.", "Write yes or no."),
    "backwards": ("error", "row whose offset is not after its onset; the clip is left out.", "Correct the row."),
    "unknown label": ("warning", "", "The clip stays in the index without a label; correct the cell to use it."),
    "no emotion": ("warning", "row with neither emotion nor label; the clip has no label.", "Fill in one of them."),
    "several places": ("error", "row whose clip lies at several places.", "Give its path in a column `file`."),
    "several": ("note", "recording of several expressions, a clip each (how many in brackets).", ""),
    "residue": ("note", "second or third interval outside its recording; ignored.", ""),
    "two folders": ("warning", "clip with more than one folder; the one with most frames is read.",
                    "Remove the other copy."),
    "no folder": ("warning", "row without a clip folder; the clip is left out.", UNPACK),
    "no folder, dropped": ("note", "row without a clip folder; its emotion carries no label.", ""),
    "empty folder": ("warning", "clip folder without frames; the clip is left out.", UNPACK),
    "empty folder, dropped": ("note", "clip folder without frames; its emotion carries no label.", ""),
    "no row": ("warning", "clip folder without a row in the sheet; left out.", "Known for some copies; nothing to do."),
    "other images": ("warning", "clip folder whose images are of a kind that is not read; the clip is left out.",
                     "Convert them to .png."),
    "strangers": ("note", "files among the frames that are no numbered images; ignored.", ""),
    "unknown emotion": ("warning", "", "The clip stays in the index without a label; correct the cell to use it."),
    "apex": ("warning", "apex outside the clip's interval; left empty.",
             "Nothing to do: preparation finds another. The note of the clip holds the wrong value."),
    "no frames of it": ("warning", "expression of a longer recording that has no frames in its folder; left out.",
                        "Its frames are in the release with whole recordings, if there is one."),
    "subject above": ("note", "row without a subject takes that of the row above (merged cells).", ""),
    "astray": ("warning", "interval of the sheet that has no frames in the clip's folder; the whole folder is taken.",
               "Compare sheet and release: they may belong to different editions."),
}  # fmt: skip


# What to do about them in a dataset of one's own, which has no archive to go back to.
OWN_REMEDIES = {
    "no folder": "Correct the clip's name in the row, or add its frames.",
    "empty folder": "Add its frames, or remove the row.",
    "no row": "Add a row for it, or correct the name in its row.",
    "apex": "Correct the cell; until then preparation finds another.",
}
LACK_FRAMES = ("no folder", "empty folder", "other images")


class Log:
    """Collects findings of one dataset; problems of single clips are gathered by kind."""

    def __init__(self, dataset: str):
        self.dataset = dataset
        self._findings: list[Finding] = []
        self._clips: dict[tuple[str, str], list[str]] = {}

    def say(self, level: str, where: str, message: str, remedy: str = "") -> None:
        finding = Finding(level, self.dataset, where, message, remedy)
        if finding not in self._findings:  # a video holds many clips
            self._findings.append(finding)

    def say_links(self, links: Mapping[str, tuple[str, str, str]]) -> None:
        """Say of links, by path, that they are not followed: level, message and remedy."""
        for facts in dict.fromkeys(links.values()):
            level, message, remedy = facts
            self.say(level, few([path for path, other in links.items() if other == facts]), message, remedy)

    def count(self, kind: str, where: str, message: str = "") -> None:
        """Count a clip under a key of PROBLEMS; `message` replaces the text that stands there."""
        self._clips.setdefault((kind, message), []).append(where)

    def findings(self) -> list[Finding]:
        """All findings so far."""
        grouped = []
        for (kind, message), clips in self._clips.items():
            level, text, remedy = PROBLEMS[kind]
            if self.dataset not in DATASETS:
                remedy = OWN_REMEDIES.get(kind, remedy)
            text = f"{len(clips)} x {message or text}"
            grouped.append(Finding(level, self.dataset, few(clips), text, remedy, kind in LACK_FRAMES))
        return self._findings + grouped


def one_line(text: str) -> str:
    """Text from file names and sheets with its control characters escaped, so that it stays on its line.

    >>> one_line("a\\nb")
    'a\\\\nb'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def few(names: Sequence[str], most: int = 8) -> str:
    """Names for a message: the first few, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return one_line(", ".join(names[:most])) + more
