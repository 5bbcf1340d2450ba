"""What each command does to the settings; pure functions, no net."""

from dataclasses import replace

import pytest

from engines.errors import ImpastoError
from realtime.live.control.commands import Value
from realtime.live.control.settings import LiveSettings, apply_command, described, own_name

NAMES = ("waves", "night", "storm")
WAVES = LiveSettings(style="waves")


def after(*commands: tuple[str, Value], settings: LiveSettings = WAVES) -> LiveSettings:
    for name, value in commands:
        settings = apply_command(settings, name, value, NAMES)
    return settings


@pytest.mark.parametrize(
    ("style", "command", "value", "expected"),
    [
        ("waves", "next", None, "night"),
        ("storm", "next", None, "waves"),
        ("waves", "previous", None, "storm"),
        ("waves", "style", "3", "storm"),
        ("waves", "style", "night", "night"),
        ("mine.onnx", "next", None, "mine.onnx:night"),
        ("mine.onnx:night", "next", None, "mine.onnx:storm"),
        ("mine.onnx:night", "style", "waves", "mine.onnx:waves"),
        ("gallery:night", "style", "1", "gallery:waves"),
        ("C:\\my.onnx", "next", None, "C:\\my.onnx:night"),
        ("waves", "style", "other.onnx:x", "other.onnx:x"),
    ],
)
def test_styles(style: str, command: str, value: Value, expected: str) -> None:
    assert after((command, value), settings=LiveSettings(style=style)).style == expected


@pytest.mark.parametrize(("position", "text"), [("4", "this file has 3"), ("0", "no style 0"), ("", "and not ''")])
def test_a_style_beyond_the_list(position: str, text: str) -> None:
    with pytest.raises(ImpastoError, match=text):
        after(("style", position))


def test_no_names_are_known_yet() -> None:
    with pytest.raises(ImpastoError, match="not known yet"):
        apply_command(WAVES, "next", None, ())


def test_mixing_goes_round_and_ends() -> None:
    rounds = [after(*[("mix", "next")] * count).mix_with for count in (1, 2, 3, 4)]
    assert rounds == ["night", "storm", "", "night"]
    assert after(("mix", "storm")).mix_with == "storm"
    assert after(("mix", "storm"), ("mix", "off")).mix_with == ""
    assert after(("mix", "storm"), ("mix", None)).mix_with == ""
    assert after(("mix", "waves")).mix_with == ""
    assert after(("mix", "night"), ("next", None)) == replace(WAVES, style="night")
    painting = LiveSettings(style="painting.jpg")
    rounds = [after(*[("mix", "next")] * count, settings=painting).mix_with for count in (1, 2, 3, 4, 5)]
    assert rounds == ["gallery:waves", "gallery:night", "gallery:storm", "", "gallery:waves"]
    assert after(("mix", "2"), settings=LiveSettings(style="a.onnx")).mix_with == "a.onnx:night"


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ("freeze", "frozen"), ("split", "split"), ("mirror", "mirror"), ("pass-through", "pass_through"),
        ("record", "recording"), ("fullscreen", "fullscreen"), ("help", "show_help"), ("statistics", "show_statistics"),
    ],
)  # fmt: skip
def test_switches(command: str, field: str) -> None:
    assert after((command, None)) == replace(WAVES, **{field: True})  # type: ignore[arg-type]
    assert after((command, None), (command, None)) == WAVES
    assert after((command, "on"), (command, True)) == replace(WAVES, **{field: True})  # type: ignore[arg-type]


def test_numbers() -> None:
    assert after(("strength", "-0.1"), ("strength", "-0.1")).strength == 0.8
    assert after(("strength", 0.35)).strength == 0.35
    assert after(("mix-amount", "+0.1")).mix == 0.6
    assert after(("keep-colour", None)).keep_colour == 1.0
    assert after(("stroke", "+0.25"), ("stroke", "+0.25")).stroke == 1.5
    assert after(("stroke", 3)).stroke == 3.0
    assert after(("keep-colour", "0.5"), ("keep-colour", "+0.2")).keep_colour == 0.7


def test_strokes_stop_at_the_border_and_are_refused_beyond_it() -> None:
    assert after(*[("stroke", "-0.25")] * 5).stroke == 0.5
    assert after(("stroke", 3.9), ("stroke", "+0.25")).stroke == 4.0
    for wrong in (0.25, 5, 0):
        with pytest.raises(ImpastoError, match=r"stroke takes a number from 0\.5 to 4, or a step"):
            after(("stroke", wrong))


def test_textures_come_in_turn_or_by_name_and_end_with_the_styles_own() -> None:
    assert after(("texture", "next")).texture == "curls"
    assert after(("texture", "panes")).texture == "panes"
    assert after(("texture", "panes"), ("texture", "next")) == WAVES
    with pytest.raises(ImpastoError, match=r"there is no texture 'weave'; choose own, curls, .* or panes"):
        after(("texture", "weave"))


@pytest.mark.parametrize(
    ("now", "expected"), [("own", "curls"), ("curls", "facets"), ("facets", "own"), ("panes", "curls")]
)
def test_those_that_the_net_lacks_are_passed_over(now: str, expected: str) -> None:
    """Where one of those was asked for, strokes grow from the style's own, and so the first comes next."""
    found = apply_command(replace(WAVES, texture=now), "texture", "next", NAMES, lambda _: ("curls", "facets"))
    assert found.texture == expected


def test_a_net_without_textures_has_no_next_one() -> None:
    with pytest.raises(ImpastoError, match="the net that paints has no textures to choose from"):
        apply_command(WAVES, "texture", "next", NAMES, lambda _: ())


@pytest.mark.parametrize("deed", ["snapshot", "quit", "status"])
def test_deeds_change_nothing(deed: str) -> None:
    assert after((deed, None)) == WAVES


@pytest.mark.parametrize(
    ("command", "value", "line"),
    [
        ("next", None, "style: night"), ("mix", "storm", "mix: 50 % storm"),
        ("mix-amount", "+0.1", "mix: off (set to 60 %)"),
        ("strength", "-0.1", "strength: 90 %"), ("keep-colour", None, "colours kept: 100 %"),
        ("stroke", "+0.25", "stroke: 1.25"), ("texture", "dabs", "texture: dabs"),
        ("split", None, "before and after: on"),
        ("help", None, ""), ("status", None, ""),
    ],
)  # fmt: skip
def test_what_is_said(command: str, value: Value, line: str) -> None:
    assert described(WAVES, after((command, value)), NAMES) == line


@pytest.mark.parametrize(
    ("style", "name"), [("night", "night"), ("a.onnx:night", "night"), ("a.onnx", "waves"), ("a:b/c.onnx", "waves")]
)
def test_own_names(style: str, name: str) -> None:
    assert own_name(style, NAMES) == name
