"""Which encoder, rate and channels sound gets that a container cannot hold as it is: the encoder is asked."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import OutputContainer

from realtime.media.containers import ANIMATION

AAC, OPUS, FLAC = "aac", "libopus", "flac"
# FLAC loses nothing, has every rate and needs no run-up; beside painted pictures its size is small.
CODEC_OF_CONTAINER = {"matroska": FLAC, "webm": OPUS}  # AAC elsewhere, which every player has
TITLES = {AAC: "AAC", OPUS: "Opus", FLAC: "FLAC"}
# A second, for each channel: what neither is told apart from the original by most people.
BITS_A_CHANNEL = {AAC: 96_000, OPUS: 64_000, FLAC: 0}
MOST_BITS_A_SAMPLE = 4  # of a low rate; AAC has no room for more than six
UNNAMED = "channels"  # `2 channels`: a file that does not say which is which
# By the number of channels, as players take them that are not told.
USUAL_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
ROOMY_LAYOUTS = ("5.1", "7.1")
MIXED_LAYOUTS = ("5.1", "stereo")  # of channels that no usual layout has


@dataclass(frozen=True, slots=True)
class SoundEncoder:
    """An FFmpeg encoder with what it is fed: samples a second, channel layout, sample format, bits a second.

    `packed` is the format with all channels side by side, in which the sound is put in place.
    """

    codec: str
    rate: int
    layout: str
    sample_format: str
    packed: str
    bits: int

    def set_up(self, context: AudioCodecContext | AudioStream) -> None:
        """A context that is not open yet, or its stream."""
        context.layout, context.format = self.layout, self.sample_format
        context.bit_rate = self.bits

    def add_to(self, output: OutputContainer) -> AudioStream:
        """A stream of the output with this encoder."""
        stream: AudioStream = output.add_stream(self.codec, rate=self.rate)  # type: ignore[assignment]
        self.set_up(stream.codec_context)
        return stream

    def opens(self) -> bool:
        """Whether FFmpeg's encoder takes it."""
        context = av.CodecContext.create(self.codec, "w")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = self.rate
        with suppress(av.FFmpegError, ValueError):
            self.set_up(context)
            context.open()
            return True
        return False


def sound_encoder(container: str, source: AudioCodecContext) -> SoundEncoder | None:
    """For what the decoder gives; None where no encoder takes it, or there is none for the container."""
    codec = CODEC_OF_CONTAINER.get(container, AAC)
    if (
        container == ANIMATION.name
        or codec not in av.codecs_available
        or source.sample_rate <= 0
        or source.channels <= 0
    ):
        return None
    return next((encoder for encoder in _candidates(codec, source) if encoder.opens()), None)


def _candidates(codec: str, source: AudioCodecContext) -> Iterator[SoundEncoder]:
    rate = _rate(codec, source.sample_rate)
    sample_format, packed = _formats(codec, source.format.name)
    for layout in _layouts(source):
        bits = av.AudioLayout(layout).nb_channels * min(BITS_A_CHANNEL[codec], MOST_BITS_A_SAMPLE * rate)
        yield SoundEncoder(codec, rate, layout, sample_format, packed, bits)


def _rate(codec: str, rate: int) -> int:
    """The source's own, or the next above that the encoder has, or its highest."""
    known = av.Codec(codec, "w").audio_rates
    if not known:
        return rate
    return min((each for each in known if each >= rate), default=max(known))


def _formats(codec: str, decoded: str) -> tuple[str, str]:
    """What the encoder takes, and the same packed. FLAC keeps 24 bits where the sound has them."""
    if codec == FLAC:
        deep = "s32" if decoded.startswith("s32") else "s16"
        return deep, deep
    return ("fltp" if codec == AAC else "flt"), "flt"


def _layouts(source: AudioCodecContext) -> Iterator[str]:
    """The source's own, then those in which every channel has its place, then those in which it is heard."""
    usual = USUAL_LAYOUTS[source.channels - 1 : source.channels]
    if source.layout.name.endswith(UNNAMED):
        yield from usual
    else:
        yield source.layout.name
        wanted = _places(source.layout)
        yield from (layout for layout in (*usual, *ROOMY_LAYOUTS) if wanted <= _places(av.AudioLayout(layout)))
    yield from MIXED_LAYOUTS


def _places(layout: av.AudioLayout) -> set[str]:
    """The channels' names; those at the sides are what those at the back are where there are not both."""
    names = {channel.name for channel in layout.channels}
    return names if "BL" in names else {name.replace("SL", "BL").replace("SR", "BR") for name in names}
