"""The table of commands: complete, without doubles, and strict about values."""

import math
from dataclasses import fields
from pathlib import Path

import pytest

from engines.errors import ImpastoError
from realtime.commands.control import usage
from realtime.live.control.commands import (
    BY_KEY,
    BY_NAME,
    COMMANDS,
    Command,
    Kind,
    Value,
    checked_value,
    find_command,
    number_from,
)
from realtime.live.control.settings import LiveSettings
from realtime.live.window.overlay import keys_of

SETTINGS = {field.name for field in fields(LiveSettings)}


def test_every_setting_has_one_command_and_every_command_a_line_of_help() -> None:
    assert sorted(command.setting for command in COMMANDS if command.setting) == sorted(SETTINGS)
    assert all(command.help and "\n" not in command.help and len(command.help) < 40 for command in COMMANDS)
    assert len(BY_NAME) == len(COMMANDS)


def test_no_key_does_two_things() -> None:
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))
    assert {"1", "9", "n", "p", "left", "right", "m", ",", ".", "[", "]", "+", "-", "c", "space", "b"} <= set(keys)
    assert {"v", "r", "s"} <= set(keys)
    assert {"o", "tab", "f", "f11", "h", "?", "i", "q", "escape"} <= set(keys)


@pytest.mark.parametrize("key", BY_KEY)
def test_what_a_key_gives_is_taken(key: str) -> None:
    command, value = BY_KEY[key]
    checked_value(command, value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("strength", "0.4", 0.4), ("strength", 1, 1.0), ("strength", "+0.1", "+0.1"), ("strength", "-3", "-3"),
        ("keep-colour", None, None), ("keep-colour", "on", 1.0), ("freeze", None, None), ("freeze", "off", False),
        ("freeze", True, True), ("mirror", "YES", True), ("mix", None, ""), ("mix", "off", "off"), ("style", 3, "3"),
        ("next", None, None),
    ],
)  # fmt: skip
def test_values_that_are_taken(name: str, value: Value, expected: Value) -> None:
    assert checked_value(find_command(name), value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strength", None), ("strength", "much"), ("strength", 1.2), ("strength", -0.1), ("strength", math.nan),
        ("strength", "+inf"), ("strength", True), ("strength", "1e999"), ("strength", 10**400), ("freeze", "perhaps"),
        ("freeze", 0.5), ("next", "two"), ("quit", ""), ("style", True), ("style", 1.5), ("style", "a\nb"),
        ("style", None), ("style", " "),
        ("keep-colour", "maybe"), ("mix-amount", "x" * 5000),
    ],
)  # fmt: skip
def test_other_values_are_refused_in_one_short_line(name: str, value: Value) -> None:
    with pytest.raises(ImpastoError, match=name) as refused:
        checked_value(find_command(name), value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_an_unknown_command_gets_a_hint() -> None:
    with pytest.raises(ImpastoError, match="did you mean strength"):
        find_command("strenght")
    with pytest.raises(ImpastoError, match="choose one of style, next"):
        find_command("")


@pytest.mark.parametrize(
    ("value", "now", "expected"),
    [
        ("+0.1", 0.2, 0.3),
        ("+0.1", 0.95, 1.0),
        ("-0.1", 0.05, 0.0),
        (0.25, 0.9, 0.25),
        (None, 0.0, 1.0),
        (None, 0.7, 0.0),
    ],
)
def test_steps_stop_at_the_border(value: Value, now: float, expected: float) -> None:
    assert number_from(BY_NAME["keep-colour"], value, now) == expected


def test_the_page_about_controls_has_the_whole_table() -> None:
    page = (Path(__file__).parents[1] / "docs" / "controls.md").read_text()
    table = [line for line in page.splitlines() if line.startswith("| `")]
    assert table == [row_of(command) for command in COMMANDS]


def row_of(command: Command) -> str:
    """A command in the table of docs/controls.md."""
    asked = usage(command).replace("|", "\\|")
    keys = keys_of(command)
    return f"| `{asked}` | {command.help} | {f'`{keys}`' if keys else ''} |"


def test_numbers_and_flags_start_within_their_range() -> None:
    for command in COMMANDS:
        if command.kind is Kind.NUMBER:
            assert command.least <= getattr(LiveSettings(), command.setting) <= command.most
