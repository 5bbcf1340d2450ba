"""An open stream as a source: packets in as they come, pictures out that are never old.

`Arrival` tells from the packets' times when a picture was taken, and whether we have fallen behind.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, SignalLost, SplitSource
from realtime.frames.request import tell_nobody
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.media.clip import Clip, display_matrix, turn_upright
from realtime.media.colour.rgb import ColourTags, ToRgb
from realtime.media.picture_filter import PictureFilters
from realtime.media.streams import FALLBACK_RATE, film_of
from realtime.sources.film_order import FilmOrder
from realtime.sources.film_sound import SoundReader

MOST_BEHIND_SECONDS = 0.5
WAITED_SECONDS = 0.002  # a packet that took longer was not there yet
FORGETTING = 0.001  # of the distance at each packet: follows clocks that differ by a ten-thousandth to a few ms
LONGEST_GRAB_SECONDS = 0.8
MOST_RATE = 240  # where FFmpeg says more, it does not know
FIRST_PICTURE_SECONDS = 5.0
CLOCKLESS = ("mpjpeg", "mjpeg")  # FFmpeg makes up their times, 25 a second


class Arrival:
    """Relates a stream's clock to ours by the packets that came quickest.

    A packet much later than those was held up on its way, or lay here unread. Only in the second case did the reading
    not have to wait, and only then it helps to throw packets away.
    """

    def __init__(self) -> None:
        self.zero_at: float | None = None  # when the stream's second 0 would have come, by our clock
        self._waited = False

    def waited(self, seconds: float) -> None:
        """How long the next packet, of picture or sound, was waited for."""
        self._waited |= seconds >= WAITED_SECONDS

    def behind(self, seconds: float, now: float) -> bool:
        """Whether a picture's packet of the stream's time `seconds`, read `now`, has lain unread for long."""
        distance = now - seconds
        waited, self._waited = self._waited, False
        if self.zero_at is None or distance < self.zero_at:
            self.zero_at = distance
        late = distance - self.zero_at
        if late > MOST_BEHIND_SECONDS and waited:  # the way has become longer, or the clock was set back
            self.zero_at, late = distance, 0.0
        self.zero_at += FORGETTING * late
        return late > MOST_BEHIND_SECONDS

    def captured_at(self, seconds: float, now: float) -> float:
        """When the picture of the stream's time `seconds` would have come on the quickest way, at most `now`."""
        return now if self.zero_at is None else min(now, self.zero_at + seconds)


@dataclass(frozen=True, slots=True)
class ReceivedPicture:
    """A decoded picture, its time on the stream's clock in seconds, and when it was captured on ours.

    `sounds` are those of a film that were read before it, on the stream's clock.
    """

    picture: av.VideoFrame
    seconds: float
    captured_at: float
    sounds: tuple[Sound, ...] = ()


