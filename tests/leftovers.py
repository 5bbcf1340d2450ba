"""What a test leaves behind: threads, open files and child processes, counted."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Fails where a thread, a file descriptor or a child process of the body is still there afterwards."""
    threads, open_files, children = set(threading.enumerate()), _open_files(), _children()
    yield
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread not in threads]
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
