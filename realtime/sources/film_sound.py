"""The sound of a video: decoded in one shape whatever it changes to, read with its pictures, handed on when due."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream

from engines.errors import ImpastoError
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.media.clip import Clip
from realtime.media.file_reader import FileReader, begins_at
from realtime.media.input_file import open_input

AHEAD_SECONDS = 1  # of the picture; a file may have all its sound before the first picture
LOOK_SECONDS = 0.02  # with each picture, for sound that lies behind all of them
BEGINNING_SECONDS = 10.0  # whose sound is read although nobody can listen before the film is open
HAND_ON_SECONDS = 0.1  # how often whoever plays looks again


class FileSound:
    """Decodes a film's best sound for `feed` or one of its own, while somebody listens; None where it has none.

    To be opened before the first picture is read. Where the sound lies too far behind its pictures in the file, it is
    read by a reader of its own; `report` is told where that cannot be.
    """

    def __init__(
        self, clip: Clip, feed: SoundFeed | None = None, report: Callable[[str], None] = lambda line: None
    ) -> None:
        assert clip.reader is not None
        self._clip, self._report = clip, report
        self._reader: FileReader = clip.reader
        self._own_reader: FileReader | None = None
        self._told = False
        stream = self._reader.container.streams.best("audio")
        decodes = isinstance(stream, av.AudioStream) and stream.codec_context is not None
        self._sound = SoundReader(stream, feed) if decodes else None  # type: ignore[arg-type]
        self.feed = self._sound.feed if self._sound else None
        self._given_before = Fraction(-1)
        self._reader.keep({self._sound.stream.index} if self._sound else ())

    def until(self, seconds: float) -> list[Sound]:
        """What nobody was given yet and is heard up to a second after that time, on the film's clock."""
        if self._sound is None:
            return []
        wanted = self._sound.is_wanted(seconds)
        if wanted:
            self._read_ahead(Fraction(seconds))
        sounds: list[Sound] = []
        reader = self._own_reader or self._reader
        while (packet := reader.beside(Fraction(seconds) + AHEAD_SECONDS)) is not None:
            if wanted and begins_at(packet) > self._given_before:
                self._given_before = begins_at(packet)
                sounds += self._sound.sounds(packet, zero_at=0.0)
        return sounds

    def close(self) -> None:
        """The reader of its own, where there is one."""
        if self._own_reader is not None:
            self._own_reader.close()

    def _read_ahead(self, until: Fraction) -> None:
        if self._own_reader is None and not self._reader.read_ahead(until):
            self._own_reader = self._opened_again()
        if self._own_reader is not None:
            self._own_reader.skip_pictures(until, LOOK_SECONDS)

    def _opened_again(self) -> FileReader | None:
        """A second reader of the file, for the sound alone, on the same clock."""
        assert self._sound is not None
        try:
            if self._clip.path is None:
                raise ImpastoError("it can be read only once")
            container = open_input(self._clip.path, threading.Event()).container
        except (ImpastoError, OSError) as error:
            self._tell(f"the sound lies too far behind its pictures to be heard: {error}")
            return None
        films = [stream for stream in container.streams.video if stream.index == self._reader.film.index]
        reader = FileReader(container, films[0])
        reader.keep({self._sound.stream.index})
        self._reader.keep(())
        return reader

    def _tell(self, line: str) -> None:
        if not self._told:
            self._report(line)
        self._told = True


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


class SoundAhead:
    """Puts sound into `feed` when it is due; for one thread."""

    def __init__(self, feed: SoundFeed) -> None:
        self.feed = feed
        self._waiting: deque[Sound] = deque()

    def add(self, sounds: Iterable[Sound], zero_seconds: float) -> None:
        """Sound on the film's own clock, whose second 0 is at `zero_seconds` of the playback."""
        self._waiting.extend(_moved(sound, zero_seconds) for sound in sounds)

    def play(self, started_at: float, now: float) -> None:
        """Hand on what is due, where the playback's second 0 is at `started_at` on our clock."""
        while self._waiting and started_at + self._waiting[0].captured_at < now + HAND_ON_SECONDS:
            self.feed.put(_moved(self._waiting.popleft(), started_at))


def _moved(sound: Sound, seconds: float) -> Sound:
    return replace(sound, captured_at=sound.captured_at + seconds)
