"""The sound that was read along with the pictures of a film, ahead of the moment at which it is to be heard."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from realtime.frames.sound_feed import Sound, SoundFeed

AHEAD_SECONDS = 0.1  # how often whoever plays looks again


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
        while self._waiting and started_at + self._waiting[0].captured_at < now + AHEAD_SECONDS:
            self.feed.put(_moved(self._waiting.popleft(), started_at))


def _moved(sound: Sound, seconds: float) -> Sound:
    return replace(sound, captured_at=sound.captured_at + seconds)
