"""What `impasto compile` is to build; nothing heavy is loaded here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from engines.names import AUTO
from engines.setting import Setting
from realtime.painting.options import (
    MACHINE,
    PAINTING,
    Engine,
    Mode,
    Net,
    Precision,
    Size,
    Strict,
    Stroke,
    Verbose,
    gallery_names,
)

# What nets paint where the source is 16:9, as most cameras, screens and films are.
USUAL_SIZE = (640, 360)
OF_PROGRAMS = "With {} it is for programs of your own alone."


class SizeSpan(NamedTuple):
    """Every size between two; (width, height) in pixels."""

    least: Size
    most: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """What to build. Sizes are (width, height) in pixels; where there are none, the usual one.

    A style is what `--style` takes elsewhere. `size_range` takes the place of `sizes`. `requests` None builds what
    `impasto live` takes and what `impasto video` takes, of a range what `live` takes; a number builds that alone.
    """

    styles: Annotated[
        tuple[str, ...],
        Setting(
            "Styles of the gallery, or style files; one engine is for all the styles of a file.",
            by_place=True,
            suggestions=gallery_names,
            written="STYLE",
        ),
    ] = ()
    sizes: Annotated[
        tuple[Size, ...],
        Setting(
            "Films, pictures or cameras of this size; give it again for several. All of one shape share an engine. "
            f"{USUAL_SIZE[0]}x{USUAL_SIZE[1]} unless given, which serves 16:9.",
            group=PAINTING,
            options=("--size",),
            written="WxH",
        ),
    ] = ()
    stroke: Stroke = 1.0
    net: Net = AUTO
    size_range: Annotated[
        SizeSpan | None,
        Setting(
            "One engine for every painting between, where a backend can build one; `live` paints with it while its own "
            "is built. --stroke leaves it alone.",
            group=PAINTING,
            written="WxH-WxH",
        ),
    ] = None
    engine: Engine = AUTO
    precision: Precision = AUTO
    threads: Annotated[
        int,
        Setting(f"Processor cores to use; 0 is all. {OF_PROGRAMS.format('another number')}", group=MACHINE, least=0),
    ] = 0
    mode: Mode = AUTO
    pinned: Annotated[bool, Setting(f"Bind each thread to a core. {OF_PROGRAMS.format('this')}", group=MACHINE)] = False
    requests: Annotated[
        int | None,
        Setting(
            "Frames in the engine at once: 1 is what `live` and `image` take, 2 what `video` takes, others "
            "programs of your own; both are built unless one is chosen.",
            group=MACHINE,
            least=1,
            written="N",
        ),
    ] = None
    calibrate: Annotated[
        Path | None,
        Setting(
            "Calibrate an int8 or fp8 engine on this video, as `video` does on its input; "
            "bundled pictures unless given.",
            group=MACHINE,
            written="CLIP",
        ),
    ] = None
    strict: Strict = False
    verbose: Verbose = False
