"""The settings of `impasto live`; nothing heavy is loaded here."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from engines.names import LEAST_SIZE_PX
from engines.setting import Setting
from realtime.painting.options import MACHINE, MOST_SIZE_PX, PAINTING, STEADY, Size, Steady, StylizeOptions

DEFAULT_SOURCE = "camera:0"
DEFAULT_SINK = "window:"
LIVE = "Source and sinks"
SPEED = "Speed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions(StylizeOptions):
    """What a person may choose about a live picture.

    The result has the source's size, or that of `height`. How large the picture is that the net paints follows the
    speed, up to what `stroke` asks for. `style_images` are pictures with their weights, for the command `paint`.
    """

    steady: Steady = STEADY
    size: Annotated[
        Size | None, Setting("Ask camera:, screen:, pattern: or dream: for this size.", group=LIVE, written="WxH")
    ] = None
    rate: Annotated[
        Fraction | None,
        Setting("The same for their rate, and that of pictures in order, 25 unless given.", group=LIVE, written="FPS"),
    ] = None
    loop: Annotated[bool, Setting("Start a file again at its end.", group=LIVE)] = False
    audio: Annotated[
        str,
        Setting(
            "Sound for files and streams: none, source, microphone or microphone:DEVICE.", group=LIVE, written="CHOICE"
        ),
    ] = "none"
    folder: Annotated[Path, Setting("Where snapshots and recordings go.", group=LIVE)] = Path()
    style_images: Annotated[
        tuple[tuple[Path, float], ...],
        Setting(
            "Paint stills in this style (the key k), by optimisation; again for more, with weights: a.jpg=0.7.",
            group=PAINTING,
            options=("--style-image",),
            written="PICTURE",
        ),
    ] = ()
    learn: Annotated[
        str, Setting("Begin in this picture's style, and learn it while it plays.", group=PAINTING, written="PICTURE")
    ] = ""
    mirror: Annotated[bool, Setting("Exchange left and right.", group=PAINTING)] = False
    pass_through: Annotated[bool, Setting("Begin with the plain picture.", group=PAINTING)] = False
    wait: Annotated[
        bool, Setting("Begin when the painting is ready; without it the plain picture is shown until then.", group=LIVE)
    ] = False
    height: Annotated[
        int | None,
        Setting(
            "Show and write at this height, the source's unless given; the width follows.",
            group=PAINTING,
            least=LEAST_SIZE_PX,
            most=MOST_SIZE_PX,
            written="PIXELS",
        ),
    ] = None
    target_fps: Annotated[
        float | None,
        Setting(
            "Paint with larger strokes where that is needed to keep to this: 24 unless given, 0 for never.",
            group=SPEED,
            least=0,
            written="FPS",
        ),
    ] = None
    max_latency_ms: Annotated[
        float | None, Setting("The same, for capture to picture.", group=SPEED, least=1, written="MS")
    ] = None
    fps_cap: Annotated[Fraction | None, Setting("Paint no more frames a second.", group=SPEED, written="FPS")] = None
    control: Annotated[bool, Setting("Listen to `impasto control`.", group=MACHINE)] = True
    socket: Annotated[
        Path | None, Setting("Listen there instead of at a path of its own.", group=MACHINE, written="PATH")
    ] = None
    seconds: Annotated[float | None, Setting("End after so many seconds.", least=0)] = None
    frames: Annotated[int | None, Setting("End after so many frames.", least=1)] = None
