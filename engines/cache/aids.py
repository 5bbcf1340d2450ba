"""What backends keep to make the next build faster: timings of kernels, nets in int8, what a provider compiled.

It lies in a folder beside the engines, is signed by nobody, and may be gone at any time. What others may write to is
left alone, for a net that is kept decides what is painted.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engines.cache.user_key import CAREFULLY, WRITABLE_BY_OTHERS, is_plain_and_ours
from engines.whole_file import remove_left_parts, write_whole

DAY_SECONDS = 86400


def read_aid(path: Path) -> bytes:
    """The file's content; empty where there is none or it is not our user's alone. To read it makes it young."""
    with suppress(OSError), open(os.open(path, CAREFULLY), "rb") as file:
        if is_plain_and_ours(os.fstat(file.fileno()), forbidden=WRITABLE_BY_OTHERS):
            with suppress(OSError, TypeError, NotImplementedError):
                os.utime(file.fileno())
            return file.read()
    return b""


def write_aid(path: Path, content: bytes, *, most: int | None = None) -> None:
    """Writes or replaces the file, for our user alone; OSError where it cannot.

    Of those in its folder with its suffix the `most` that were used last are kept, where that is told.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, content, private=True)
    remove_left_parts(path.parent)
    if most is not None:
        oldest_first = sorted(path.parent.glob(f"*{path.suffix}"), key=_used_at)
        for surplus in oldest_first[:-most]:
            surplus.unlink(missing_ok=True)


def aids_bytes(folder: Path) -> int:
    """How much is kept in all."""
    return sum(path.lstat().st_size for path in _files(folder))


def remove_aids(folder: Path, *, older_than_days: float | None = None) -> int:
    """Removes what was not used for so many days, or all of it; how many bytes that were. OSError where it cannot."""
    if older_than_days is None:
        size = aids_bytes(folder)
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
        return size
    old = [path for path in _files(folder) if time.time() - _used_at(path) > older_than_days * DAY_SECONDS]
    size = sum(path.lstat().st_size for path in old)
    for path in old:
        path.unlink(missing_ok=True)
    return size


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())


def _used_at(path: Path) -> float:
    """Unix seconds. A runtime that reads its own files tells so by the time of access alone."""
    state = path.lstat()
    return max(state.st_mtime, state.st_atime)
