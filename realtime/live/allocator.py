"""How the C library keeps memory, where that matters for a run of hours."""

import ctypes
import sys

M_ARENA_MAX = -8  # from glibc's malloc.h


def use_one_arena() -> bool:
    """Lets all threads share one heap; False where the C library is not glibc. To be called before threads start.

    By default glibc gives each thread a heap of its own and keeps what becomes free on top of it. Engines that come and
    go allocate on ever other threads, and after 60 changes of size and file 150 MB lay there for nobody's use.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 1))
    except (OSError, AttributeError):  # another C library, as on Alpine
        return False
