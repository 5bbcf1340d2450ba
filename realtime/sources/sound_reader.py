"""The sound of a video: packets in, blocks of samples out, in one shape whatever the video changes to."""

from collections.abc import Iterable
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream

from realtime.frames.sound_feed import Sound, SoundFeed

BEGINNING_SECONDS = 10.0  # whose sound is read although nobody can listen before the film is open


class SoundReader:
    """Decodes an audio stream for `feed`, in the shape of one that is given, else in mono or stereo at its own rate."""

    def __init__(self, stream: AudioStream, feed: SoundFeed | None = None) -> None:
        self.stream = stream
        self.feed = feed or _own_feed(stream)
        self._layout = "mono" if self.feed.channels == 1 else "stereo"
        self._shape: tuple[str, str, int] | None = None
        self._resampler = self._new_resampler()

    def is_wanted(self, seconds: float) -> bool:
        """Whether what is heard so long after the film's beginning is worth decoding."""
        return seconds < BEGINNING_SECONDS or self.feed.listened.is_set()

    def sounds(self, packet: "av.Packet[Any]", zero_at: float) -> list[Sound]:
        """What a packet holds. The stream's second 0 was heard at `zero_at`; damaged packets hold nothing."""
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError:
            return []
        return list(self._sounds(frames, zero_at))

    def _sounds(self, frames: Iterable[av.AudioFrame], zero_at: float) -> Iterable[Sound]:
        for frame in frames:
            if frame.pts is None or frame.time_base is None:
                continue
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            if shape != self._shape:
                self._shape, self._resampler = shape, self._new_resampler()
            heard_at = zero_at + float(frame.pts * frame.time_base)
            for part in self._resampler.resample(frame):
                samples = part.to_ndarray().astype(np.float32, copy=False)
                yield Sound(samples, self.feed.rate, heard_at)
                heard_at += part.samples / self.feed.rate

    def _new_resampler(self) -> av.AudioResampler:
        return av.AudioResampler("fltp", self._layout, self.feed.rate)


def _own_feed(stream: AudioStream) -> SoundFeed:
    channels = min(2, max(1, stream.codec_context.channels))
    return SoundFeed(stream.codec_context.sample_rate or 48000, channels)
