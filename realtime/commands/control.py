"""`impasto control`: does in a running `impasto live` what its keys do."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from engines.errors import ImpastoError
from engines.style.picture_name import STYLE_FILE
from realtime.commands.console.written import bad_parameter
from realtime.commands.settings import Json
from realtime.live.control.commands import COMMANDS, Command, Kind, checked_value, find_command

# Or -0.1 would be taken for an option.
CONTEXT_SETTINGS = {"ignore_unknown_options": True}


def complete_command(incomplete: str) -> list[tuple[str, str]]:
    """Names and help of the commands, for the shell's completion."""
    return [(command.name, command.help) for command in COMMANDS if command.name.startswith(incomplete)]


def control(
    command: Annotated[
        str, typer.Argument(metavar="COMMAND", autocompletion=complete_command, help="What to do, as listed above.")
    ],
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="What the command takes; a switch without it is turned over.")
    ] = None,
    socket: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The socket of the run, where several are running.")
    ] = None,
    json: Json = False,
) -> None:
    """Control a running `impasto live`."""
    from realtime.commands.console.terminal import print_result
    from realtime.live.control.client import send

    _refuse_wrong_usage(command, value)
    answer = send(command, _seen_from_here(command, value), socket)
    if not answer.get("ok"):
        raise ImpastoError(str(answer.get("error", "the run refused, and does not say why")))
    print_result(answer if json else as_text(command, answer))


def _refuse_wrong_usage(command: str, value: str | None) -> None:
    """What no run would take; what this run does not take, as a style that it has not got, is its own to refuse."""
    with bad_parameter(hint="COMMAND"):
        known = find_command(command)
    with bad_parameter(hint="VALUE"):
        checked_value(known, value)


def _seen_from_here(command: str, value: str | None) -> str | None:
    """Files by their full path: the run stands in a folder of its own. A picture's name may have colons of its own."""
    if value is None or find_command(command).kind is not Kind.TEXT:
        return value
    if _is_file(value):
        return _in_full(value)
    file, colon, name = value.partition(f"{STYLE_FILE}:")
    head, tail = (f"{file}{STYLE_FILE}", name) if colon else value.partition(":")[::2]
    return f"{_in_full(head)}:{_in_full(tail)}" if tail else value


def _in_full(name: str) -> str:
    return str(Path(name).absolute()) if _is_file(name) else name


def _is_file(name: str) -> bool:
    return bool(Path(name).suffix) and os.path.isfile(name)  # Path.is_file raises where a name is too long


def as_text(command: str, answer: dict[str, Any]) -> str:
    """The answer for people: what changed, or everything for `status`."""
    if command != "status":
        return str(answer.get("line") or "done")
    facts = {**answer["settings"], "styles": ", ".join(answer["styles"])} | answer["figures"]
    rows = [row for name, value in facts.items() for row in _rows(name.replace("_", " "), value)]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:<{width}}{value}" for name, value in rows)


def usage(command: Command) -> str:
    """`strength 0..1`, as in the help."""
    if command.kind is Kind.NUMBER:
        return f"{command.name} {command.least:g}..{command.most:g}|±STEP"
    if command.kind is Kind.FLAG:
        return f"{command.name} on|off"
    return f"{command.name} {command.value}".rstrip()


def _rows(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Figures within figures get a line each, as in `latency ms window:`."""
    if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
        for key, item in value.items():
            yield from _rows(f"{name} {key}", item)
    elif isinstance(value, dict):
        yield name, ", ".join(f"{key} {_shown(item)}" for key, item in value.items()) or "–"
    else:
        yield name, _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "–" if value in (None, "") else str(value)


def _help() -> str:
    """The table of all commands, each on a line of its own."""
    lines = [f"{usage(command):<36}{command.help}" for command in COMMANDS]
    return "\n\n\b\n".join(["Control a running `impasto live`: do what its keys do.", "\n".join(lines)])


control.__doc__ = _help()
