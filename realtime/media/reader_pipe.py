"""Writing to who reads on the other end of a pipe, and may pause."""

import os
import select
import sys
import time
from collections.abc import Callable

LOOK_SECONDS = 0.1


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
