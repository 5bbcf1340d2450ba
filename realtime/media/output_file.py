"""Files to write: one named when it is complete, one that grows on the disk; what went wrong; names that are free."""

import errno
import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import av

from engines.errors import BadValue, FileError, FileMissing, FileTaken
from engines.file_lock import lock
from engines.whole_file import cut_to_fit

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PART = ".part"
LONGEST_PROCESS_ID = 10  # digits


class PartialFile:
    """`path` is where to write: a hidden name in the folder of `final`, with the same suffix.

    Whoever writes for long holds it, so that what a killed process left is known by not being held, and removed.
    Where `final` is a link, the file that it leads to is written and the link stays.

    Raises FileNotFoundError where the folder is missing, FileExistsError where `final` exists and may not be replaced,
    and ImpastoError where `final` is a folder, a device or a pipe.
    """

    def __init__(self, final: Path, *, overwrite: bool = True) -> None:
        if not final.parent.is_dir():
            raise FileMissing(f"there is no folder {final.parent} to write {final.name} into; create it first")
        refuse_folder(final)
        _refuse_device(final)
        if final.exists() and not overwrite:
            raise FileTaken(f"{final} exists already; choose another name or allow overwriting")
        self.final = _followed(final)
        added = len(f"..{PART}") + LONGEST_PROCESS_ID + len(os.fsencode(self.final.suffix))
        self._begins = f".{cut_to_fit(self.final.stem, added)}."
        self.path = self.final.with_name(f"{self._begins}{os.getpid()}{PART}{self.final.suffix}")
        self._done = False
        self._held: io.FileIO | None = None

    def hold(self) -> None:
        """Create the file and lock it; what nobody holds of those that were to become the same file is removed.

        Never raises: where locks are not to be had nothing is removed, and what cannot be written its writer tells.
        """
        ours = re.compile(rf"{re.escape(self._begins)}\d+{re.escape(PART)}{re.escape(self.final.suffix)}")
        with suppress(OSError):
            for name in [entry.name for entry in os.scandir(self.final.parent) if ours.fullmatch(entry.name)]:
                _remove_unless_held(self.final.with_name(name))
            self._held = io.FileIO(self.path, "wb")
            lock(self._held.fileno())

    def check(self) -> None:
        """FFmpeg tells itself what is wrong with a file."""

    def commit(self) -> None:
        """Move the complete file to its final name."""
        os.replace(self.path, self.final)
        self._done = True
        self._release()

    def discard(self) -> None:
        """Remove what was written, unless it was committed; never raises."""
        if not self._done:
            with suppress(OSError):
                self.path.unlink()
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()


def _remove_unless_held(path: Path) -> None:
    with suppress(OSError), io.FileIO(path, "rb+") as file:
        lock(file.fileno())
        path.unlink()


def refuse_folder(path: Path) -> None:
    """ImpastoError where a folder stands where a file is to be written."""
    if os.path.isdir(path):  # Path.is_dir raises where a name is too long
        raise BadValue(f"{path} is a folder; name the file to write, such as {path / 'painted.mp4'}")


def _refuse_device(path: Path) -> None:
    """ImpastoError where no regular file is there: a finished file would take the place of /dev/null itself."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise BadValue(f"{path} is a device or a pipe and no file; name one, or - for `impasto video` to stream")


def _followed(final: Path) -> Path:
    """Where a link leads, or else the path as it is; FileMissing where it leads to a folder that is not there."""
    if not final.is_symlink():
        return final
    target = Path(os.path.realpath(final))
    if not target.parent.is_dir():
        raise FileMissing(f"{final} leads to {target}, and there is no folder {target.parent}; create it first")
    return target


def failure_to_write(write: "Callable[[memoryview[int]], int]", data: "bytes | memoryview[int]") -> OSError | None:
    """What kept all of the data from being written, which may take several calls; None where it is."""
    left = memoryview(data)
    try:
        while len(left):
            left = left[write(left) :]
    except OSError as error:
        return error
    return None


class GrowingFile(io.RawIOBase):
    """A file for one of FFmpeg's muxers, straight to the disk; raises FileExistsError where there is one already.

    The first error of the disk is kept in `error`, and nothing is written from then on: muxers end their files with
    corrections to what stands before, which must not be made for an end that is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: OSError | None = None
        self._file = io.FileIO(path, "xb")

    def write(self, data: "bytes | memoryview[int]") -> int:  # type: ignore[override]
        if self.error is None:
            self.error = failure_to_write(self._file.write, data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def remove(self) -> None:
        """Close it, and leave nothing of it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise the error of the disk, if there was one, in one line for people."""
        if self.error is None:
            return
        why = "the disk is full" if self.error.errno in FULL else self.error.strerror
        message = f"{self.path}: {why}; what was recorded until then is kept and can be played"
        raise FileError.told(message, self.error)


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """FFmpeg's errors as one that names the file: OSError for the disk's, ImpastoError for the rest."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise FileError(f"{path} could not be written: {error.strerror}{_last_words(error)}") from None


def _last_words(error: av.FFmpegError) -> str:
    log: Any = error.log
    return f" ({log[2].strip()})" if log else ""


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
