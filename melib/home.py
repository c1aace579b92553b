"""Where relative paths start: the workbook's own folder, from the command line and from notebooks/ alike."""

from pathlib import Path


def home() -> Path:
    """The nearest folder at or above the current one that holds the workbook's notebooks, else the current one."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "04_training_brl.ipynb").is_file():
            return folder
    return here


def resolve(path: str | Path) -> Path:
    """An absolute path; a relative one starts at `home()`."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else home() / path
