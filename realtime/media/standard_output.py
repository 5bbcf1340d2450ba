"""Standard output as the place of a video that other programs read while it is made."""

import errno
import os
import sys
from contextlib import suppress

from engines.errors import FileError, ImpastoError

STDOUT, STDERR = 1, 2
EXAMPLE = "impasto video IN - --format matroska | ffplay -"


class StandardOutput:
    """Takes standard output for one of FFmpeg's muxers, which finds that it cannot seek there.

    Until it is closed, what anybody else in this process prints goes to stderr. ImpastoError at a terminal. After an
    error nothing more is written, and `check` raises it.
    """

    def __init__(self) -> None:
        self.error: OSError | None = None
        if sys.stdout is None:  # it was closed when Python began, and its number may be another file's now
            raise ImpastoError("OUT is -, and standard output is closed; name a file, or give it a reader")
        if os.isatty(STDOUT):
            raise ImpastoError(f"OUT is -, and here is a terminal; give it a reader: {EXAMPLE}")
        self._descriptor = os.dup(STDOUT)
        with suppress(OSError):  # there may be no stderr
            os.dup2(STDERR, STDOUT)
        self._open = True

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        try:
            while self._open and self.error is None and left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self.error = error
        return len(data)

    def check(self) -> None:
        """Raise what kept us from writing, in one line for people."""
        if self.error is not None:
            left = self.error.errno == errno.EPIPE
            why = "its reader has left" if left else self.error.strerror
            raise FileError.told(f"standard output: {why}", self.error)

    def commit(self) -> None:
        """All is written."""
        self.discard()
        self.check()

    def discard(self) -> None:
        """Give standard output back; what was written cannot be taken back."""
        if self._open:
            self._open = False
            os.dup2(self._descriptor, STDOUT)
            os.close(self._descriptor)
