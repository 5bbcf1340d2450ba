"""A file that has its name only when it is complete: it is written beside, and takes the place of what was there.

Beside, it is called `.NAME.PROCESS-….part`: whoever ends a process knows what to remove, and what one left that was
killed goes with the next file of that name.
"""

import glob
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART_SUFFIX = ".part"
OURS_ALONE, AS_USUAL = 0o600, 0o666  # permissions; the second less the umask
LONGEST_NAME_BYTES = 255  # of nearly every file system
LONGEST_ENDING_BYTES = len("4194304-01234567.part")  # with the largest number of a process
# Who writes does so without a pause: a part that has not grown for a minute was left by one that was killed.
QUIET_SECONDS = 60.0


def write_whole(path: Path, data: bytes, *, private: bool = False, lasting: bool = False) -> None:
    """Writes or replaces the file; OSError names it.

    A `private` one is for our user alone. A `lasting` one is on the disk when this returns, even if the power fails.
    """
    with part_of(path) as beside:
        beside.touch(OURS_ALONE if private else AS_USUAL, exist_ok=False)
        with beside.open("r+b") as file:
            file.write(data)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    remove_left_parts(path.parent, path.name)


@contextmanager
def part_of(path: Path) -> Iterator[Path]:
    """Where to write what is not complete yet; gone at the end, and an OSError names the file that it was to be."""
    beside = path.with_name(f"{_begins(path.name)}{os.getpid()}-{secrets.token_hex(4)}{PART_SUFFIX}")
    try:
        yield beside
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def remove_parts_of(process: int, folder: Path) -> None:
    """What a process that was ended has not finished writing in the folder, and below it."""
    _remove(folder.rglob(f".*.{process}-*{PART_SUFFIX}"))


def remove_left_parts(folder: Path, name: str = "") -> None:
    """What processes left in the folder that were killed while they wrote a file, or the one of this name."""
    of_name = glob.escape(_begins(name)) if name else ""
    _remove(path for path in folder.glob(f"{of_name}*{PART_SUFFIX}") if is_left_over(path.lstat().st_mtime))


def is_left_over(written_at: float) -> bool:
    """Whether who wrote a part last at this time (Unix seconds) is surely gone."""
    return time.time() - written_at > QUIET_SECONDS


def _begins(name: str) -> str:
    """How what is beside is called in the beginning, cut where the name itself is as long as any."""
    return f".{cut_to_fit(name, LONGEST_ENDING_BYTES + len('..'))}."


def cut_to_fit(name: str, added: int) -> str:
    """As much of the name as leaves room for so many bytes more, where the name itself is as long as any."""
    whole = os.fsencode(name)
    cut = whole[: max(1, LONGEST_NAME_BYTES - added)]
    return name if cut == whole else cut.decode(errors="ignore")


def _remove(paths: Iterable[Path]) -> None:
    """Another process may be removing the same ones."""
    with suppress(OSError):
        for path in paths:
            path.unlink(missing_ok=True)
