"""The settings of `impasto image` and `impasto video`; nothing heavy is loaded here."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from engines.names import AUTO
from engines.setting import Setting
from realtime.media.containers import OF_FORMAT, SOUND_CHOICES
from realtime.painting.options import MACHINE, STEADY, Steady, StylizeOptions

DECODERS = (AUTO, "software", "cuda")
FILE = "Output file"
LEAST_FPS, MOST_FPS = 0.001, 1000  # beyond, containers and encoders make other times of it
LONGEST = 1e6  # seconds; no film lasts for eleven days
MOST_CRF = 63  # of AV1 and VP9; that of the encoder chosen may be less
StrictAboutPictures = Annotated[
    bool, Setting("Fail at the first bad picture, or where an engine is refused; try no other.", group=MACHINE)
]
Overwrite = Annotated[bool, Setting("Replace OUT where it exists already.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions(StylizeOptions):
    """The settings of `impasto image`."""

    strict: StrictAboutPictures = False
    overwrite: Overwrite = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions(StylizeOptions):
    """The settings of `impasto video`.

    `crf` and `preset` are the encoder's own, None for our default; which preset "auto" is depends on what a frame costs
    here. `fps` is for pictures alone, None for 25: a video keeps its own times.
    The `decoder` "auto" takes the GPU's only where the engine paints frames that lie there.
    """

    steady: Steady = STEADY
    codec: Annotated[
        str, Setting("auto (H.264, VP9 in .webm), or an FFmpeg encoder such as libx265 or h264_nvenc.", group=FILE)
    ] = AUTO
    crf: Annotated[
        int | None, Setting("The encoder's quality, lower is better.", group=FILE, least=0, most=MOST_CRF)
    ] = None
    preset: Annotated[
        str | None,
        Setting(
            "The encoder's preset, such as veryfast; auto: the slowest that keeps up here. Else x264's superfast, or "
            "another encoder's fast one, on every machine.",
            group=FILE,
        ),
    ] = None
    audio: Annotated[
        str,
        Setting("Sound: copied where OUT takes it and else encoded, or as said.", group=FILE, choices=SOUND_CHOICES),
    ] = AUTO
    format: Annotated[
        str | None, Setting("Container of OUT; it must be told where OUT is -.", group=FILE, choices=tuple(OF_FORMAT))
    ] = None
    start: Annotated[
        float,
        Setting(
            "Begin so many seconds after the beginning of IN, in sound and picture.", group=FILE, least=0, most=LONGEST
        ),
    ] = 0.0
    seconds: Annotated[
        float | None, Setting("End after so many seconds of IN: a quick look at a film.", group=FILE, least=0.01)
    ] = None
    fps: Annotated[
        Fraction | None,
        Setting(
            "Frame rate where IN is pictures, 25 unless given.",
            group=FILE,
            least=LEAST_FPS,
            most=MOST_FPS,
            written="N",
        ),
    ] = None
    decoder: Annotated[
        str, Setting("Where the video is decoded: cuda is an NVIDIA GPU.", group=MACHINE, choices=DECODERS)
    ] = AUTO
    strict: StrictAboutPictures = False
    overwrite: Overwrite = True
