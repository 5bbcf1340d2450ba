"""Where a live run can be reached on this machine: one socket a run, in a folder that only its user can open."""

import os
import re
import socket
import warnings
from contextlib import suppress
from pathlib import Path

import platformdirs

from engines.errors import ImpastoError

PRIVATE_FOLDER = 0o700
NAME = re.compile(r"live-(\d+)\.sock")


def has_sockets() -> bool:
    """Whether Python knows Unix domain sockets on this system; on Windows it does not."""
    return hasattr(socket, "AF_UNIX")


def runtime_folder() -> Path:
    """The folder of the sockets, which need not exist: $XDG_RUNTIME_DIR/impasto or what this system has instead."""
    with warnings.catch_warnings():  # it warns where it had to choose another place, which is fine here
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("impasto")


def private_folder() -> Path:
    """The folder of the sockets, made where it is missing; ImpastoError where others could write to it."""
    folder = runtime_folder()
    try:
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise ImpastoError(f"{folder} cannot be made ({error.strerror}); set XDG_RUNTIME_DIR to a folder") from None
    for place, owners in ((folder, (os.getuid(),)), (folder.parent, (os.getuid(), 0))):
        if place.stat().st_uid not in owners:
            raise ImpastoError(f"{place} belongs to another user; set XDG_RUNTIME_DIR to a folder of your own")
    folder.chmod(PRIVATE_FOLDER)
    return folder


def own_socket() -> Path:
    """Where this process can be reached; sockets of processes that have ended are removed on the way."""
    folder = private_folder()
    living_sockets()
    return folder / f"live-{os.getpid()}.sock"


def living_sockets() -> dict[int, Path]:
    """Process id and socket of every run; what dead processes left is removed."""
    found = {int(name[1]): path for path in _entries() if (name := NAME.fullmatch(path.name))}
    for number in [number for number, path in found.items() if not _listens(path)]:
        if not _lives(number):  # or it may be about to listen
            with suppress(OSError):
                found[number].unlink()
        del found[number]
    return dict(sorted(found.items()))


def _entries() -> list[Path]:
    try:
        return list(runtime_folder().iterdir())
    except OSError:  # no folder: no run
        return []


def _listens(path: Path) -> bool:
    """Whether a process is at the other end.

    Its number does not tell: another program may have it by now, and that of a run in a container means nothing here.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(str(path))
        except BlockingIOError:  # so many wait already
            return True
        except OSError:
            return False
    return True


def _lives(number: int) -> bool:
    """Whether a process of ours has this number; another user's cannot have made a socket here."""
    try:
        os.kill(number, 0)
    except (OSError, OverflowError):
        return False
    return True
