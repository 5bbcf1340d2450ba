"""The one table of what a person can do while `impasto live` runs: names, values, keys and help all come from it."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from engines.errors import BadValue
from realtime.painting.full_size.painting_size import LEAST_STROKE, MOST_STROKE

Value = str | float | bool | None
ON = ("on", "true", "yes", "1")
OFF = ("off", "false", "no", "0", "none")
NEXT = "next"
MAY_BE_NOTHING = ("mix", "learn")
LONGEST_TEXT = 4096  # characters, as of a path


class Kind(Enum):
    """What sort of value a command takes."""

    NONE = "no value"
    TEXT = "a text"
    NUMBER = "a number"
    FLAG = "on or off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that can be done.

    `setting` is the field of LiveSettings that it sets, "" for a deed. A number lies from `least` to `most`, where a
    sign before it (+0.1, -0.1) means a step from where it stands. A flag without a value is turned over, and so is a
    number that `toggles`, between its ends. `keys` are the keys of a window, each with the value that it gives.
    """

    name: str
    kind: Kind
    help: str
    setting: str = ""
    value: str = ""
    least: float = 0.0
    most: float = 1.0
    toggles: bool = False
    keys: Mapping[str, Value] = field(default_factory=dict)

    @property
    def once(self) -> bool:
        """Whether a key that is held down does it once: turned over again and again it would flicker, or fill disks."""
        return self.kind is Kind.FLAG or self.toggles or self.name in ("snapshot", "paint", "learn")


DIGITS: dict[str, Value] = {str(digit): str(digit) for digit in range(1, 10)}
COMMANDS = (
    Command(name="style", kind=Kind.TEXT, setting="style", value="NAME|1-9|PICTURE|FILE[:NAME]",
            help="paint in this style", keys=DIGITS),
    Command(name="next", kind=Kind.NONE, help="the next style", keys={"n": None, "right": None}),
    Command(name="previous", kind=Kind.NONE, help="the style before", keys={"p": None, "left": None}),
    Command(name="mix", kind=Kind.TEXT, setting="mix_with", value="NAME|next|off", help="mix with another style",
            keys={"m": NEXT}),
    Command(name="mix-amount", kind=Kind.NUMBER, setting="mix", help="less or more of the mix",
            keys={",": "-0.1", ".": "+0.1"}),
    Command(name="strength", kind=Kind.NUMBER, setting="strength", help="strength of the style",
            keys={"-": "-0.1", "+": "+0.1", "=": "+0.1"}),
    Command(name="keep-colour", kind=Kind.NUMBER, setting="keep_colour", toggles=True,
            help="keep the picture's colours", keys={"c": None}),
    Command(name="stroke", kind=Kind.NUMBER, setting="stroke", least=LEAST_STROKE, most=MOST_STROKE,
            help="finer or larger brush strokes", keys={"[": "-0.25", "]": "+0.25"}),
    Command(name="texture", kind=Kind.TEXT, setting="texture", value="NAME|next|own",
            help="what strokes grow from", keys={"t": NEXT}),
    Command(name="steady", kind=Kind.NUMBER, setting="steady", help="hold the painting less or more still",
            keys={"(": "-0.1", ")": "+0.1"}),
    Command(name="freeze", kind=Kind.FLAG, setting="frozen", help="hold the picture", keys={"space": None}),
    Command(name="split", kind=Kind.FLAG, setting="split", help="before and after", keys={"b": None}),
    Command(name="pass-through", kind=Kind.FLAG, setting="pass_through", help="show the original",
            keys={"o": None, "tab": None}),
    Command(name="mirror", kind=Kind.FLAG, setting="mirror", help="mirror the picture", keys={"v": None}),
    Command(name="record", kind=Kind.FLAG, setting="recording", help="record to a file", keys={"r": None}),
    Command(name="snapshot", kind=Kind.NONE, help="save this picture", keys={"s": None}),
    Command(name="paint", kind=Kind.NONE, help="paint a still of this picture", keys={"k": None}),
    Command(name="learn", kind=Kind.TEXT, value="PICTURE", help="learn a picture's style while it plays",
            keys={"l": None}),
    Command(name="fullscreen", kind=Kind.FLAG, setting="fullscreen", help="fill the screen",
            keys={"f": None, "f11": None}),
    Command(name="statistics", kind=Kind.FLAG, setting="show_statistics", help="show the figures", keys={"i": None}),
    Command(name="help", kind=Kind.FLAG, setting="show_help", help="show this help",
            keys={"h": None, "?": None, "f1": None}),
    Command(name="status", kind=Kind.NONE, help="tell the settings and the figures"),
    Command(name="quit", kind=Kind.NONE, help="end the run", keys={"q": None, "escape": None}),
)  # fmt: skip
BY_NAME = {command.name: command for command in COMMANDS}
BY_KEY = {key: (command, value) for command in COMMANDS for key, value in command.keys.items()}


