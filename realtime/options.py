"""The settings of the commands; nothing heavy is loaded here, so that the command line can show the defaults."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

DECODERS = ("auto", "software", "cuda")


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeOptions:
    """What a person may choose about the painting itself.

    `style` names a style of the gallery, a style file, or FILE:NAME; `mix` ("A=0.3,B=0.7") takes its place,
    with bare names looked for in that style's file.
    `strength` and `keep_colour` are 0..1. `height` is the height in pixels at which the net paints and the result is
    written; None keeps the input's. With `strict` an engine that is refused ends the work, and no other is tried.
    """

    style: str = "starry_night"
    mix: str | None = None
    strength: float = 1.0
    keep_colour: float = 0.0
    height: int | None = None
    engine: str = "auto"
    precision: str = "auto"
    strict: bool = False
    overwrite: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions(StylizeOptions):
    """The settings of `impasto image`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions(StylizeOptions):
    """The settings of `impasto video`.

    `codec` is an FFmpeg encoder or "auto"; `crf` and `preset` are the encoder's own, None for our default.
    `fps` is the frame rate at which a folder or glob of pictures is read; a video keeps its own times. `decoder` is one
    of DECODERS: "auto" takes the GPU's only where the engine paints frames that lie there.
    """

    codec: str = "auto"
    crf: int | None = None
    preset: str | None = None
    fps: Fraction = Fraction(25)
    decoder: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The settings of `impasto bench`, which measures every style at every size on every engine in every precision.

    A style is what `--style` takes elsewhere, or a preset of a net ("paper", "fast", "ultra") with random weights.
    `clip` None is the built-in scene. `sizes` are (width, height); where there are none, the clip's own shape at
    `height`. Every row paints `frames` frames, or as many as `row_seconds` allow, `repeats` times in turn with all
    others; `requests` frames are in the net at once wherever latency does not matter.
    `peers` also runs what a person would write instead, `roofline` measures what the machine could do at most,
    `stability` measures flicker on the built-in scene, and `live` the latency of a live run over it.
    """

    clip: Path | None = None
    styles: tuple[str, ...] = ("starry_night",)
    sizes: tuple[tuple[int, int], ...] = ()
    height: int = 360
    engines: tuple[str, ...] = ("auto",)
    precisions: tuple[str, ...] = ("auto",)
    mode: str = "auto"
    threads: int = 0
    requests: int = 2
    frames: int = 60
    row_seconds: float = 10.0
    repeats: int = 3
    peers: bool = False
    roofline: bool = False
    stability: bool = False
    live: bool = False
