"""Samples: index rows with named arrays aligned with them, memory-mapped from one folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES
from melib.errors import InputError
from melib.files import damage, describe
from melib.home import write_whole
from melib.prepare.arrays import KINDS, kind_of

NEEDED = ("clip_id", "dataset", "subject", "label")


class SamplesError(InputError):
    """Samples that do not keep the contract."""


@dataclass(frozen=True)
class Samples:
    """Clips ready to learn from: `index` (N rows) and `arrays`, each with N entries along its first axis.

    The index needs clip_id, dataset, subject and label; a boolean `synthetic` marks generated samples.
    Arrays have the names, shapes and types of the registry (`prepare.arrays`), such as flow (N, 2, S, S) float16 in
    pixels of the crop, x first; any other name is a feature array (N, D) float32.
    Raises SamplesError where lengths, types, labels or ids break this.
    """

    index: pd.DataFrame
    arrays: dict[str, np.ndarray]

    def __post_init__(self):
        missing = [name for name in NEEDED if name not in self.index.columns]
        if missing:
            raise SamplesError(f"The samples' index lacks {missing}; it needs {list(NEEDED)}.")
        if not self.arrays:
            raise SamplesError("Samples without arrays: give at least one, such as flow_image (N, H, W, 3) uint8.")
        strange = sorted(set(self.index["label"].dropna()) - set(CLASSES))
        if strange:
            raise SamplesError(f"Unknown labels {strange}; the classes are {list(CLASSES)}.")
        if twice := self.index["clip_id"][self.index["clip_id"].duplicated()].unique().tolist():
            raise SamplesError(
                f"{len(twice)} clip ids occur more than once in the samples' index: {twice[:5]}. Predictions are keyed "
                "by clip_id: give each row its own."
            )
        for name, array in self.arrays.items():
            self._check_array(name, array)

    def _check_array(self, name: str, array: np.ndarray) -> None:
        kind = KINDS[kind_of(name)]
        if array.ndim != kind.axes or array.dtype != kind.dtype or len(array) != len(self.index):
            raise SamplesError(
                f"Array {name!r} is {array.shape} {array.dtype}; expected {kind.text} with N = {len(self.index)}."
            )
        if kind.colours and array.shape[-1] != kind.colours:
            hint = " Its channels come first: use array.transpose(0, 2, 3, 1)." if array.shape[1] == 3 else ""
            raise SamplesError(f"Array {name!r} is {array.shape}; expected {kind.text}, colours last.{hint}")

    def __len__(self) -> int:
        return len(self.index)

    def select(self, mask: np.ndarray) -> Samples:
        """The samples where the boolean `mask` (N,) is true; arrays are copied into memory."""
        mask = np.asarray(mask, dtype=bool)
        arrays = {name: np.asarray(array[mask]) for name, array in self.arrays.items()}
        return Samples(self.index[mask].reset_index(drop=True), arrays)

    def save(self, folder: str | Path, synthetic: bool | None = None) -> Path:
        """Write index.parquet, one .npy an array, and samples.json (last, so that a half-written folder is none).

        `synthetic` says that no clip is of a real face: results and figures of these samples are then marked so. Where
        it is not said, a folder that is written anew stays what it was, and a new one counts as real.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if synthetic is None:
            synthetic = is_samples_folder(folder) and bool(read_manifest(folder).get("synthetic"))
        (folder / "samples.json").unlink(missing_ok=True)
        self.index.to_parquet(folder / "index.parquet", index=False)
        for name, array in self.arrays.items():
            temporary = folder / f".{name}.npy"  # the array may be a map of the very file that it replaces
            np.save(temporary, array)
            temporary.replace(folder / f"{name}.npy")
        write_manifest(folder, list(self.arrays), synthetic=synthetic)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Samples:
        """Open a samples folder; arrays stay on disk and are read as they are used."""
        folder = Path(folder)
        manifest = read_manifest(folder)
        if problems := damage(folder, manifest.get("files", {})):
            raise SamplesError(
                f"{folder} is damaged: {problems[0]}. Remove it: what the workbook prepared is made again, samples of "
                "your own need Samples.save."
            )
        index = pd.read_parquet(folder / "index.parquet")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in manifest["arrays"]}
        return cls(index, arrays)


def is_samples_folder(folder: str | Path) -> bool:
    """Whether `folder` is a finished samples folder."""
    return (Path(folder) / "samples.json").is_file()


def read_manifest(folder: str | Path) -> dict:
    """samples.json of a finished folder: its `arrays` and the `fingerprint` of their content."""
    path = Path(folder) / "samples.json"
    if not path.is_file():
        raise SamplesError(f"{folder} is not a samples folder: it has no samples.json. Write one with Samples.save.")
    try:
        manifest = json.loads(path.read_text())
        return {name: manifest[name] for name in ("arrays", "fingerprint")} | manifest
    except (ValueError, KeyError, TypeError) as error:
        raise SamplesError(f"{path} is damaged ({error}). Remove {folder}, and prepare or save it again.") from None


def write_manifest(folder: Path, arrays: list[str], **more) -> dict:
    """Finish a samples folder: hash what lies in it, so that content, not path, names it, and write samples.json."""
    digest = hashlib.blake2b(digest_size=16)
    index = pd.read_parquet(folder / "index.parquet")
    digest.update(pd.util.hash_pandas_object(index, index=False).to_numpy().tobytes())
    for name in sorted(arrays):
        digest.update(name.encode())
        with open(folder / f"{name}.npy", "rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    names = ["index.parquet", *(f"{name}.npy" for name in sorted(arrays))]
    files = {name: describe(folder / name) for name in names}
    manifest = {"arrays": sorted(arrays), "fingerprint": digest.hexdigest(), "files": files, **more}
    write_whole(folder / "samples.json", json.dumps(manifest, indent=1).encode())
    return manifest
