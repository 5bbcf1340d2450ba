"""Which encoder writes a file, and how well: from the file's name and what a person asked for."""

import os
from fractions import Fraction
from pathlib import Path

import av

from engines.errors import BadValue, ImpastoError
from engines.names import AUTO
from realtime.media.clip import Clip
from realtime.media.containers import MATROSKA, container_for
from realtime.media.encoders import ENCODERS, HARDWARE_ENCODERS, Encoder, Encoding


def choose_encoding(
    path: Path,
    codec: str = AUTO,
    crf: int | None = None,
    preset: str | None = None,
    *,
    container_format: str | None = None,
) -> Encoding:
    """The encoding for a file name; ImpastoError with the choices where name and codec do not go together.

    `container_format` goes before the name's ending. `codec` is one of ENCODERS, the FFmpeg name of its encoder or of
    one in hardware, or "auto" for the container's first. One in hardware that cannot run here is an ImpastoError with
    the reason. `preset` "auto" is the default's until something slower is chosen, for encoders that have a ladder.
    """
    container = container_for(path, container_format)
    allowed = container.codecs
    encoder = ENCODERS[allowed[0]] if codec == AUTO else _encoder_called(codec)
    name = _codec_of(encoder)
    if name not in allowed:
        files = container_format or path.suffix
        or_mkv = ", or .mkv" if name in MATROSKA.codecs else ""
        raise BadValue(f"{files} files cannot hold {codec}; use --codec {' or '.join(allowed)}{or_mkv}")
    _check_runs(encoder, name)
    if preset == AUTO and encoder.ladder:
        preset = encoder.preset
    if preset is not None and preset not in encoder.presets:
        raise BadValue(f"{encoder.name} has no preset {preset!r}; choose one of {', '.join(encoder.presets)}")
    if crf is not None and crf > encoder.most_crf:
        raise BadValue(f"{encoder.name} has no quality {crf}; choose --crf 0 to {encoder.most_crf}")
    if name == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes its banner past FFmpeg's log
    return Encoding(container, encoder, encoder.crf if crf is None else crf, preset or encoder.preset)


def prepare_encoder(context: av.VideoCodecContext, encoding: Encoding, clip: Clip, size: tuple[int, int]) -> None:
    """Everything that an encoder is told before it opens; `size` (width, height) is what is written of the clip."""
    context.options = {**context.options, **encoding.options()}
    context.width, context.height = size
    context.pix_fmt = encoding.encoder.pixel_format
    context.time_base = clip.time_base
    context.framerate = clip.encoder_rate
    context.sample_aspect_ratio = clip.pixel_aspect or Fraction(0, 1)
    context.colorspace, context.color_range = clip.tags.matrix, clip.tags.range
    context.color_primaries, context.color_trc = clip.tags.primaries, clip.tags.transfer


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
