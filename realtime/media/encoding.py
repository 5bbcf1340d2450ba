"""Which encoder writes a file, and how well: from the file's name and what a person asked for."""

import os
from pathlib import Path

import av

from engines.errors import BadValue, ImpastoError
from realtime.media.containers import container_for
from realtime.media.encoders import ENCODERS, HARDWARE_ENCODERS, Encoder, Encoding


def choose_encoding(
    path: Path,
    codec: str = "auto",
    crf: int | None = None,
    preset: str | None = None,
    *,
    container_format: str | None = None,
) -> Encoding:
    """The encoding for a file name; ImpastoError with the choices where name and codec do not go together.

    `container_format` goes before the name's ending. `codec` is one of ENCODERS, the FFmpeg name of its encoder or of
    one in hardware, or "auto" for the container's first. One in hardware that cannot run here is an ImpastoError with
    the reason.
    """
    container = container_for(path, container_format)
    allowed = container.codecs
    encoder = ENCODERS[allowed[0]] if codec == "auto" else _encoder_called(codec)
    name = _codec_of(encoder)
    if name not in allowed:
        files = container_format or path.suffix
        raise BadValue(f"{files} files cannot hold {codec}; use --codec {' or '.join(allowed)}, or .mkv")
    _check_runs(encoder, name)
    if preset is not None and preset not in encoder.presets:
        raise BadValue(f"{encoder.name} has no preset {preset!r}; choose one of {', '.join(encoder.presets)}")
    if crf is not None and crf > encoder.most_crf:
        raise BadValue(f"{encoder.name} has no quality {crf}; choose --crf 0 to {encoder.most_crf}")
    if name == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes its banner past FFmpeg's log
    return Encoding(container, encoder, encoder.crf if crf is None else crf, preset or encoder.preset)


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


def _encoder_called(name: str) -> Encoder:
    for codec, encoder in ENCODERS.items():
        if name.lower() in (codec, encoder.name):
            return encoder
    if name.lower() in HARDWARE_ENCODERS:
        return HARDWARE_ENCODERS[name.lower()]
    raise BadValue(f"codec {name!r} is not one of {', '.join(ENCODERS)}, or {', '.join(HARDWARE_ENCODERS)}")
