"""The options that several commands share, with their ranges and their help."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Annotated

import typer

from realtime.files.options import DECODERS
from realtime.live.options import PictureSize

LEAST_SIZE_PX = 16
MOST_SIZE_PX = 16384
PAINTING = "Painting"
MACHINE = "Machine"
LIVE = "Source and sinks"
AUTO = "auto"
# Our engines and precisions by name, for the help: to load what knows them would take longer than to show it.
ENGINES = ("tensorrt", "tensorrt-rtx", "torch-half", "onnxruntime-gpu", "openvino", "onnxruntime", "torch")
PRECISIONS = ("bf16", "fp16", "fp32", "fp8", "int8")
MODES = ("latency", "throughput")


def complete_style(incomplete: str) -> list[str]:
    """Names of the gallery's styles, for the shell's completion."""
    from engines.style.styles import list_gallery

    names = [style.name for file in list_gallery() for style in file.card.styles]
    return [name for name in names if name.startswith(incomplete)]


def all_engines() -> Iterable[str]:
    """Ours and those of other packages; those that cannot run here too, for they say why."""
    from engines.backends.registry import backend_names

    return backend_names()


def one_of(what: str, names: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """A parser that takes `auto` or one of these names, and refuses others with the names."""

    def name(text: str) -> str:
        if text != AUTO and text not in (known := tuple(names())):
            raise typer.BadParameter(f"there is no {what} {text!r}; choose {AUTO} or one of {', '.join(known)}")
        return text

    return name


def completing(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """The names that begin so, and `auto`, for the shell's completion."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in (AUTO, *names()) if name.startswith(incomplete)]

    return complete


engine_name, complete_engine = one_of("engine", all_engines), completing(all_engines)
precision_name, complete_precision = one_of("precision", lambda: PRECISIONS), completing(lambda: PRECISIONS)
mode_name, complete_mode = one_of("mode", lambda: MODES), completing(lambda: MODES)
decoder_name, complete_decoder = one_of("decoder", lambda: DECODERS[1:]), completing(lambda: DECODERS[1:])


def positive_fraction(text: str) -> Fraction:
    """`25`, `29.97` or `30000/1001`."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter(f"{text!r} is not a number such as 25, 29.97 or 30000/1001") from None
    if value <= 0:
        raise typer.BadParameter(f"{text} is not above 0")
    return value


def size_in_pixels(text: str) -> PictureSize:
    """`1280x720`."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise typer.BadParameter(f"{text!r} is not a size such as 1280x720")
    size = PictureSize(int(width), int(height))
    if not all(LEAST_SIZE_PX <= side <= MOST_SIZE_PX for side in (size.width, size.height)):
        raise typer.BadParameter(f"{text} is not between {LEAST_SIZE_PX} and {MOST_SIZE_PX} pixels on each side")
    return size


Style = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE[:NAME]",
        autocompletion=complete_style,
        help="A style of the gallery (see `impasto styles`) or of a style file.",
        rich_help_panel=PAINTING,
    ),
]
Mix = Annotated[
    str | None,
    typer.Option(
        metavar="A=0.3,B=0.7", help="Mix styles of one file, the one that --style names.", rich_help_panel=PAINTING
    ),
]
Strength = Annotated[
    float, typer.Option(min=0, max=1, help="0 is the picture as it was, 1 the full style.", rich_help_panel=PAINTING)
]
KeepColour = Annotated[
    float,
    typer.Option(min=0, max=1, help="0 takes the style's colours, 1 keeps the picture's.", rich_help_panel=PAINTING),
]
Height = Annotated[
    int | None,
    typer.Option(
        min=LEAST_SIZE_PX,
        max=MOST_SIZE_PX,
        metavar="PIXELS",
        help="Paint and write at this height, the input's unless given; the width follows.",
        rich_help_panel=PAINTING,
    ),
]
Decoder = Annotated[
    str,
    typer.Option(
        parser=decoder_name,
        metavar="|".join(DECODERS),
        autocompletion=complete_decoder,
        help="Where the video is decoded: cuda is an NVIDIA GPU.",
        rich_help_panel=MACHINE,
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        parser=engine_name,
        metavar="NAME",
        autocompletion=complete_engine,
        help=f"{AUTO}, or one of {', '.join(ENGINES)}.",
        rich_help_panel=MACHINE,
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        parser=precision_name,
        metavar="NAME",
        autocompletion=complete_precision,
        help=f"{AUTO}, or one that the engine has: {', '.join(PRECISIONS)}.",
        rich_help_panel=MACHINE,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Fail where an engine is refused; try no other.", rich_help_panel=MACHINE)
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", help="Say why every engine was passed over, those for a GPU too.", rich_help_panel=MACHINE
    ),
]
Overwrite = Annotated[bool, typer.Option(help="Replace OUT where it exists already.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Size = Annotated[
    PictureSize | None,
    typer.Option(
        parser=size_in_pixels, metavar="WxH", help="Ask a camera or a screen for this size.", rich_help_panel=LIVE
    ),
]
Rate = Annotated[
    Fraction | None,
    typer.Option(
        parser=positive_fraction, metavar="FPS", help="Ask a camera or a screen for this rate.", rich_help_panel=LIVE
    ),
]
