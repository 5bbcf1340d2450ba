"""The settings of the commands; nothing heavy is loaded here, so that the command line can show the defaults."""

from dataclasses import dataclass
from fractions import Fraction

from realtime.painting.options import StylizeOptions

DECODERS = ("auto", "software", "cuda")


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
