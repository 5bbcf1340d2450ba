"""Values as people write them on the command line; typer.BadParameter, in one line, where they mean nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import typer

from engines.names import LEAST_SIZE_PX
from realtime.compiling.options import SizeSpan
from realtime.painting.options import MOST_SIZE_PX, Size

MOST_RATE = 1e9  # a second: what no clock here tells apart


@contextmanager
def bad_parameter(told: str = "", hint: str | None = None) -> Iterator[None]:
    """Makes a BadParameter of what a wrong value raises, in its own words or as `told`; `hint` names what is wrong."""
    try:
        yield
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(told or str(error), param_hint=hint) from None


def positive_fraction(text: str) -> Fraction:
    """`25`, `29.97` or `30000/1001`."""
    with bad_parameter(f"{text!r} is not a number such as 25, 29.97 or 30000/1001"):
        value = Fraction(text)
    if value <= 0:
        raise typer.BadParameter(f"{text} is not above 0")
    if value > MOST_RATE:
        raise typer.BadParameter(f"{text} is beyond {MOST_RATE:g}")
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
        with suppress(ValueError):
            return Path(path), float(weight)
    return Path(text), 1.0


def named_weight(text: str) -> tuple[str, float]:
    """`udnie=3`."""
    name, _, weight = text.partition("=")
    with bad_parameter(f"{text!r} is not NAME=WEIGHT"):
        return name.strip(), float(weight)


def named_choice(text: str) -> tuple[str, str]:
    """`lilies=dabs`."""
    name, equals, chosen = text.partition("=")
    if not (name.strip() and equals and chosen.strip()):
        raise typer.BadParameter(f"{text!r} is not NAME=TEXTURE")
    return name.strip(), chosen.strip()


def whole_number(text: str) -> int:
    """`25`."""
    with bad_parameter(f"{text!r} is no whole number"):
        return int(text)
