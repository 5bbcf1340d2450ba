"""Playback at its own speed: video files, folders of pictures, and the built-in scene."""

import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from engines.errors import BadValue
from realtime.frames.frame import Frame, Source
from realtime.frames.pacing import Ticker
from realtime.frames.request import SourceRequest, refuse_modes, told_once
from realtime.frames.time_code import stamp
from realtime.media.input_file import STANDARD_INPUT
from realtime.sources.animated_webp import TICK, AnimatedWebpSource, is_animated_webp
from realtime.sources.file import DecodedPicture, FileSource
from realtime.sources.film_sound import FileSound, SoundAhead
from realtime.sources.pattern import DEFAULT_RATE, DEFAULT_SIZE, WRITTEN, PatternSource
from realtime.sources.pictures import PictureSource, pictures_named
from realtime.sources.playback import PlaybackSource, Reel, held

FILE = "file:"
PICTURE_RATE = Fraction(25)


def open_file(address: str, request: SourceRequest) -> Source:
    """A video file, an animation, or the pictures that a folder, a glob or a pattern names.

    The pictures come at `request.frame_rate`, or 25 a second. What is unusual is told once, however often it begins
    again. Errors are those of the sources in files.
    """
    path, request = address.removeprefix(FILE), replace(request, report=told_once(request.report))
    if path == STANDARD_INPUT and not Path(path).exists():
        raise BadValue(
            "SOURCE is -, and a live source is a file or an address; `impasto video - OUT` reads standard input"
        )
    paths = pictures_named(path)
    refuse_modes(path, request, films=paths is None)
    if paths is None and is_animated_webp(Path(path)):
        return _animation(Path(path), request)
    if paths is None:
        return _film(Path(path), request)
    rate = request.frame_rate or PICTURE_RATE

    def open_again() -> Reel:
        return Reel(PictureSource(paths, rate, report=request.report), lambda number: float(number / rate))

    return PlaybackSource(open_again(), open_again, request)


def _animation(path: Path, request: SourceRequest) -> Source:
    def open_again() -> Reel:
        footage = AnimatedWebpSource(path, report=request.report)
        return Reel(
            footage, lambda shown: float(shown.pts * TICK), lasts=lambda shown: float(shown.milliseconds * TICK)
        )

    return PlaybackSource(open_again(), open_again, request)


def _film(path: Path, request: SourceRequest) -> Source:
    """A video file, with its sound in `sound`, None where it has none."""
    film = _open_film(path, request)
    sound = FileSound(film.clip, report=request.report)

    def open_again() -> Reel:
        again = _open_film(path, request)
        return reel_of(again, FileSound(again.clip, sound.feed, request.report))

    ahead = SoundAhead(sound.feed) if sound.feed else None
    return PlaybackSource(reel_of(film, sound), open_again, request, sound=ahead)


def reel_of(film: FileSource, sound: FileSound) -> Reel:
    """A film to be played, with its sound."""

    def seconds_of(picture: DecodedPicture) -> float:
        return float(picture.pts * film.clip.time_base)

    def lasts(picture: DecodedPicture) -> float:
        return float((picture.picture.duration or 0) * film.clip.time_base)

    return Reel(
        film, seconds_of, lambda picture: sound.until(seconds_of(picture) + held(lasts(picture))), sound.close, lasts
    )


def _open_film(path: Path, request: SourceRequest) -> FileSource:
    return FileSource(path, square_pixels=True, report=request.report, stop=request.stop)


def open_pattern(address: str, request: SourceRequest) -> Source:
    """The scene; what the address leaves open is as asked for, or else 640x360 at 30 frames a second."""
    written = WRITTEN.fullmatch(address)
    if written is None:
        raise BadValue(f"{address!r} is no pattern; write pattern: or pattern:WIDTHxHEIGHT@RATE")
    size = (int(written[1]), int(written[2])) if written[1] else request.size or DEFAULT_SIZE
    rate = written[3] or request.frame_rate or DEFAULT_RATE
    return PlaybackPattern(PatternSource.from_text(f"pattern:{size[0]}x{size[1]}@{rate}"), request)


class PlaybackPattern:
    """The scene as a camera would see it: each frame is drawn before it is due, and captured when it is.

    The moment of capture is stamped into it as a time code. Frames that could not be drawn in time are left out.
    """

    live = True

    def __init__(self, pattern: PatternSource, request: SourceRequest) -> None:
        self.size = pattern.size
        self.frame_rate: Fraction | None = pattern.frame_rate
        self._pattern, self._stop = pattern, request.stop
        self._ticker: Ticker | None = None
        self._next = 0

    def read(self) -> Frame | None:
        """The next frame, when it is due; None once everything is to stop."""
        frame = self._pattern.retrieve(self._next)
        now = time.perf_counter()
        if self._ticker is None:
            self._ticker = Ticker(self._pattern.frame_rate or DEFAULT_RATE, now)
        if self._stop.wait(self._ticker.wait_seconds(now, self._next)):
            return None
        captured_at = time.perf_counter()
        self._next = max(self._next, self._ticker.newest_tick(captured_at)) + 1
        stamp(frame.data, captured_at)
        return replace(frame, captured_at=captured_at)

    def close(self) -> None:
        self._pattern.close()
