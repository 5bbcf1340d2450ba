"""A process of our own beside this one: started, listened to, and ended with all that it started.

Its modules are ours, wherever we found them. It ends when its input does (`end_with_input` on its side), and so never
outlives us. What it is told goes through that input, a line each, and through no file.
"""

import os
import signal
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Literal

from engines.errors import ImpastoError

GRACE_SECONDS = 0.25  # for a child to end by itself before it is killed
GONE_SECONDS = 1.0  # for a killed process to be gone; one that waits for a dead disk never is
LAST_ERRORS = 100  # lines

NO_ENVIRONMENT: Mapping[str, str] = {}
Errors = Literal["kept", "among the lines", "dropped"]


class ChildProcess:
    """`python -m module arguments`, and the lines that it says on stdout.

    What it writes to stderr is kept for `last_errors`, comes among the lines, or is dropped. Leaving the `with` block
    ends it. ImpastoError where it cannot be started.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        errors: Errors = "kept",
        environment: Mapping[str, str] = NO_ENVIRONMENT,
    ) -> None:
        stderr = {"kept": subprocess.PIPE, "among the lines": subprocess.STDOUT, "dropped": subprocess.DEVNULL}[errors]
        try:
            self._process = subprocess.Popen(
                # -P: a folder that happens to be here and is called like one of our packages is not ours.
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # a group of its own, so that a compiler's workers can be ended with it
            )
        except OSError as error:
            raise ImpastoError(f"cannot start {sys.executable!r} for {module} ({error.strerror})") from error
        self.pid = self._process.pid
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._errors: deque[str] = deque(maxlen=LAST_ERRORS)
        self._readers = [_reading(self._read_lines)]
        if self._process.stderr is not None:
            self._readers.append(_reading(self._read_errors))  # or a full pipe would stop it

    def __enter__(self) -> "ChildProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End it where it has not ended, with all that it started."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        if not _kill_group(self.pid):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GONE_SECONDS)
        for reader in self._readers:
            reader.join(GONE_SECONDS)
        if not any(reader.is_alive() for reader in self._readers):
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    with suppress(OSError):  # what it was told last may lie there and never be heard
                        pipe.close()

    def tell(self, line: str) -> None:
        """Say a line to it, and wait until it has room for it, if need be until it is ended; from one thread at a time.

        ImpastoError where it hears no more.
        """
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(f"{line}\n")
            stdin.flush()
        except (OSError, ValueError) as error:  # it has ended, or we ended it
            raise ImpastoError(f"the process {self.pid} hears no more ({error})") from error

    def next_line(self, seconds: float | None = None) -> str | None:
        """The next line, None after the last; TimeoutError where it says nothing for so long (None: ever)."""
        try:
            return self._lines.get(timeout=seconds)
        except Empty:
            raise TimeoutError(f"nothing was said for {seconds} s") from None

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit status, negative where a signal ended it; None where it still runs after so long."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def last_errors(self) -> list[str]:
        """The last lines that it wrote to stderr, once it has ended; none that is empty."""
        self._readers[-1].join(GONE_SECONDS)
        return [line for line in self._errors if line]

    def how_it_ended(self) -> str:
        """`ended with status 3`, for a line of our own; asked after its last line."""
        code = self.wait(GONE_SECONDS)
        if code is None:
            return "closed its output"
        return f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"

    def _read_lines(self) -> None:
        for line in _said(self._process.stdout):
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        for line in _said(self._process.stderr):
            self._errors.append(line)


def end_with_input(hear: Callable[[str], None] = lambda line: None) -> None:
    """For a child's own side: the parent's end of the pipe closes when it ends.

    `hear` gets the lines that it tells before, on a thread of its own; an error there ends this process too.
    """

    def listen_to_the_end() -> None:
        # Not sys.stdin: where this thread waits in it the interpreter cannot end cleanly.
        with open(0, encoding="utf-8", closefd=False) as told:
            try:
                for line in told:
                    hear(line.rstrip("\n"))
            except Exception:  # this thread's border
                traceback.print_exc()
            finally:
                _end_with_group()

    threading.Thread(target=listen_to_the_end, daemon=True).start()


def _end_with_group() -> None:
    if hasattr(os, "getpgrp") and os.getpgrp() == os.getpid():  # started by hand, the group is somebody else's
        _kill_group(os.getpid())
    os._exit(1)


def _reading(read: Callable[[], None]) -> threading.Thread:
    reader = threading.Thread(target=read, name="impasto-child", daemon=True)
    reader.start()
    return reader


def _said(pipe: IO[str] | None) -> Iterator[str]:
    """Line by line, without the line's end."""
    for line in pipe or ():
        yield line.strip()


def _kill_group(leader: int) -> bool:
    """Whether this system has groups."""
    if not hasattr(os, "killpg"):
        return False
    with suppress(ProcessLookupError, PermissionError):  # nobody is left, or (macOS) nobody but the dead
        os.killpg(leader, signal.SIGKILL)
    return True