def find_command(name: str) -> Command:
    """The command of that name; BadValue where there is none."""
    if name in BY_NAME:
        return BY_NAME[name]
    near = difflib.get_close_matches(name, BY_NAME, 1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(BY_NAME)}"
    raise BadValue(f"there is no command {_shown(name)}; {hint}")


def checked_value(command: Command, value: Value) -> Value:
    """The value as the command takes it: a text, a signed step or a number as it was written, a bool, or None.

    BadValue where it takes no such value. Whether a text names a style is found out later.
    """
    if command.kind is Kind.NONE:
        if value is not None:
            raise BadValue(f"{command.name} takes no value, and was given {_shown(value)}")
        return None
    if command.kind is Kind.FLAG:
        return _flag(command, value)
    if command.kind is Kind.TEXT:
        return _text(command, value)
    return _number(command, value)


def number_from(command: Command, value: Value, now: float) -> float:
    """The number that a checked value leads to from `now`; a step ends at the border of the range."""
    if value is None:
        middle = (command.least + command.most) / 2
        return command.least if now > middle else command.most
    if isinstance(value, str):
        return min(command.most, max(command.least, round(now + float(value), 3)))
    return float(value)


def _flag(command: Command, value: Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in ON + OFF:
        raise BadValue(f"{command.name} is on or off, or turned over without a value, and not {_shown(value)}")
    return word in ON


def _text(command: Command, value: Value) -> str:
    """No text is none of the styles, for a mix, and for what is learnt the picture in use."""
    if value is None and command.name in MAY_BE_NOTHING:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise BadValue(f"{command.name} takes {command.value}, and not {_shown(value)}")
    text = str(value).strip()
    if len(text) > LONGEST_TEXT or any(ord(character) < 32 for character in text):
        raise BadValue(f"{command.name} takes {command.value}, and not {_shown(text)}")
    if not text and command.name not in MAY_BE_NOTHING:
        raise BadValue(f"{command.name} takes {command.value}, and not {_shown(text)}")
    return text


def _number(command: Command, value: Value) -> Value:
    """A step stays a text, so that it can be told from a number."""
    if value is None and command.toggles:
        return None
    if isinstance(value, str) and command.toggles and value.lower() in ("on", "off"):
        return command.most if value.lower() == "on" else command.least
    try:
        number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    step = isinstance(value, str) and value.strip().startswith(("+", "-"))
    if not math.isfinite(number) or not (step or command.least <= number <= command.most):
        raise BadValue(
            f"{command.name} takes a number from {command.least:g} to {command.most:g}, "
            f"or a step such as +0.1 or -0.1, and not {_shown(value)}"
        )
    return value if step else number


def _shown(value: Value) -> str:
    """What was given, short enough for a line."""
    text = repr(value)
    return "nothing" if value is None else text if len(text) <= 60 else f"{text[:57]}..."
