"""What becomes of a sound stream: copied where the container takes it, encoded to what it takes, or left out.

What is encoded anew has the times it had.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from numpy.typing import NDArray

from engines.errors import BadValue
from realtime.media.carried.sound_encoder import TITLES, SoundEncoder, sound_encoder
from realtime.media.carried.stream import MPEG_TS, Carried, CopiedStream, can_hold, described, label, lost
from realtime.media.containers import COPY, DROP, ENCODE

Samples = NDArray[Any]

DTYPES: dict[str, type[np.generic]] = {"flt": np.float32, "s16": np.int16, "s32": np.int32}
MOST_OFF = Fraction(1, 100)  # seconds; less is neither seen nor heard, and what coarse clocks are off by
LEAST_OFF_TICKS = Fraction(3, 2)
SILENCE_SECONDS = 1  # are made at once
LONGEST_SILENCE_SECONDS = 60  # a longer one is no sound in the file, as between packets that are copied


class EncodedSound:
    """Decodes a stream and encodes it, every sample at its time.

    Sound that follows on is written without a seam, however coarse its times are. Where it begins, pauses, or is
    missing because it does not decode, silence keeps the place of what follows; what comes twice is left out.
    """

    def __init__(
        self, source: AudioStream, output: OutputContainer, encoder: SoundEncoder, report: Callable[[str], None]
    ) -> None:
        self._decoder = source.codec_context
        self._tick = source.time_base or Fraction(1, av.time_base)
        self._name, self._report = described(source), report
        self._encoder = encoder
        self._stream = encoder.add_to(output)
        label(self._stream, source)
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._heard_until = Fraction(0)  # seconds, of what was decoded
        self._written: int | None = None  # samples at the encoder's rate, from second 0
        self._encoded = 0  # samples that the encoder was given
        self._left_out = 0  # of the samples that come next
        self._damaged = 0

    def packets_of(self, packet: "av.Packet[Any]") -> "Iterator[av.Packet[Any]]":
        for frame in self._decoded(packet):
            yield from self._packets_of_frame(frame)

    def rest(self) -> "Iterator[av.Packet[Any]]":
        for frame in self._decoded(None):
            yield from self._packets_of_frame(frame)
        yield from self._end_run()
        if self._written is not None:
            yield from self._stream.encode(None)
        if self._damaged:
            self._report(f"{self._name} is damaged: {self._damaged} packets do not decode and are silent")

    def _decoded(self, packet: "av.Packet[Any] | None") -> list[av.AudioFrame]:
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            self._damaged += 1
            return []
        return [frame for frame in frames if frame.samples and frame.sample_rate > 0]

    def _packets_of_frame(self, frame: av.AudioFrame) -> "Iterator[av.Packet[Any]]":
        begins = self._begins(frame)
        seconds = Fraction(frame.samples, frame.sample_rate)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape or abs(begins - self._heard_until) > self._most_off(seconds):
            yield from self._end_run()
            yield from self._begin_run(begins, shape)
        self._heard_until += seconds
        assert self._resampler is not None
        for part in self._resampler.resample(frame):
            yield from self._write(part.to_ndarray())

    def _begins(self, frame: av.AudioFrame) -> Fraction:
        """Seconds; a frame without a time follows the one before."""
        if frame.pts is None:
            return self._heard_until
        return frame.pts * (frame.time_base or self._tick)

    def _most_off(self, seconds: Fraction) -> Fraction:
        """How far a frame of this length may be from the end of the last and still follow it: a lost one is noticed."""
        return max(min(MOST_OFF, seconds / 2), LEAST_OFF_TICKS * self._tick)

    def _begin_run(self, begins: Fraction, shape: tuple[str, str, int]) -> "Iterator[av.Packet[Any]]":
        """From here on sound comes in this shape, and follows on from `begins`."""
        encoder = self._encoder
        self._shape, self._heard_until = shape, begins
        self._resampler = av.AudioResampler(encoder.packed, encoder.layout, encoder.rate)
        place = round(begins * encoder.rate)
        self._written = place if self._written is None else self._written
        self._left_out = max(0, self._written - place)
        yield from self._pause(place - self._written)

    def _pause(self, samples: int) -> "Iterator[av.Packet[Any]]":
        """Silence; a long one is a jump between two moments of it, for an encoder mixes what it is given in a row."""
        moment = SILENCE_SECONDS * self._encoder.rate
        assert self._written is not None
        if samples > LONGEST_SILENCE_SECONDS * self._encoder.rate:
            whole = moment + -(self._encoded + moment) % max(1, self._stream.codec_context.frame_size)
            yield from self._write(self._silence(whole))
            self._written += samples - whole - moment
            samples = moment
        while samples > 0:
            yield from self._write(self._silence(min(samples, moment)))
            samples -= moment

    def _end_run(self) -> "Iterator[av.Packet[Any]]":
        """What is still between the samples of two rates."""
        resampler, self._resampler = self._resampler, None
        parts: list[av.AudioFrame | None] = [*resampler.resample(None)] if resampler else []
        for part in parts:
            if part is not None:  # which one that has nothing to do hands on
                yield from self._write(part.to_ndarray())

    def _silence(self, samples: int) -> Samples:
        return np.zeros((1, samples * self._channels), DTYPES[self._encoder.packed])

    def _write(self, samples: Samples) -> "Iterator[av.Packet[Any]]":
        """Samples in the packed format, (1, samples x channels), after all that were written."""
        left_out = min(self._left_out, samples.shape[1] // self._channels)
        self._left_out -= left_out
        samples = samples[:, left_out * self._channels :]
        if not samples.shape[1]:
            return
        assert self._written is not None
        encoder = self._encoder
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), encoder.packed, encoder.layout)
        frame.sample_rate, frame.pts, frame.time_base = encoder.rate, self._written, Fraction(1, encoder.rate)
        self._written += samples.shape[1] // self._channels
        self._encoded += samples.shape[1] // self._channels
        yield from self._stream.encode(frame)

    @property
    def _channels(self) -> int:
        return self._stream.codec_context.channels


def carry_sound(stream: Stream, output: OutputContainer, audio: str, report: Callable[[str], None]) -> Carried | None:
    """The stream added to `output` as `audio` says; None where it is left out.

    "auto" copies where the container takes it, and else encodes and tells. "copy" raises BadValue where it does not.
    """
    container = output.format.name
    if audio == DROP:
        return None
    if audio != ENCODE and can_hold(container, stream) and not _header_comes_too_late(stream, output):
        return CopiedStream(stream, output)
    if audio == COPY:
        raise BadValue(
            f"{described(stream)} cannot be copied into {container}; write to another container, or leave out "
            "--audio copy to have it encoded"
        )
    return _encoded(stream, output, audio, report)


def _header_comes_too_late(stream: Stream, output: OutputContainer) -> bool:
    """Whether only the packets tell what the container's header must: AAC from a broadcast, and a muxer without a file.

    In a file the muxer goes back and adds it; into a pipe (`file` is then a Python object) it is written but once.
    """
    untold = stream.codec_context.name == "aac" and not stream.codec_context.extradata
    return untold and output.format.name != MPEG_TS and output.file is not None


def _encoded(stream: Stream, output: OutputContainer, audio: str, report: Callable[[str], None]) -> Carried | None:
    container = output.format.name
    decodes = isinstance(stream, AudioStream) and stream.codec_context is not None
    encoder = sound_encoder(container, stream.codec_context) if decodes else None  # type: ignore[arg-type]
    if encoder is None:
        report(lost(stream, container))
        return None
    why = "" if audio == ENCODE else f": {container} files do not take a copy"
    report(f"{described(stream)} is encoded to {TITLES[encoder.codec]}{why}")
    assert isinstance(stream, AudioStream)
    return EncodedSound(stream, output, encoder, report)
