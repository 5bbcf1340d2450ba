"""Sound beside live pictures: what was heard becomes an AAC stream that keeps in step with them."""

from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from realtime.frames.frame_queue import FrameQueue
from realtime.frames.sound_feed import Sound, SoundFeed

Samples = NDArray[np.float32]

TRACK_RATE = 48000
AAC = "aac"
SAMPLES_A_PACKET = {AAC: 1024, "libopus": 960}
BITS_A_SECOND = 128_000
LEAST_NOTICED_SECONDS = 0.06  # sound beside its picture (ITU-R BT.1359: 45 ms early, 125 late)
MOST_EARLY_SECONDS = 10.0  # sound further ahead of its pictures has a clock of its own, and would be hours of silence
MOST_LATE_SECONDS = 0.5  # a microphone that is silent for longer is filled up, so that the pictures need not wait
PACKETS_AHEAD = 5  # of silence; more than resampler and encoder hold, so that no picture waits in the muxer
FOLLOWING = 0.05  # how much of a new distance between capture and picture, or of sound, is believed at once
MOST_APART_SECONDS = 0.005  # further apart on the whole: the two clocks differ in speed, and the sound is stretched
MOST_STRETCH = 0.002  # a thirtieth of a semitone


class SoundTrack:
    """Sound in a container, AAC or Opus. Without a feed it is silence, for servers that refuse pictures alone.

    Sound is placed where the pictures of its moment are: `until` learns from each new picture how long after its
    capture it is shown. Gaps become silence, and what comes twice is left out, only where sound and pictures would
    otherwise be noticeably apart; a clock of another speed is followed by stretching the sound a little. Sound of a
    time that is far ahead is left out.
    """

    def __init__(self, container: OutputContainer, feed: SoundFeed | None, codec: str = AAC) -> None:
        self.stream: AudioStream = container.add_stream(codec, rate=TRACK_RATE, layout="stereo")  # type: ignore[assignment]
        self.stream.bit_rate = BITS_A_SECOND
        self._rate = feed.rate if feed else TRACK_RATE
        self._channels = min(2, feed.channels) if feed else 2
        self._packet_samples = SAMPLES_A_PACKET[codec]
        sample_format = self.stream.codec_context.format.name
        self._resampler = av.AudioResampler(sample_format, "stereo", TRACK_RATE, frame_size=self._packet_samples)
        self._feed = feed
        self._listener: FrameQueue[Sound] | None = feed.listen() if feed else None
        self._written = 0  # samples at the feed's rate
        self._encoded = 0  # samples at the track's rate
        self._ahead = 0.0  # samples at the feed's rate, on the whole
        self._shown_after: float | None = None
        self._last_capture: float | None = None

    def until(self, begins: Fraction, captured_at: float) -> "list[av.Packet[Any]]":
        """The packets of what was heard, when a picture captured at `captured_at` is shown from `begins` seconds on."""
        self._learn(float(begins) - captured_at, captured_at)
        latest = float(begins) - (self._shown_after or 0.0) + MOST_EARLY_SECONDS
        packets = [packet for sound in self._heard() if sound.captured_at < latest for packet in self._place(sound)]
        ahead_seconds = -MOST_LATE_SECONDS if self._feed else PACKETS_AHEAD * self._packet_samples / TRACK_RATE
        return packets + self._fill(round((float(begins) + ahead_seconds) * self._rate))

    def rest(self) -> "list[av.Packet[Any]]":
        """What is still in the encoder."""
        if not self._written:
            return []
        return self._encode(self._resampler.resample(None)) + self.stream.encode(None)

    def leave(self) -> None:
        """Listen no longer."""
        if self._feed is not None and self._listener is not None:  # an empty queue is false
            self._feed.leave(self._listener)
            self._listener = None

    def _learn(self, shown_after: float, captured_at: float) -> None:
        if self._shown_after is None:
            self._shown_after = shown_after
        elif captured_at != self._last_capture:  # a repeated picture tells nothing
            self._shown_after += FOLLOWING * (shown_after - self._shown_after)
        self._last_capture = captured_at

    def _heard(self) -> list[Sound]:
        blocks: list[Sound] = []
        with suppress(TimeoutError):
            while self._listener is not None and (block := self._listener.get(timeout_seconds=0)):
                blocks.append(block)
        return blocks

    def _place(self, sound: Sound) -> "list[av.Packet[Any]]":
        wanted = round((sound.captured_at + (self._shown_after or 0)) * self._rate)
        samples = sound.samples[: self._channels]
        ahead = self._written - wanted
        most = LEAST_NOTICED_SECONDS * self._rate if self._written else 0
        if ahead < -most:
            self._ahead = 0.0
            return self._fill(wanted) + self._write(samples)
        if ahead > most:
            self._ahead = 0.0
            return self._write(samples[:, ahead:])
        return self._write(self._stretched(samples, ahead))

    def _stretched(self, samples: Samples, ahead: int) -> Samples:
        """The block, a few samples longer or shorter where the sound has been `ahead` of its pictures for a while."""
        self._ahead += FOLLOWING * (ahead - self._ahead)
        length = samples.shape[1]
        most = round(MOST_STRETCH * length)
        if abs(self._ahead) < MOST_APART_SECONDS * self._rate or not most:
            return samples
        places = np.linspace(0, length - 1, length - (most if self._ahead > 0 else -most))
        stretched = [np.interp(places, np.arange(length), channel) for channel in samples]
        return np.stack(stretched).astype(np.float32)

    def _fill(self, position: int) -> "list[av.Packet[Any]]":
        missing = max(0, position - self._written)
        return self._write(np.zeros((self._channels, missing), np.float32))

    def _write(self, samples: Samples) -> "list[av.Packet[Any]]":
        if not samples.shape[1]:
            return []
        layout = "mono" if self._channels == 1 else "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._written, Fraction(1, self._rate)
        self._written += samples.shape[1]
        return self._encode(self._resampler.resample(frame))

    def _encode(self, frames: list[av.AudioFrame]) -> "list[av.Packet[Any]]":
        packets: list[av.Packet[Any]] = []
        for frame in frames:
            frame.pts, frame.time_base = self._encoded, Fraction(1, TRACK_RATE)
            self._encoded += frame.samples
            packets += self.stream.encode(frame)
        return packets
