"""What a person has set while `impasto live` runs, and how one command changes it; nothing heavy is loaded here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engines.errors import BadValue, ImpastoError, UnknownStyle
from engines.setting import listed
from engines.style.picture_name import name_of, picture_in
from realtime.live.control.commands import NEXT, OFF, Command, Kind, Value, checked_value, find_command, number_from
from realtime.live.options import LiveOptions
from realtime.painting.options import DEFAULT_STYLE, OWN, OWN_AND_OTHERS, STEADY, StylizeOptions, parse_mix

DEFAULTS = StylizeOptions()
# Help, statistics and full screen show themselves.
SPOKEN_FLAGS = ("frozen", "split", "mirror", "pass_through", "recording")
WORDS = {
    "split": "before and after",
    "pass_through": "original",
    "keep_colour": "colours kept",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Everything that can be changed without stopping.

    `style` is a style as --style takes it, `mix_with` another one of the same file or "" for none, and `mix` its share,
    0..1. `strength`, `keep_colour` and `steady` are 0..1, `stroke` is how large brush strokes are, 1 as the style means
    them, and `texture` what they grow from.
    `split` shows the picture before and after, `pass_through` only before.
    """

    style: str = DEFAULTS.style
    mix_with: str = ""
    mix: float = 0.5
    strength: float = DEFAULTS.strength
    keep_colour: float = DEFAULTS.keep_colour
    stroke: float = DEFAULTS.stroke
    texture: str = DEFAULTS.texture
    steady: float = STEADY
    frozen: bool = False
    split: bool = False
    mirror: bool = False
    pass_through: bool = False
    fullscreen: bool = False
    show_help: bool = False
    show_statistics: bool = False
    recording: bool = False


def settings_of(options: LiveOptions) -> LiveSettings:
    """What the controls say at the start.

    ImpastoError for a mix of more than two styles, and for a mix of bare names where --style cannot be found.
    """
    if options.learn and options.mix is not None:
        raise BadValue("--learn and --mix: one picture is learnt; leave one of them out")
    if options.learn and options.style != DEFAULT_STYLE:
        raise BadValue(
            f"--learn {options.learn} and --style {options.style}: what is learnt is the style; leave --style out, or "
            "write --learn FILE:PICTURE for the net of a style file"
        )
    style, mix_with, share = options.learn or options.style, "", 0.5
    if options.mix is not None:
        weights = parse_mix(options.mix)
        if len(weights) != 2:
            raise BadValue(f"--mix {options.mix!r}: a live picture mixes two styles, as in A=0.3,B=0.7")
        share = list(weights.values())[1] / sum(weights.values())
        style, mix_with = (_mixed_style(options.style, text) for text in weights)
    return LiveSettings(
        style=style,
        mix_with=mix_with,
        mix=share,
        strength=options.strength,
        keep_colour=options.keep_colour,
        stroke=options.stroke,
        texture=options.texture,
        steady=options.steady,
        mirror=options.mirror,
        pass_through=options.pass_through,
    )


def _mixed_style(style: str, text: str) -> str:
    """One style of --mix as --style takes it: a bare name is looked for in the file of --style first."""
    from engines.style.styles import names_file
    from realtime.painting.picture_style import resolve

    if names_file(text):
        return text
    names = resolve(style)[0].card.names
    return beside(style, text, names) if text in names else text


def all_textures(settings: LiveSettings) -> Sequence[str]:
    """Where nobody knows yet which of them the net has that these settings ask for."""
    return OWN_AND_OTHERS[1:]


def apply_command(
    settings: LiveSettings,
    name: str,
    value: Value,
    names: Sequence[str],
    textures: Callable[[LiveSettings], Sequence[str]] = all_textures,
) -> LiveSettings:
    """The settings after a command; `names` are the styles of the file in use, in order.

    `textures` gives those of the net that the settings ask for, and is called where they are gone through.

    Deeds (snapshot, paint, quit, status) change nothing. ImpastoError for an unknown command and a value that it cannot
    take. A style that is none of `names` is taken as it is written: finding it is somebody else's work.
    """
    command = find_command(name)
    value = checked_value(command, value)
    if name in ("style", "next", "previous"):
        return with_style(settings, _wanted_style(settings, command, value, names))
    if command.name == "mix":
        return replace(settings, mix_with=_wanted_mix(settings, str(value), names))
    if command.name == "texture":
        return replace(settings, texture=_wanted_texture(settings, str(value), textures))
    changes: dict[str, Any] = {}
    if command.kind is Kind.FLAG:
        changes[command.setting] = (not getattr(settings, command.setting)) if value is None else value
    elif command.kind is Kind.NUMBER:
        changes[command.setting] = number_from(command, value, getattr(settings, command.setting))
    return replace(settings, **changes)


