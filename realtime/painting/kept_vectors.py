"""Style vectors that were read from pictures, kept on disk by the hash of the picture and of what read it.

They are numbers and no code: one that is damaged, or of another length, is read from its picture anew.
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.cache.folder import default_cache_folder
from engines.style.file import write_whole

MOST_KEPT = 512
SUFFIX = ".vector"
ABANDONED_SECONDS = 3600


def kept_vector(picture: bytes, reader: str, size: int, read: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """float32 [size] of the picture's bytes, by what has the hash `reader`; `read` where it is not kept yet.

    Where it cannot be kept it is read every time.
    """
    path = _folder() / (hashlib.sha256(reader.encode() + picture).hexdigest() + SUFFIX)
    found = _of_file(path, size)
    if found is None:
        found = read()
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, found.astype("<f4").tobytes())
            _remove_surplus(path.parent)
    return found


def _folder() -> Path:
    return default_cache_folder().with_name("vectors")


def _of_file(path: Path, size: int) -> NDArray[np.float32] | None:
    try:
        values = np.frombuffer(path.read_bytes(), "<f4").astype(np.float32)
    except (OSError, ValueError):
        return None
    return values if values.shape == (size,) and np.isfinite(values).all() else None


def _remove_surplus(folder: Path) -> None:
    """The oldest go, and what a writer left that was killed."""
    oldest = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    left = [path for path in folder.glob(".*.part") if time.time() - path.stat().st_mtime > ABANDONED_SECONDS]
    for path in (*oldest[:-MOST_KEPT], *left):
        path.unlink(missing_ok=True)
