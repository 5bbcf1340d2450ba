"""The settings of `impasto live`; nothing heavy is loaded here."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from realtime.painting.options import StylizeOptions

DEFAULT_SOURCE = "camera:0"
DEFAULT_SINK = "window:"


class PictureSize(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions(StylizeOptions):
    """What a person may choose about a live picture.

    `height` is the height in pixels at which the net paints; None lets it follow the speed, starting at 360. The result
    always has the source's size. `size` and `rate` are asked of a camera or a screen. With `target_fps`
    or `max_latency_ms` the height is lowered and raised to keep them; `fps_cap` paints no more frames a second.
    `audio` is none, source, microphone or microphone:DEVICE. The run ends after `seconds` or `frames` where given.
    `style_images` are pictures with weights, in whose style the command `paint` paints a still.
    """

    size: PictureSize | None = None
    rate: Fraction | None = None
    loop: bool = False
    audio: str = "none"
    target_fps: float | None = None
    max_latency_ms: float | None = None
    fps_cap: Fraction | None = None
    mirror: bool = False
    pass_through: bool = False
    folder: Path = Path()
    style_images: tuple[tuple[Path, float], ...] = ()
    socket: Path | None = None
    control: bool = True
    seconds: float | None = None
    frames: int | None = None
