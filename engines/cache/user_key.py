"""The user's key: random bytes that nobody else can read. What carries their signature was written by this user.

It is made once, by whichever process needs it first. A key that others could have read or written is worth nothing, and
is replaced; then everything that was signed with it has to be made again.
"""

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engines.whole_file import write_whole

KEY_BYTES = 32
OTHERS = stat.S_IRWXG | stat.S_IRWXO
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
# A link is never followed, and a pipe somebody put there is never waited for; Windows knows neither.
CAREFULLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def find_user_key(path: Path) -> bytes | None:
    """The key in this file; None where there is none that this user alone can read and write."""
    try:
        descriptor = os.open(path, CAREFULLY)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not is_plain_and_ours(os.fstat(descriptor), forbidden=OTHERS):
            return None
        key = file.read(KEY_BYTES + 1)
    return key if len(key) == KEY_BYTES else None


def make_user_key(path: Path) -> bytes:
    """The key in this file, made where there is none that can be trusted; OSError where it cannot be written."""
    key = find_user_key(path)
    if key is not None:
        return key
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_process_at_a_time(path.parent):
        key = find_user_key(path)
        if key is None:
            key = secrets.token_bytes(KEY_BYTES)
            write_whole(path, key, private=True, lasting=True)
        return key


def is_plain_and_ours(state: os.stat_result, *, forbidden: int) -> bool:
    """Whether this is a plain file of this user's without any of the `forbidden` permissions."""
    return stat.S_ISREG(state.st_mode) and is_ours(state, forbidden=forbidden)


def is_ours(state: os.stat_result, *, forbidden: int) -> bool:
    """Whether it belongs to this user, without any of the `forbidden` permissions; Windows has other means."""
    return not hasattr(os, "getuid") or (state.st_uid == os.getuid() and not state.st_mode & forbidden)


@contextmanager
def _one_process_at_a_time(folder: Path) -> Iterator[None]:
    """Where a file system has no locks, the last to write wins, and what the other signed is made once more."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
