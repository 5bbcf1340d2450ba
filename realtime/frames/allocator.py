"""How the C library keeps memory, where that matters for a run of hours."""

import ctypes
import sys

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # from glibc's malloc.h


def use_one_arena() -> bool:
    """Lets all threads share one heap; False where the C library is not glibc. To be called before threads start.

    By default glibc gives each thread a heap of its own and keeps what becomes free on top of it. Engines that come and
    go allocate on ever other threads, and after 60 changes of size and file 150 MB lay there for nobody's use.
    """
    return _set(M_ARENA_MAX, 1)


def give_back_blocks_from(size_bytes: int) -> bool:
    """Blocks of this size and above go back to the system when they are freed; False where the C library is not glibc.

    By default glibc learns from what is freed to keep blocks of up to 32 MB: when a picture of 4K is optimised, 400 MB
    of its features lay there that nobody used.
    """
    return _set(M_MMAP_THRESHOLD, size_bytes)


def _set(parameter: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL("libc.so.6").mallopt(parameter, value))
    except (OSError, AttributeError):  # another C library, as on Alpine
        return False