def with_style(settings: LiveSettings, style: str) -> LiveSettings:
    """The settings with another style; a mix with itself ends."""
    return replace(settings, style=style, mix_with="" if settings.mix_with == style else settings.mix_with)


def own_name(style: str, names: Sequence[str]) -> str:
    """Which of the file's styles this is: `waves` for `mine.onnx:waves`, and the file's first where none is named.

    A picture in its place, which is none of `names`, is called by its stem.
    """
    if style in names:
        return style
    if found := picture_in(style):
        return name_of(found[1], names)
    tail = style.rpartition(":")[2]
    return tail if tail in names else names[0] if names else style


def beside(style: str, name: str, names: Sequence[str]) -> str:
    """The name of another style of the same file, as --style takes it: `mine.onnx:night` beside `mine.onnx:waves`."""
    if style in names:
        return name
    return f"{file_named(style, names)}:{name}"


def file_named(style: str, names: Sequence[str]) -> str:
    """The file in `mine.onnx:waves` or `mine.onnx:photo.jpg`; all of it where no style is named."""
    if found := picture_in(style):
        return found[0]
    head, _, tail = style.rpartition(":")
    return head if head and tail in names else style


def described(before: LiveSettings, after: LiveSettings, names: Sequence[str]) -> str:
    """What a command changed, in a few words for the screen; "" where nothing did."""
    if after.style != before.style:
        return f"style: {own_name(after.style, names)}"
    if (after.mix_with, after.mix) != (before.mix_with, before.mix):
        return _described_mix(after, names)
    for name in ("strength", "keep_colour", "steady"):
        if getattr(after, name) != getattr(before, name):
            return f"{_spoken(name)}: {100 * getattr(after, name):.0f} %"
    if after.stroke != before.stroke:
        return f"stroke: {after.stroke:g}"
    if after.texture != before.texture:
        return f"texture: {after.texture}"
    changed = [name for name in SPOKEN_FLAGS if getattr(after, name) != getattr(before, name)]
    return f"{_spoken(changed[0])}: {'on' if getattr(after, changed[0]) else 'off'}" if changed else ""


def _spoken(name: str) -> str:
    return WORDS.get(name, name)


def _described_mix(settings: LiveSettings, names: Sequence[str]) -> str:
    share = f"{100 * settings.mix:.0f} %"
    return f"mix: {share} {own_name(settings.mix_with, names)}" if settings.mix_with else f"mix: off (set to {share})"


def _wanted_style(settings: LiveSettings, command: Command, value: Value, names: Sequence[str]) -> str:
    if command.kind is Kind.NONE:
        return beside(settings.style, _step(settings.style, names, 1 if command.name == NEXT else -1), names)
    text = str(value)
    if text not in names and text.isdecimal():
        return beside(settings.style, _by_position(int(text), names), names)
    return beside(settings.style, text, names) if text in names else text


def _wanted_mix(settings: LiveSettings, text: str, names: Sequence[str]) -> str:
    if text not in names and (not text or text.lower() in OFF):
        return ""
    if text not in names and text == NEXT:
        return _next_mix(settings, names)
    if text not in names and text.isdecimal():
        text = _by_position(int(text), names)
    if text not in names:
        return text
    return "" if text == own_name(settings.style, names) else beside(settings.style, text, names)


def _wanted_texture(settings: LiveSettings, text: str, textures: Callable[[LiveSettings], Sequence[str]]) -> str:
    """Every one of the net's in turn for `next`, the style's own again after the last."""
    if text == NEXT:
        in_turn = (OWN, *textures(settings))
        if len(in_turn) == 1:
            raise ImpastoError("the net that paints has no textures to choose from")
        at = in_turn.index(settings.texture) if settings.texture in in_turn else 0  # the net paints with its own then
        return in_turn[(at + 1) % len(in_turn)]
    if text not in OWN_AND_OTHERS:
        raise BadValue(f"there is no texture {text!r}; choose {listed(OWN_AND_OTHERS)}")
    return text


def _next_mix(settings: LiveSettings, names: Sequence[str]) -> str:
    """Every other style of the file in turn, then none."""
    own, following = own_name(settings.style, names), _step(settings.mix_with or settings.style, names, 1)
    begins_again = following == own if own in names else bool(settings.mix_with) and following == names[0]
    return "" if begins_again else beside(settings.style, following, names)


def _step(style: str, names: Sequence[str], step: int) -> str:
    if not names:
        raise ImpastoError("the styles of this file are not known yet; try again when the picture is painted")
    own = own_name(style, names)
    at = names.index(own) if own in names else -1 if step > 0 else 0  # a picture stands before the first
    return names[(at + step) % len(names)]


def _by_position(position: int, names: Sequence[str]) -> str:
    if not 1 <= position <= len(names):
        raise UnknownStyle(f"there is no style {position}; this file has {len(names)}: {', '.join(names)}")
    return names[position - 1]
