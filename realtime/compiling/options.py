"""What `impasto compile` is to build."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

Size: TypeAlias = tuple[int, int]
# What a live run begins with where the source is 16:9, as most cameras and screens are.
USUAL_SIZE = (640, 360)


class SizeSpan(NamedTuple):
    """Every size between two; (width, height) in pixels."""

    least: Size
    most: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """What to build. Sizes are (width, height) in pixels.

    A style is what `--style` takes elsewhere; one engine is for all the styles of a file. `size_range` asks
    for one engine for every size between, in place of `sizes`. `requests` None builds what `impasto live` takes
    and what `impasto video` takes; a number builds that alone. `calibrate` is the clip on which an
    int8 or fp8 engine is calibrated; None means bundled pictures. `verbose` has all told that was passed over.
    """

    styles: tuple[str, ...]
    sizes: tuple[Size, ...] = (USUAL_SIZE,)
    size_range: SizeSpan | None = None
    engine: str = "auto"
    precision: str = "auto"
    threads: int = 0
    mode: str = "auto"
    pinned: bool = False
    requests: int | None = None
    calibrate: Path | None = None
    strict: bool = False
    verbose: bool = False
