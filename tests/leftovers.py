"""What a test leaves behind: threads, open files and child processes, counted."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DESCRIPTORS = Path("/proc/self/fd")
# A thread that was told to end gets a core some time later where others work.
ENDING_SECONDS = 3.0


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Fails where a thread, a file descriptor or a child process of the body is still there afterwards."""
    threads, open_files, children = set(threading.enumerate()), _open_files(), _children()
    yield
    gc.collect()
    until = time.monotonic() + ENDING_SECONDS
    while (left := set(threading.enumerate()) - threads) and time.monotonic() < until:
        time.sleep(0.02)
    assert not left
    assert _open_files() <= open_files
    assert _children() <= children


def _open_files() -> int:
    """How many there are, the one for looking included; pipes and sockets count as well."""
    if not DESCRIPTORS.is_dir():
        pytest.skip("needs /proc to count open files")
    return len(os.listdir(DESCRIPTORS))


def _children() -> set[str]:
    return {child for task in Path("/proc/self/task").iterdir() for child in _children_of(task)}


def _children_of(task: Path) -> list[str]:
    try:
        return task.joinpath("children").read_text().split()
    except OSError:  # the thread has just ended
        return []
