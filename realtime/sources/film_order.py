"""The packets of a film in the order in which it is played: no picture before the sound of its moment has been read.

In the file that sound may lie seconds behind the picture, and what is late then would not be heard.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av

from realtime.frames.sound_feed import Sound
from realtime.sources.film_sound import SoundReader

MOST_SPAN_SECONDS = 10.0  # of the film
MOST_BYTES = 16 * 2**20
MOST_WAIT_SECONDS = 1.0  # of ours: what is sent as it happens is not held up by sound that does not come


@dataclass(frozen=True, slots=True)
class _Picture:
    packet: "av.Packet[Any]"
    seconds: float
    since: float


class FilmOrder:
    """Takes packets of pictures and of `sound`, which is decoded where somebody listens; None where there is none."""

    def __init__(self, sound: SoundReader | None) -> None:
        self._sound = sound
        self._begins: float | None = None
        self._sound_until = float("-inf")
        self._heard: list[Sound] = []
        self._pictures: deque[_Picture] = deque()
        self._bytes = 0

    def put(self, packet: "av.Packet[Any]", now: float) -> "Iterator[av.Packet[Any]]":
        """The packets of pictures that may be decoded now."""
        ticks = packet.pts if packet.pts is not None else packet.dts
        seconds = None if ticks is None or packet.time_base is None else float(ticks * packet.time_base)
        if self._begins is None:
            self._begins = seconds
        if self._sound is not None and packet.stream is self._sound.stream:
            self._put_sound(self._sound, packet, seconds)
        else:
            self._put_picture(packet, seconds, now)
        while self._pictures and self._may_go(self._pictures[0], now):
            yield self._next()

    def rest(self) -> "Iterator[av.Packet[Any]]":
        """All pictures: nothing more comes."""
        while self._pictures:
            yield self._next()

    def sounds(self) -> tuple[Sound, ...]:
        """What has been read since they were asked for last, on the film's clock."""
        heard, self._heard = tuple(self._heard), []
        return heard

    def _put_sound(self, sound: SoundReader, packet: "av.Packet[Any]", seconds: float | None) -> None:
        if self._is_wanted(sound, seconds):
            self._heard += sound.sounds(packet, zero_at=0.0)
        if seconds is not None:
            self._sound_until = seconds

    def _put_picture(self, packet: "av.Packet[Any]", seconds: float | None, now: float) -> None:
        """One without a time goes with the one before it."""
        before = self._pictures[-1].seconds if self._pictures else float("-inf")
        self._pictures.append(_Picture(packet, before if seconds is None else seconds, now))
        self._bytes += packet.size

    def _next(self) -> "av.Packet[Any]":
        packet = self._pictures.popleft().packet
        self._bytes -= packet.size
        return packet

    def _is_wanted(self, sound: SoundReader, seconds: float | None) -> bool:
        return sound.is_wanted(float("inf") if seconds is None or self._begins is None else seconds - self._begins)

    def _may_go(self, first: _Picture, now: float) -> bool:
        return (
            self._sound is None
            or not self._is_wanted(self._sound, first.seconds)
            or first.seconds <= self._sound_until
            or now - first.since > MOST_WAIT_SECONDS
            or self._pictures[-1].seconds - first.seconds > MOST_SPAN_SECONDS
            or self._bytes > MOST_BYTES
        )