class StreamSource(SplitSource):
    """The best video stream of an open container, and its sound in `sound`, decoded only while somebody listens.

    `shown` is the address without its secrets. A `live` stream is kept current: where decoding falls behind what has
    arrived, packets are thrown away up to a keyframe. Otherwise every picture is given, None at the end, and the sound
    comes with the pictures, for whoever plays them, in the shape of `feed` where one is given. Pictures that change
    their size in mid-stream are scaled to the first one's. Interlaced pictures are deinterlaced and HDR is tone-mapped,
    which `report` is told. Raises ImpastoError where there is no picture within five seconds; later SignalLost where
    none has come for a second or the stream has ended. The container is closed with the source.
    """

    def __init__(
        self,
        container: InputContainer,
        shown: str,
        *,
        live: bool = True,
        feed: SoundFeed | None = None,
        report: Callable[[str], None] = tell_nobody,
    ) -> None:
        self.live = live
        self._container, self._shown = container, shown
        video = self._video = _video_of(container, shown)
        video.thread_type = "SLICE" if live else "AUTO"  # a thread a picture would hold pictures back
        audio = container.streams.best("audio")
        self._sound = SoundReader(audio, feed) if isinstance(audio, av.AudioStream) else None
        self.sound = self._sound.feed if self._sound else None
        self._packets = container.demux(*filter(None, (video, self._sound and self._sound.stream)))
        self._arrival = Arrival()
        self._film = FilmOrder(self._sound)
        self._has_clock = container.format.name not in CLOCKLESS
        self._skipping = False
        self._filters = PictureFilters(video.time_base or 1 / FALLBACK_RATE, report)
        self._decoded: deque[ReceivedPicture] = deque()
        self._last: ReceivedPicture | None = None
        self._converters: dict[tuple[ColourTags, int, int], ToRgb] = {}
        first = self._first_picture()
        self._decoded.appendleft(first)
        aspect = video.sample_aspect_ratio or 1
        self._lying = (max(2, 2 * round(first.picture.width * aspect / 2)), first.picture.height)
        if aspect == 1:
            self._lying = (first.picture.width, first.picture.height)
        self._turn = display_matrix(first.picture)
        self.size = Clip(self._lying, Fraction(1), display_matrix=self._turn).upright().size
        rates = (video.average_rate, video.guessed_rate)
        self.frame_rate = next((rate for rate in rates if rate and 1 <= rate <= MOST_RATE), None)

    def grab(self) -> ReceivedPicture | None:
        """The next decoded picture; of what is live the last one again where packets come but none to be shown."""
        deadline = time.perf_counter() + LONGEST_GRAB_SECONDS
        while not self._decoded:
            if not self._receive():
                self._raise_if_live()
                return None
            if self.live and time.perf_counter() > deadline and not self._decoded:
                return self._again()
        self._last = self._decoded.popleft()
        return self._last

    def retrieve(self, grabbed: ReceivedPicture) -> Frame:
        """The picture in RGB, upright."""
        picture = grabbed.picture
        key = (ColourTags.of(picture), picture.width, picture.height)
        to_rgb = self._converters.get(key)
        if to_rgb is None:
            to_rgb = self._converters.setdefault(key, ToRgb(key[0], key[1:], self._lying))
        return Frame(turn_upright(to_rgb(picture), self._turn), grabbed.seconds, grabbed.captured_at)

    def moves(self) -> bool:
        """Whether a second picture comes after the first, which is waited for; both are grabbed afterwards."""
        first = self._decoded.popleft()
        try:
            while not self._decoded and self._receive():
                pass
            return bool(self._decoded)
        except SignalLost:
            return False
        finally:
            self._decoded.appendleft(first)

    def close(self) -> None:
        self._container.close()

    def _first_picture(self) -> ReceivedPicture:
        deadline = time.perf_counter() + FIRST_PICTURE_SECONDS
        while not self._decoded:
            if not self._receive() or time.perf_counter() > deadline:
                raise ImpastoError(f"{self._shown} sends no picture that can be decoded; look at what is sent there")
        return self._decoded.popleft()

    def _raise_if_live(self) -> None:
        if self.live:
            raise SignalLost(f"{self._shown} has ended")

    def _again(self) -> ReceivedPicture:
        if self._last is None or not self._skipping:
            raise SignalLost(f"{self._shown} sends nothing that can be decoded")
        return self._last

    def _receive(self) -> bool:
        """Take in one packet, or at the end what still waits; False where nothing is left."""
        asked_at = time.perf_counter()
        try:
            packet = next(self._packets)
        except (StopIteration, av.EOFError):
            self._take_film(self._film.rest(), time.perf_counter())
            self._decoded.extend(self._received(self._filters.rest(), time.perf_counter()))
            return bool(self._decoded)
        except av.FFmpegError as error:
            what = "sends nothing" if isinstance(error, av.ExitError) else f"broke off ({error.strerror})"
            raise SignalLost(f"{self._shown} {what}") from None
        now = time.perf_counter()
        if not self.live:
            self._take_film(self._film.put(packet, now), now)
        elif packet.stream is self._video:
            self._take_picture(packet, asked_at, now)
        elif self._sound:
            self._arrival.waited(now - asked_at)
            if self._sound.feed.listened.is_set() and self._arrival.zero_at is not None:
                for sound in self._sound.sounds(packet, self._arrival.zero_at):
                    self._sound.feed.put(sound)
        return True

    def _take_film(self, packets: "Iterable[av.Packet[Any]]", now: float) -> None:
        for packet in packets:
            for received in self._received(self._pictures(packet), now):
                self._decoded.append(replace(received, sounds=self._film.sounds()))

    def _take_picture(self, packet: "av.Packet[Any]", asked_at: float, now: float) -> None:
        self._arrival.waited(now - asked_at)
        ticks = packet.pts if packet.pts is not None else packet.dts
        seconds = None if ticks is None or not self._has_clock else float(ticks * packet.time_base)
        behind = seconds is not None and self._arrival.behind(seconds, now)
        if self.live and self._skip(behind, packet):
            return
        self._decoded.extend(self._received(self._pictures(packet), now))

    def _skip(self, behind: bool, packet: "av.Packet[Any]") -> bool:
        """Whether to throw the packet away; what follows one that was needs a keyframe to begin with."""
        if behind:
            self._skipping = True
        elif self._skipping and packet.is_keyframe:
            self._skipping = False
            self._video.codec_context.flush_buffers()
            self._filters.rest()
        return self._skipping

    def _pictures(self, packet: "av.Packet[Any]") -> list[av.VideoFrame]:
        try:
            decoded = [picture for picture in packet.decode() if isinstance(picture, av.VideoFrame)]
            return [picture for whole in decoded for picture in self._filters.push(whole)]
        except av.FFmpegError:  # damaged on its way; the next keyframe heals it
            return []

    def _received(self, pictures: list[av.VideoFrame], now: float) -> Iterator[ReceivedPicture]:
        for picture in pictures:
            ticks = picture.pts if picture.pts is not None else picture.dts
            if ticks is None or self._video.time_base is None or not self._has_clock:
                yield ReceivedPicture(picture, now, now)
                continue
            seconds = float(ticks * self._video.time_base)
            yield ReceivedPicture(picture, seconds, self._arrival.captured_at(seconds, now))


def _video_of(container: InputContainer, shown: str) -> av.VideoStream:
    video = film_of(container)
    if video is None:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise ImpastoError(f"{shown} sends no video, only {kinds}; look at the address")
    if video.codec_context is None:
        raise ImpastoError(f"{shown} sends video that this FFmpeg cannot decode; have it sent as H.264")
    return video
