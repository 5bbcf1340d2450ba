"""Playback: a video's pictures at the moments at which they are due, whatever the speed of who takes them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

from realtime.frames.frame import Frame, SplitSource
from realtime.frames.frame_queue import FrameQueue
from realtime.frames.request import SourceRequest
from realtime.frames.sound_feed import Sound
from realtime.sources.film_sound import SoundAhead

READ_AHEAD = 4  # decoded pictures that wait
REPEAT_SECONDS = 0.5
LOOK_SECONDS = 0.1
END_SECONDS = 1.0  # for the reading thread, which may be inside FFmpeg
HOPELESS_SECONDS = 1.0
MOST_HELD_SECONDS = 60.0
FALLBACK_RATE = Fraction(25)


class Footage(Protocol):
    """A source of pictures in order, in two parts."""

    size: tuple[int, int]
    frame_rate: Fraction | None

    def grab(self) -> Any | None: ...

    def retrieve(self, grabbed: Any) -> Frame: ...

    def close(self) -> None: ...


def _silence(grabbed: Any) -> Sequence[Sound]:
    return ()


def _nothing() -> None:
    pass


def held(seconds: float) -> float:
    """For how long a picture is shown that is said to last so long: files say an hour where nobody set it."""
    return min(seconds, MOST_HELD_SECONDS)


def _unknown(grabbed: Any) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Reel:
    """Footage, the time of what it grabs in seconds, and the sound that was read along with it, on the same clock.

    `close_sound` is called when the footage is closed. `lasts` tells for how many seconds a picture is to be shown, 0
    where that is not known; then the last one is shown as long as the frame rate says.
    """

    footage: Any
    seconds_of: Callable[[Any], float]
    sounds_of: Callable[[Any], Sequence[Sound]] = _silence
    close_sound: Callable[[], None] = _nothing
    lasts: Callable[[Any], float] = _unknown


@dataclass(frozen=True, slots=True)
class PlaybackPicture:
    """What was grabbed, from which footage; its time since the beginning, and that of the footage's own second 0.

    `sounds` were read along with it. `take` is how often the footage was begun again before.
    """

    grabbed: Any
    footage: Footage
    position_seconds: float
    zero_seconds: float
    sounds: Sequence[Sound] = ()
    captured_at: float = 0.0
    take: int = 0


class PlaybackSource(SplitSource):
    """Footage at its own speed: a live source whose pictures are captured at the moment they are due.

    A slow taker misses pictures and gets the newest that is due. Gaps repeat the last picture. With `request.loop`,
    `open_again` gives the footage anew at its end and times go on rising. Where pictures come late, a file goes on by
    the clock; what `waits`, as for the network, goes on where it stood. `sound` hands on what the reel gives of it when
    it is due. A thread of its own reads ahead and closes the footage.
    """

    live = True

    def __init__(
        self,
        reel: Reel,
        open_again: Callable[[], Reel],
        request: SourceRequest,
        *,
        waits: bool = False,
        sound: SoundAhead | None = None,
    ) -> None:
        self.size: tuple[int, int] = reel.footage.size
        self.frame_rate: Fraction | None = reel.footage.frame_rate
        self._interval = float(1 / (self.frame_rate or FALLBACK_RATE))
        self._open_again, self._request, self._waits = open_again, request, waits
        self._sound_ahead = sound
        self.sound = sound.feed if sound else None
        self._started_at: float | None = None
        self._next: PlaybackPicture | None = None
        self._last: PlaybackPicture | None = None
        self._ends = 0.0  # when the last picture of all has been shown, since the beginning
        self._error: BaseException | None = None
        self._told = False
        self._queue: FrameQueue[PlaybackPicture] = FrameQueue(READ_AHEAD)
        self._reader = threading.Thread(target=self._read_ahead, args=(reel,), name="impasto-play", daemon=True)
        self._reader.start()

    def grab(self) -> PlaybackPicture | None:
        """The picture that is due, waited for; the last one again where none is for half a second."""
        patience = time.perf_counter() + REPEAT_SECONDS
        while not self._request.stop.is_set():
            now = time.perf_counter()
            if now > patience and self._last is not None:
                return replace(self._last, captured_at=now)
            if self._next is None and not self._fetch(patience - now):
                if self._queue.finished and not self._still_shown(now):
                    self._raise_error()
                    return None
                self._play_sound(now)
                continue
            assert self._next is not None
            wait = self._due_at(self._next, now) - now
            self._play_sound(now)
            if wait > 0:
                self._request.stop.wait(min(wait, LOOK_SECONDS, max(0.001, patience - now)))
            elif self._is_passed_over(-wait):
                self._next = None
            else:
                self._wait_for_late(-wait)
                return self._hand_out(self._due_at(self._next, now))
        return None

    def retrieve(self, grabbed: PlaybackPicture) -> Frame:
        """The picture in RGB."""
        frame = grabbed.footage.retrieve(grabbed.grabbed)
        return Frame(frame.data, grabbed.position_seconds, grabbed.captured_at, take=grabbed.take)

    def close(self) -> None:
        self._queue.abort()
        self._reader.join(END_SECONDS)

    def _still_shown(self, now: float) -> bool:
        """Whether the last picture of all is to be seen for longer; waits for that a little."""
        left = 0.0 if self._started_at is None else self._started_at + self._ends - now
        return left > 0 and not self._request.stop.wait(min(left, LOOK_SECONDS))

    def _fetch(self, seconds: float) -> bool:
        """Have a next picture; False where none came in time, or at the end."""
        try:
            self._next = self._queue.get(min(LOOK_SECONDS, max(0.001, seconds)))
        except TimeoutError:
            return False
        if self._next is not None and self._sound_ahead is not None:
            self._sound_ahead.add(self._next.sounds, self._next.zero_seconds)
        return self._next is not None

    def _play_sound(self, now: float) -> None:
        if self._sound_ahead is not None and self._started_at is not None:
            self._sound_ahead.play(self._started_at, now)

    def _due_at(self, picture: PlaybackPicture, now: float) -> float:
        if self._started_at is None:
            self._started_at = now - picture.position_seconds
        return self._started_at + picture.position_seconds

    def _is_passed_over(self, late_seconds: float) -> bool:
        """Whether a newer picture is there to be shown in place of the next one."""
        return late_seconds > self._interval and len(self._queue) > 0

    def _wait_for_late(self, late_seconds: float) -> None:
        """Where the newest that there is comes late, what follows is late by as much: nothing is run after."""
        if self._started_at is None or late_seconds <= self._interval:
            return
        if self._waits or late_seconds > HOPELESS_SECONDS:
            self._started_at += late_seconds
            if not self._waits and not self._told:
                self._told = True
                self._request.report("the film plays too slowly: this machine does not decode it in time")

    def _hand_out(self, due_at: float) -> PlaybackPicture:
        assert self._next is not None
        picture, self._next = replace(self._next, captured_at=due_at), None
        self._last = picture
        return picture

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _read_ahead(self, reel: Reel) -> None:
        """The reading thread."""
        begins, take = 0.0, 0
        try:
            while (ends := self._read_reel(reel, begins, take)) is not None:
                self._ends = ends
                if not self._request.loop or ends <= begins:
                    break
                begins, take = ends, take + 1
                reel = self._open_again()
        except BaseException as error:  # a thread's border: grab raises it
            self._error = error
        finally:
            self._queue.finish()

    def _read_reel(self, reel: Reel, begins: float, take: int) -> float | None:
        """Read the footage to its end, and close it; when its last picture ends, None where nobody wants more."""
        zero: float | None = None
        newest = ends = begins
        try:
            while (grabbed := reel.footage.grab()) is not None:
                seconds = reel.seconds_of(grabbed)
                zero = begins - seconds if zero is None else zero
                if zero + seconds >= newest:
                    newest = zero + seconds
                    ends = newest + max(self._interval, held(reel.lasts(grabbed)))
                sounds = reel.sounds_of(grabbed)
                if not self._queue.put(PlaybackPicture(grabbed, reel.footage, zero + seconds, zero, sounds, take=take)):
                    return None
        finally:
            reel.footage.close()
            reel.close_sound()
        return ends
