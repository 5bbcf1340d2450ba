"""Asks a running `impasto live` to do something, over its control socket."""

import json
import socket
from pathlib import Path
from typing import Any

from engines.errors import ImpastoError
from realtime.live.control.commands import Value
from realtime.live.control.folder import has_sockets, living_sockets

ANSWER_SECONDS = 15.0  # a style file on a slow disk is read before the answer comes
MOST_ANSWER_BYTES = 1 << 20
NOT_RUNNING = "no impasto live is running"


def send(command: str, value: Value = None, path: Path | None = None) -> dict[str, Any]:
    """The answer to one command, as it came: `{"ok": true, "settings": {…}}` or `{"ok": false, "error": "…"}`.

    Without a path the one running impasto of this user is asked. ImpastoError where there is none or more than one, and
    where it does not answer.
    """
    if not has_sockets():
        raise ImpastoError("this Python has no Unix sockets, so a run is controlled by the keys of its window alone")
    place = path or the_one_socket()
    question = json.dumps({"command": command, "value": value}).encode() + b"\n"
    try:
        return parsed_answer(_ask(place, question), place)
    except (ConnectionRefusedError, FileNotFoundError):
        raise ImpastoError(f"{NOT_RUNNING} at {place}") from None
    except TimeoutError:
        raise ImpastoError(f"the impasto live at {place} did not answer within {ANSWER_SECONDS:.0f} s") from None
    except OSError as error:
        raise ImpastoError(f"the impasto live at {place} cannot be asked: {error.strerror or error}") from None


def the_one_socket() -> Path:
    """The socket of the running impasto; ImpastoError where there is none or more than one."""
    running = living_sockets()
    if not running:
        raise ImpastoError(f"{NOT_RUNNING}; start one, or give the path of its socket with --socket")
    if len(running) > 1:
        listed = ", ".join(f"process {number}: --socket {path}" for number, path in running.items())
        raise ImpastoError(f"several impasto live are running; choose one of {listed}")
    return next(iter(running.values()))


def _ask(place: Path, question: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(place))
        connection.sendall(question)
        answer = bytearray()
        while b"\n" not in answer and len(answer) < MOST_ANSWER_BYTES:
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
    return bytes(answer)


def parsed_answer(answer: bytes, place: Path) -> dict[str, Any]:
    """The object in the first line; ImpastoError where whatever listens at `place` says something else."""
    try:
        parsed = json.loads(answer.partition(b"\n")[0])
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ImpastoError(f"what listens at {place} does not answer as an impasto live does")
    return parsed
