"""What `melib doctor` says about a data root: everything found, every repair, every problem with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd

from melib.corpus.findings import LEVELS, Finding, few, one_line
from melib.corpus.frames import is_video, list_frames
from melib.corpus.index import CLASSES, TABLE1, class_counts, dataset_order, further_expressions, print_name
from melib.corpus.layouts import LAYOUTS
from melib.corpus.scan import Scan, triple

APPLY = {
    "SMIC": "University of Oulu, CMVS",
    "CASME": "Institute of Psychology, Chinese Academy of Sciences (casme.psych.ac.cn)",
    "CASME2": "Institute of Psychology, Chinese Academy of Sciences (casme.psych.ac.cn)",
    "SAMM": "Manchester Metropolitan University",
    "MMEW": "dpailab.com",
}


def check_frames(scan: Scan) -> Scan:
    """The scan with an error for each dataset in which frames of labelled clips do not decode.

    Every frame is decoded, JPEGs at an eighth of their size: about a minute for real copies of all five. Those of a
    video have been decoded already, when they were counted.
    """
    clips = scan.index.dropna(subset=["label"])
    frames = [
        (dataset, path)
        for dataset, folder in zip(clips["dataset"], clips["folder"], strict=True)
        for path in _files(scan.root / folder)
    ]
    with ThreadPoolExecutor(4) as pool:
        whole = list(pool.map(_decodes, (path for _, path in frames), chunksize=64))
    broken: dict[str, list[str]] = {}
    for (dataset, path), good in zip(frames, whole, strict=True):
        if not good:
            broken.setdefault(dataset, []).append(path.relative_to(scan.root).as_posix())
    remedy = "Unpack these files from the archive again."
    frame_findings = [
        Finding("error", dataset, few(paths), f"{len(paths)} x frame that cannot be decoded.", remedy)
        for dataset, paths in broken.items()
    ]
    return replace(scan, findings=[*scan.findings, *frame_findings])


def _files(place: Path) -> list[Path]:
    return [] if is_video(place) else list(list_frames(place).values())


def _decodes(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft("L", (1, 1))  # reads all of a JPEG but computes few of its pixels
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def exit_code(scan: Scan) -> int:
    """1 where anything must be mended before the data can be used, else 0."""
    return int(any(finding.level == "error" for finding in scan.findings))


def report(scan: Scan) -> str:
    """The whole scan as text: per dataset what was found, its counts, problems with remedies, and every repair."""
    lines = [f"Data root: {scan.root}", *_finding_lines([f for f in scan.findings if not f.dataset])]
    absent = []
    for dataset in dataset_order([*scan.editions, *(finding.dataset for finding in scan.findings if finding.dataset)]):
        findings = [finding for finding in scan.findings if finding.dataset == dataset]
        if dataset in scan.editions or exit_code(replace(scan, findings=findings)):
            lines += ["", *_dataset_lines(scan, dataset, findings)]
        else:
            absent.append(dataset)
    if absent:
        layouts = f"`melib doctor {scan.root} --datasets {','.join(absent)}` says how they should lie."
        lines += ["", f"Not there: {', '.join(map(print_name, absent))}. {layouts}"]
    shown = [finding for finding in scan.findings if finding.dataset not in absent]
    counts = [sum(finding.level == level for finding in shown) for level in LEVELS]
    repaired = int((scan.index["notes"] != "").sum())
    summary = ", ".join(
        f"{count} {level}{'' if count == 1 else 's'}" for count, level in zip(counts, LEVELS, strict=True)
    )
    return "\n".join([*lines, "", f"{len(scan.index)} clips, {repaired} with notes; {summary}."])


def _dataset_lines(scan: Scan, dataset: str, findings: list[Finding]) -> Iterator[str]:
    clips = scan.index[scan.index["dataset"] == dataset]
    yield f"{print_name(dataset)}: {scan.editions.get(dataset) or 'not read'}"
    if len(clips):
        counts = class_counts(clips).loc[dataset]
        same = ""
        if dataset in TABLE1:
            known = TABLE1[dataset]
            same = " (as in Table 1)" if tuple(counts) == known else f" (Table 1: {triple(known)})"
        places = sorted({folder.split("/")[0] for folder in clips["folder"]})
        yield f"   {len(clips)} clips of {clips['subject'].nunique()} subjects in {few(places)}"
        yield f"   {'/'.join(CLASSES)}: {triple(counts)}{same}, without label: {int(clips['label'].isna().sum())}"
        if further := int(further_expressions(clips).sum()):
            more = clips[further_expressions(clips)]["label"].value_counts().reindex(CLASSES, fill_value=0)
            yield f"   {further} of them are further expressions of long recordings, counted apart: {triple(more)}"
    yield from _finding_lines(findings)
    if dataset not in scan.editions and dataset in LAYOUTS:
        yield f"   Expected:\n   {LAYOUTS[dataset].tree}\n   To apply: {APPLY[dataset]}."
    for names, note in _repairs(clips):
        yield f"   repair   {f'{len(names)} clips, ' if len(names) > 1 else ''}{few(names)}: {one_line(note)}"


def _finding_lines(findings: list[Finding]) -> Iterator[str]:
    for finding in sorted(findings, key=lambda finding: -LEVELS.index(finding.level)):
        yield f"   {finding.level:8} " + str(replace(finding, dataset=""))


def _repairs(clips: pd.DataFrame) -> Iterator[tuple[list[str], str]]:
    """The clips of each repair; a repair that many clips share is listed once."""
    noted = clips[clips["notes"] != ""]
    for note, group in noted.groupby("notes", sort=False):
        yield list(group["clip_id"]), note
