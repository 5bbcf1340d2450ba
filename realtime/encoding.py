"""Which encoder writes a file, and how well: from the file's name and what a person asked for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from engines.errors import ImpastoError


@dataclass(frozen=True, slots=True)
class Encoder:
    """An FFmpeg encoder with our defaults.

    `crf` is visually lossless for painted pictures, `preset` the slowest that leaves a 2-core machine to the net;
    `preset_option` is the name under which the encoder takes it, `presets` are all it knows, and `options` are always
    set.
    """

    name: str
    crf: int
    preset: str
    preset_option: str
    presets: tuple[str, ...]
    options: Mapping[str, str]
    tag: str = ""
    even_sizes_only: bool = True


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoder and the quality a file is written with."""

    encoder: Encoder
    crf: int
    preset: str

    def options(self) -> dict[str, str]:
        """The options in FFmpeg's words."""
        return {**self.encoder.options, "crf": str(self.crf), self.encoder.preset_option: self.preset}


X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
SVT_PRESETS = tuple(str(number) for number in range(-1, 14))
VPX_SPEEDS = tuple(str(number) for number in range(-8, 9))
VPX_OPTIONS = {"b": "0", "deadline": "realtime", "row-mt": "1"}
TELL_PIXEL_ASPECT = ("libx264", "libx265")  # in the stream; the others leave it to the container
MOST_PIXELS_A_SIDE = 16384  # of H.264 and AV1; SVT-AV1 takes larger numbers and writes another size

# Measured on painted 640x360 frames: superfast at 18 has the luma PSNR of veryfast at 17 (43 dB) in 3.5 instead of
# 5.8 ms of processor time a frame, for a file a fifth larger. The net needs those milliseconds more.
ENCODERS = {
    "h264": Encoder("libx264", 18, "superfast", "preset", X26_PRESETS, {}),
    "hevc": Encoder("libx265", 18, "ultrafast", "preset", X26_PRESETS, {"x265-params": "log-level=error"}, tag="hvc1"),
    "av1": Encoder("libsvtav1", 24, "10", "preset", SVT_PRESETS, {}, even_sizes_only=False),
    "vp9": Encoder("libvpx-vp9", 22, "8", "cpu-used", VPX_SPEEDS, VPX_OPTIONS, even_sizes_only=False),
}
CODECS_OF_CONTAINER = {
    ".mp4": ("h264", "hevc", "av1", "vp9"),
    ".m4v": ("h264", "hevc"),
    ".mov": ("h264", "hevc"),
    ".mkv": ("h264", "hevc", "av1", "vp9"),
    ".webm": ("vp9", "av1"),
}


def choose_encoding(path: Path, codec: str = "auto", crf: int | None = None, preset: str | None = None) -> Encoding:
    """The encoding for a file name; ImpastoError with the choices where name and codec do not go together.

    `codec` is one of ENCODERS, the FFmpeg name of its encoder, or "auto" for the container's first.
    """
    allowed = CODECS_OF_CONTAINER.get(path.suffix.lower())
    if allowed is None:
        kinds = ", ".join(CODECS_OF_CONTAINER)
        raise ImpastoError(f"{path.name}: {path.suffix or 'no suffix'!r} is no video container; use one of {kinds}")
    name = allowed[0] if codec == "auto" else _codec_called(codec)
    if name not in allowed:
        raise ImpastoError(f"{path.suffix} files cannot hold {codec}; use --codec {' or '.join(allowed)}, or .mkv")
    encoder = ENCODERS[name]
    if encoder.name not in av.codecs_available:
        raise ImpastoError(f"this FFmpeg has no encoder {encoder.name} for {name}; choose another --codec")
    if preset is not None and preset not in encoder.presets:
        raise ImpastoError(f"{encoder.name} has no preset {preset!r}; choose one of {', '.join(encoder.presets)}")
    if name == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes its banner past FFmpeg's log
    return Encoding(encoder, encoder.crf if crf is None else crf, preset or encoder.preset)


def keeps_pixel_aspect(path: Path, encoder: Encoder) -> bool:
    """Whether players will know: Matroska and WebM could tell them too, but PyAV cannot tell their muxer."""
    return encoder.name in TELL_PIXEL_ASPECT or path.suffix.lower() not in (".mkv", ".webm")


def _codec_called(name: str) -> str:
    for codec, encoder in ENCODERS.items():
        if name.lower() in (codec, encoder.name):
            return codec
    raise ImpastoError(f"codec {name!r} is not one of {', '.join(ENCODERS)}")
