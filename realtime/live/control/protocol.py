"""One line of JSON in, one line of JSON out: how a live run is controlled over a socket.

`{"command": "style", "value": "udnie"}` is answered by `{"ok": true, "settings": {…}, "line": "style: udnie"}` or by
`{"ok": false, "error": "…"}`; `{"command": "status"}` also by the styles to choose from and the figures.
"""

import json
from dataclasses import asdict
from typing import Any

from engines.errors import ImpastoError, in_one_line
from engines.finite_json import finite_json
from realtime.live.control.board import ControlBoard
from realtime.live.control.commands import Value

MOST_LINE_BYTES = 64 * 1024
TOO_LONG = f"the line is longer than {MOST_LINE_BYTES // 1024} KiB"


def answer_to(line: bytes, board: ControlBoard) -> bytes:
    """The answer to one line, with the newline at its end; whatever goes wrong is told in it."""
    try:
        command, value = parse(line)
        return encoded(_done(command, value, board))
    except Exception as error:  # the thread's border: what fails for one request must not end control in a show
        return refusal(in_one_line(error))


def parse(line: bytes) -> tuple[str, Value]:
    """The command and its value; ImpastoError where the line does not hold them."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise ImpastoError('the line is not JSON; write for example {"command": "next"}') from None
    if not isinstance(message, dict) or not isinstance(message.get("command"), str):
        raise ImpastoError('the line has no "command"; write for example {"command": "next"}')
    if unknown := message.keys() - {"command", "value"}:
        raise ImpastoError(f'only "command" and "value" are known, and not {", ".join(sorted(unknown))[:60]}')
    value = message.get("value")
    if not (value is None or isinstance(value, (str, int, float, bool))):
        raise ImpastoError('"value" is a text, a number, true, false or null')
    return message["command"], value


def refusal(error: str) -> bytes:
    return encoded({"ok": False, "error": " ".join(error.split())})


def encoded(answer: dict[str, Any]) -> bytes:
    return finite_json(answer).encode() + b"\n"


def _done(command: str, value: Value, board: ControlBoard) -> dict[str, Any]:
    outcome = board.carry_out(command, value)
    answer = {"ok": True, "settings": asdict(outcome.settings), "line": outcome.line}
    if command == "status":
        described = board.describe()
        answer |= {"styles": described["styles"], "figures": described["figures"]}
    return answer
