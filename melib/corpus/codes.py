"""Action-unit codes as the datasets' sheets write them: `4+L10`, `12L`, `R12B`, `(R6 or R12)+R15`, `10A/B`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# The side stands before the number or, in MMEW, after it, where A and B are intensities.
_CODE = re.compile(
    r"(?:AU)?\s?([LRATB](?:/[LRATB])*)?([1-9][0-9]?)([A-E](?:/[A-E])*)?\s?([LR](?:/[LR])*)?", re.IGNORECASE
)
# "or" stands between codes; so does "/", unless it joins two sides (A/L12) or two intensities (10A/B).
_OR = re.compile(r"\s+or\s+|(?<=[0-9])/|(?<=[0-9][A-ELR])/(?=[LRATB]?[0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Code:
    """One coded action unit and what it might be instead.

    `side`: L, R (one-sided), A (asymmetric), T, B (top, bottom lip), or empty; `intensity`: A to E, or empty; both may
    be a choice such as "A/B". `alternatives` are codes without alternatives of their own. `raw` is the text it came as.
    """

    side: str
    au: int
    intensity: str
    alternatives: tuple[Code, ...] = ()
    raw: str = field(default="", compare=False)

    def __str__(self) -> str:
        return " or ".join([f"{self.side}{self.au}{self.intensity}", *map(str, self.alternatives)])


def parse_codes(text: object) -> list[Code]:
    """The codes of one cell, in its order; free text, `?` and empty cells give none, and nothing raises.

    >>> [str(code) for code in parse_codes("4+L10 + soft focus")]
    ['4', 'L10']
    >>> parse_codes("R12B or R14")[0].alternatives[0].au
    14
    >>> [str(code) for code in parse_codes("4R+12L")]
    ['R4', 'L12']
    """
    codes = []
    for item in re.split("[+,;]", str(text)):
        bare = re.sub(r"\bref\b|[()?]", "", item, flags=re.IGNORECASE).strip()
        groups = [match.groups("") for part in _OR.split(bare) if (match := _CODE.fullmatch(part.strip()))]
        options = [((before or after).upper(), int(au), level.upper()) for before, au, level, after in groups]
        if options:
            codes.append(Code(*options[0], tuple(Code(*option) for option in options[1:]), raw=item.strip()))
    return codes
