"""What backends keep to make the next build faster: timings of kernels, nets in int8, what a provider compiled.

It lies in a folder beside the engines, is signed by nobody, and may be gone at any time. What others may write to is
left alone, for a net that is kept decides what is painted.
"""

import os
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from engines.cache.user_key import CAREFULLY, WRITABLE_BY_OTHERS, is_plain_and_ours
from engines.whole_file import remove_left_parts, write_whole

DAY_SECONDS = 86400


def read_aid(path: Path) -> bytes:
    """The file's content; empty where there is none or it is not our user's alone. To read it makes it young."""
    with suppress(OSError), open(os.open(path, CAREFULLY), "rb") as file:
        if is_plain_and_ours(os.fstat(file.fileno()), forbidden=WRITABLE_BY_OTHERS):
            with suppress(OSError):
                os.utime(file.fileno() if os.utime in os.supports_fd else path)
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
        oldest_first = sorted(_files(path.parent, f"*{path.suffix}"), key=lambda file: _used_at(file[1]))
        for surplus, _ in oldest_first[:-most]:
            surplus.unlink(missing_ok=True)


def aids_bytes(folder: Path) -> int:
    """How much is kept in all."""
    return sum(state.st_size for _, state in _files(folder))


def remove_aids(folder: Path, *, older_than_days: float | None = None) -> int:
    """Removes what was not used for so many days, or all of it; how many bytes that were. OSError where it cannot."""
    if older_than_days is None:
        size = aids_bytes(folder)
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
        return size
    size = 0
    for path, state in _files(folder):
        if time.time() - _used_at(state) > older_than_days * DAY_SECONDS:
            path.unlink(missing_ok=True)
            size += state.st_size
    return size


def _files(folder: Path, pattern: str = "*") -> list[tuple[Path, os.stat_result]]:
    """The files in the folder and below it; another process may be removing some."""
    found = []
    for path in folder.rglob(pattern):
        with suppress(FileNotFoundError):
            state = path.lstat()
            if not stat.S_ISDIR(state.st_mode):
                found.append((path, state))
    return found


def _used_at(state: os.stat_result) -> float:
    """Unix seconds. A runtime that reads its own files tells so by the time of access alone."""
    return max(state.st_mtime, state.st_atime)
