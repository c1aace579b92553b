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

from melib.aus.table import AUError
from melib.corpus.demo.openface import SOURCE
from melib.corpus.frames import list_frames, save_frame

OPENFACE = "FeatureExtraction -fdir {frames} -out_dir {out} -of clip -aus"


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
            "`command` the path or a container's call. Notebooks 02 and 03 also take the coders' own AUs: "
            "au_folder = codes."
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
