"""Values as people write them on the command line; typer.BadParameter, in one line, where they mean nothing."""

from fractions import Fraction
from pathlib import Path

import typer

from engines.names import LEAST_SIZE_PX
from realtime.compiling.options import SizeSpan
from realtime.painting.options import MOST_SIZE_PX, Size


def positive_fraction(text: str) -> Fraction:
    """`25`, `29.97` or `30000/1001`."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter(f"{text!r} is not a number such as 25, 29.97 or 30000/1001") from None
    if value <= 0:
        raise typer.BadParameter(f"{text} is not above 0")
    return value


def size_in_pixels(text: str) -> Size:
    """`1280x720`."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise typer.BadParameter(f"{text!r} is not a size such as 1280x720")
    size = int(width), int(height)
    if not all(LEAST_SIZE_PX <= side <= MOST_SIZE_PX for side in size):
        raise typer.BadParameter(f"{text} is not between {LEAST_SIZE_PX} and {MOST_SIZE_PX} pixels on each side")
    return size


def size_range(text: str) -> SizeSpan:
    """`320x180-1920x1080`."""
    least, dash, most = text.partition("-")
    if not dash:
        raise typer.BadParameter(f"{text!r} is not a range of sizes such as 320x180-1920x1080")
    span = SizeSpan(size_in_pixels(least), size_in_pixels(most))
    if any(low > high for low, high in zip(*span, strict=True)):
        raise typer.BadParameter(f"{text!r} begins with the larger size; write the smaller one first")
    return span


def weighed_picture(text: str) -> tuple[Path, float]:
    """`PICTURE` or `PICTURE=WEIGHT`; a file that is called so is meant itself."""
    path, _, weight = text.rpartition("=")
    if path and not Path(text).exists():
        try:
            return Path(path), float(weight)
        except ValueError:
            pass
    return Path(text), 1.0


def named_weight(text: str) -> tuple[str, float]:
    """`udnie=3`."""
    name, _, weight = text.partition("=")
    try:
        return name.strip(), float(weight)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not NAME=WEIGHT") from None


def whole_number(text: str) -> int:
    """`25`."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number") from None
