"""A new file that is written while it can already be read."""

import errno
import io
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
        left = memoryview(data)
        try:
            while self.error is None and len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            self.error = error
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
        raise OSError(f"{self.path}: {why}; what was recorded until then is kept and can be played")
