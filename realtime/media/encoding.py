"""Which encoder writes a file, and how well: from the file's name and what a person asked for."""

import os
from pathlib import Path

import av

from engines.errors import BadValue, ImpastoError
from realtime.media.encoders import ENCODERS, HARDWARE_ENCODERS, TELL_PIXEL_ASPECT, Encoder, Encoding

CODECS_OF_CONTAINER = {
    ".mp4": ("h264", "hevc", "av1", "vp9"),
    ".m4v": ("h264", "hevc"),
    ".mov": ("h264", "hevc"),
    ".mkv": ("h264", "hevc", "av1", "vp9"),
    ".webm": ("vp9", "av1"),
}


def choose_encoding(path: Path, codec: str = "auto", crf: int | None = None, preset: str | None = None) -> Encoding:
    """The encoding for a file name; ImpastoError with the choices where name and codec do not go together.

    `codec` is one of ENCODERS, the FFmpeg name of its encoder or of one in hardware, or "auto" for the container's
    first. One in hardware that cannot run here is an ImpastoError with the reason.
    """
    allowed = CODECS_OF_CONTAINER.get(path.suffix.lower())
    if allowed is None:
        kinds = ", ".join(CODECS_OF_CONTAINER)
        ending = repr(path.suffix) if path.suffix else "a name without an ending"
        raise BadValue(f"{path.name}: {ending} is no video container; use one of {kinds}")
    encoder = ENCODERS[allowed[0]] if codec == "auto" else _encoder_called(codec)
    name = _codec_of(encoder)
    if name not in allowed:
        raise BadValue(f"{path.suffix} files cannot hold {codec}; use --codec {' or '.join(allowed)}, or .mkv")
    _check_runs(encoder, name)
    if preset is not None and preset not in encoder.presets:
        raise BadValue(f"{encoder.name} has no preset {preset!r}; choose one of {', '.join(encoder.presets)}")
    if crf is not None and crf > encoder.most_crf:
        raise BadValue(f"{encoder.name} has no quality {crf}; choose --crf 0 to {encoder.most_crf}")
    if name == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes its banner past FFmpeg's log
    return Encoding(encoder, encoder.crf if crf is None else crf, preset or encoder.preset)


def _codec_of(encoder: Encoder) -> str:
    """The codec's name, which FFmpeg puts before the hardware's."""
    named = (codec for codec, software in ENCODERS.items() if software == encoder)
    return next(named, encoder.name.partition("_")[0])


def _check_runs(encoder: Encoder, codec: str) -> None:
    if encoder.name in HARDWARE_ENCODERS:
        from realtime.media.hardware_video import why_not_encode

        if reason := why_not_encode(encoder.name):
            raise ImpastoError(f"{encoder.name} cannot run here: {reason}; --codec {codec} encodes on the processor")
    elif encoder.name not in av.codecs_available:
        raise ImpastoError(f"this FFmpeg has no encoder {encoder.name} for {codec}; choose another --codec")


def keeps_pixel_aspect(path: Path, encoder: Encoder) -> bool:
    """Whether players will know: Matroska and WebM could tell them too, but PyAV cannot tell their muxer."""
    return encoder.name in TELL_PIXEL_ASPECT or path.suffix.lower() not in (".mkv", ".webm")


def _encoder_called(name: str) -> Encoder:
    for codec, encoder in ENCODERS.items():
        if name.lower() in (codec, encoder.name):
            return encoder
    if name.lower() in HARDWARE_ENCODERS:
        return HARDWARE_ENCODERS[name.lower()]
    raise BadValue(f"codec {name!r} is not one of {', '.join(ENCODERS)}, or {', '.join(HARDWARE_ENCODERS)}")
