"""The C library's heaps, in a process of their own: what is set cannot be set back."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, threading
from engines.machine import use_one_arena
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
{first}
together = threading.Barrier(4)

def allocate():
    libc.malloc(100_000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
"""


def arenas(first: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)], capture_output=True, text=True, check=True
    )
    return done.stderr.count("Arena ")


def test_threads_share_one_heap_where_it_was_asked_for() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    assert arenas("") > 1
    assert arenas("use_one_arena()") == 1
