"""What the five datasets look like on disk, as far as their releases agree: one description each."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One of the forms in which a dataset is handed out, known by the path above its subjects."""

    name: str
    path: str = ""  # regex, searched without case
    cropped: bool = False
    sheet: bool = True  # False: interval and emotion come from the folders alone


@dataclass(frozen=True)
class Layout:
    """How to know a dataset's folders, clips and sheet. All regexes are used without case."""

    names: str  # start of the names of folder, archive and sheet
    clip: str  # end of a clip folder's path; groups clip and, where the clip's name does not begin with it, subject
    subject: str  # format of a subject's folder
    releases: tuple[Release, ...]  # the preferred one first
    needs: tuple[str, ...]  # columns that the sheet must have
    tree: str  # what a user should have, for messages
    several: bool = False  # rows of one clip name may be several expressions of one recording


_NEEDS = ("subject", "clip", "onset", "offset", "emotion", "apex", "codes")
_CASME_RELEASES = (
    Release("raw, selected frames", "select"),
    Release("raw", "^(?!.*crop)"),
    Release("cropped", "crop", cropped=True),
)

LAYOUTS = {
    "SMIC": Layout(
        names=r"smic",
        clip=r"s[0-9]+/(?:micro/[^/]+/)?(?P<clip>s[0-9]+_(?P<token>ne|po|sur)_[0-9]+)",
        subject="s{:02d}",
        releases=(
            Release("HS, raw", r"^(?!.*(crop|long|hs.e(/|$)))", sheet=False),
            Release("HS, cropped", r"^(?!.*(long|hs.e(/|$))).*crop", cropped=True, sheet=False),
            Release("HS_long", "^(?!.*crop)"),
            Release("HS_long, cropped", "crop", cropped=True),
        ),
        needs=_NEEDS[:5],  # the sheet of HS_long has neither apexes nor action units
        tree="""SMIC/SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image012345.bmp   (or SMIC_all_cropped)
or SMIC/HS_long/SMIC-HS-E/s01/s1_ne_01/image012345.jpg
   SMIC/SMIC-HS-E_annotation.xlsx""",
        several=True,
    ),
    "CASME": Layout(
        names=r"casme(?![ _(-]*([23](?![0-9])|ii|sq)|\^)",
        clip=r"sub(?P<subject>[0-9]+)/(?P<clip>EP[^/]+)",
        subject="sub{:02d}",
        releases=_CASME_RELEASES,
        needs=_NEEDS,
        tree="""CASME/CASME_raw_selected/sub01/EP01_5/EP01_5-123.jpg   (or Cropped, or RAW/CASME_A/Section A)
   CASME/CASME-coded-20190721.xls   (or Section A.xls and Section B.xls)""",
        several=True,
    ),
    "CASME2": Layout(
        names=r"casme[ _(-]*(2(?![0-9])|ii(?!i))",
        clip=r"sub(?P<subject>[0-9]+)/(?P<clip>EP[^/]+)",
        subject="sub{:02d}",
        releases=_CASME_RELEASES,
        needs=_NEEDS,
        tree="""CASME2/CASME2_RAW_selected/sub01/EP02_01f/img46.jpg   (or CASME2-RAW, or Cropped)
   CASME2/CASME2-coding-20140508.xlsx""",
    ),
    "SAMM": Layout(
        names=r"samm(?![ _-]*l)",  # SAMM Long Videos is another dataset
        clip=r"[0-9]+/(?P<clip>[0-9]{3}_[0-9]+_[0-9]+)",
        subject="{:03d}",
        releases=(Release("raw", "^(?!.*crop)"), Release("cropped", "crop", cropped=True)),
        needs=_NEEDS,
        tree="""SAMM/006/006_1_2/006_05562.jpg
   SAMM/SAMM_Micro_FACS_Codes_v2.xlsx""",
    ),
    "MMEW": Layout(
        names=r"mmew",
        clip=r"[^/]+/(?P<clip>S[0-9]+-[0-9]+-[0-9]+)",  # clip names are unique: the emotion's folder is not asked
        subject="S{:02d}",
        releases=(Release("cropped by its owners", cropped=True),),
        needs=_NEEDS,
        tree="""MMEW/Micro_Expression/happiness/S01-01-001/1.jpg
   MMEW/MMEW_Micro_Exp.xlsx""",
    ),
}

# Other cameras and clips that are no micro-expressions; other tables that lie beside the annotations.
SKIP_FOLDERS = r"(.*[ _-])?(nir|vis)([ _-].*)?|non[ _-]?micro|macro[ _-]?expression|__macosx"
SKIP_SHEETS = r"objective"


def dataset_of(name: str) -> str | None:
    """The dataset that a folder, archive or sheet name belongs to, None for any other name.

    >>> dataset_of("CASME (II)"), dataset_of("SMIC_all_raw"), dataset_of("CAS(ME)2")
    ('CASME2', 'SMIC', None)
    """
    name = unicodedata.normalize("NFKC", name)  # one character may stand for II
    return next((key for key, layout in LAYOUTS.items() if re.match(layout.names, name, re.IGNORECASE)), None)
