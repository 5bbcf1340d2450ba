"""A lock on a file or a folder that goes with its descriptor, so that none is left by a process that was killed."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path


def lock(descriptor: int) -> None:
    """Until the descriptor is closed. BlockingIOError where another has the lock, OSError where there are none."""
    if sys.platform == "win32":
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold_folder(path: Path) -> int | None:
    """The descriptor that holds the folder until `let_go`; None where the system has no such locks.

    BlockingIOError where another has it.
    """
    if sys.platform == "win32":  # which opens no folders either
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


def let_go(descriptor: int) -> None:
    """Unlocked first: a child that was forked meanwhile has the descriptor too, and the lock would live as long."""
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
