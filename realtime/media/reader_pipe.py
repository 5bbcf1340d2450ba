"""Writing to who reads on the other end of a pipe, and may pause; standard output as such a pipe."""

import errno
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from engines.errors import FileError, ImpastoError
from realtime.media.output_file import failure_to_write

LOOK_SECONDS = 0.1
STDOUT, STDERR = 1, 2
STOPPED_SECONDS = 2.0
EXAMPLE = "impasto video IN - --format matroska | ffplay -"


def write_to_reader(descriptor: int, data: memoryview, gives_up: Callable[[float], bool]) -> int:
    """How many of the bytes were taken: all, unless `gives_up` says so of the seconds since the last were.

    A pipe that select calls ready takes PIPE_BUF bytes without blocking. Windows knows no select for pipes: there a
    reader is waited for.
    """
    if sys.platform == "win32":
        return os.write(descriptor, data)
    taken, since = 0, time.perf_counter()
    while taken < len(data):
        if select.select([], [descriptor], [], LOOK_SECONDS)[1]:
            taken += os.write(descriptor, data[taken : taken + select.PIPE_BUF])
            since = time.perf_counter()
        elif gives_up(time.perf_counter() - since):
            break
    return taken


class StandardOutput:
    """Takes standard output for one of FFmpeg's muxers, which finds that it cannot seek there.

    Until it is closed, what anybody else in this process prints goes to stderr. ImpastoError at a terminal. After an
    error nothing more is written, and `check` raises it. A reader may pause for as long as it likes, but once `stop` is
    set, for two seconds (on Windows for ever).
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
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
        if self._open and self.error is None:
            self.error = failure_to_write(self._give, data)
        return len(data)

    def _give(self, data: "memoryview[int]") -> int:
        taken = write_to_reader(self._descriptor, data, lambda waited: self._stop.is_set() and waited > STOPPED_SECONDS)
        if not taken:
            raise TimeoutError(errno.ETIMEDOUT, "its reader takes nothing any more")
        return taken

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
