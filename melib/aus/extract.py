"""Run an AU tool that is installed on this machine over the clips of a corpus. None is part of the workbook."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from melib.aus.table import AUError, Measurements, make_measurements
from melib.corpus.demo.openface import SOURCE
from melib.corpus.frames import list_frames, save_frame

OPENFACE = "FeatureExtraction -fdir {frames} -out_dir {out} -of clip -aus"
PYFEAT_NAMES = {43: 45}  # eyes closed stands for the blink, which py-feat does not read


def run_openface(
    root: str | Path,
    index: pd.DataFrame,
    folder: str | Path,
    command: str = OPENFACE,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Write `<clip_id>.csv` into `folder` for every clip of `index`; finished clips are not done again.

    `command` may name an executable elsewhere, or a container, in which both folders have to be seen by the same names:
    "docker run --rm -v {frames}:{frames} -v {out}:{out} IMAGE FeatureExtraction -fdir {frames} -out_dir {out} -of clip
    -aus". The frames are handed over as numbered copies, since OpenFace takes 10.jpg before 2.jpg.

    Returns clip_id -> what went wrong, for the clips that failed. AUError where there is no such command.
    """
    words = shlex.split(command)
    folder = Path(folder)
    failed = {}
    if shutil.which(words[0]) is None:
        raise AUError(
            f"There is no {words[0]!r} on this machine. Install OpenFace 2.2 and put its binaries on the PATH, or give "
            "`command` the path or a container's call; or take the coders' own AUs (melib.aus.table.read_codes)."
        )
    folder.mkdir(parents=True, exist_ok=True)
    source = {"tool": "OpenFace", "tool_version": "2", "in_order": True, "command": command}
    (folder / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
    for done, row in enumerate(index.itertuples(), 1):
        target = folder / f"{row.clip_id}.csv"
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".") as work:
                frames = Path(work, "frames")
                out = Path(work, "out")
                frames.mkdir(), out.mkdir()
                for number, frame in list_frames(Path(root) / row.folder).items():
                    save_frame(frame, frames / f"{number:012d}")
                call = [word.format(frames=frames.absolute(), out=out.absolute()) for word in words]
                ended = subprocess.run(call, capture_output=True, text=True, errors="replace")
                if ended.returncode == 0 and (out / "clip.csv").is_file():
                    (out / "clip.csv").replace(target)
                else:
                    failed[row.clip_id] = (
                        f"exit code {ended.returncode}: {(ended.stderr or ended.stdout).strip()[-200:]}"
                    )
        if progress:
            progress(done, len(index))
    return failed


def run_pyfeat(root: str | Path, index: pd.DataFrame) -> Measurements:
    """Probabilities (0-1, kind presence) of py-feat's AUs at the onset and apex frames of the clips of `index`.

    It has no AU45; its AU43 (eyes closed) stands in. AUError where py-feat is not installed.
    """
    try:
        from feat import Detector
    except ImportError as error:
        raise AUError("py-feat is not installed: pip install py-feat (it fetches its models on first use).") from error
    import feat

    detector = Detector()
    clips = {}
    left_out = []
    for row in index.itertuples():
        frames = list_frames(Path(root) / row.folder)
        wanted = [number for number in (row.onset, row.apex) if not pd.isna(number) and number in frames]
        with tempfile.TemporaryDirectory() as work:
            files = {number: save_frame(frames[number], Path(work, f"img{number}")) for number in wanted}
            values_by_frame = {number: _one_face(detector.detect_image([str(file)])) for number, file in files.items()}
        values_by_frame = {number: values for number, values in values_by_frame.items() if values is not None}
        left_out += (
            [(row.clip_id, "no face found", len(wanted) - len(values_by_frame))]
            if len(values_by_frame) < len(wanted)
            else []
        )
        if values_by_frame:
            clips[row.clip_id] = pd.DataFrame(values_by_frame).T
    return make_measurements(clips, left_out, ("py-feat", feat.__version__), index)


def _one_face(table: pd.DataFrame) -> pd.Series | None:
    """The AUs of the surest face of a py-feat table, named as OpenFace names presences; None without a face."""
    faces = table.filter(regex=r"^AU\d\d$")[table["FaceScore"].notna()].dropna()
    if faces.empty:
        return None
    surest = faces.loc[table.loc[faces.index, "FaceScore"].idxmax()]
    return surest.rename(lambda name: f"AU{PYFEAT_NAMES.get(int(name[2:]), int(name[2:])):02d}_c")
