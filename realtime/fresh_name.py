"""Names of files that do not exist yet."""

from datetime import datetime
from itertools import count
from pathlib import Path


def fresh_name(folder: Path, suffix: str, now: datetime) -> Path:
    """`impasto-20261121-034512.mkv` for the suffix `.mkv`, numbered where that second has a file already."""
    return beside(folder / f"impasto-{now:%Y%m%d-%H%M%S}{suffix}")


def beside(path: Path) -> Path:
    """`path` itself, or the first of `out-2.mp4`, `out-3.mp4`, … that does not exist."""
    if not _taken(path):
        return path
    return next(name for number in count(2) if not _taken(name := path.with_stem(f"{path.stem}-{number}")))


def _taken(path: Path) -> bool:
    return path.exists() or path.is_symlink()  # a link that leads nowhere would be written through
