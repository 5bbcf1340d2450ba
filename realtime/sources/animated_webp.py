"""Frames of an animated WebP, each at its time. GIF and APNG are FFmpeg's affair, as any video."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from engines.errors import BadFile, BadValue
from realtime.frames.frame import Frame, Pixels, SplitSource
from realtime.media.animation import HEAD_BYTES, WebpAnimation, WebpCanvas, read_webp, says_animation
from realtime.media.clip import Clip
from realtime.media.colour.rgb import SDR_TAGS
from realtime.media.picture_file import read_bytes, resize
from realtime.sources.file import no_picture_after

TICK = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """What the animation shows from `pts` on, for `milliseconds`."""

    pixels: Pixels
    pts: int
    milliseconds: int
    captured_at: float


class AnimatedWebpSource(SplitSource):
    """The frames of an animation, once through. `height` scales; `report` is told in a line what is unusual.

    It begins `start` seconds after its own beginning, BadValue where it has ended by then.

    A frame that does not decode is told, and the picture before stands for its time; a `strict` source raises
    ImpastoError instead. Without any frame that is raised in any case.
    """

    live = False

    def __init__(
        self,
        path: Path,
        *,
        height: int | None = None,
        report: Callable[[str], None] | None = None,
        strict: bool = False,
        start: Fraction = Fraction(0),
    ) -> None:
        self.path = path
        self._strict = strict
        self.broke_off = False
        self._report = report or (lambda line: None)
        animation = read_webp(read_bytes(path))
        if animation is None or not animation.frames:
            raise BadFile(f"{path} is an animated WebP and holds no frame")
        self._frames = animation.frames
        self._canvas = WebpCanvas(animation.size)
        self._next, self._pts = 0, -round(start / TICK)
        lasts = sum(frame.milliseconds for frame in self._frames) * TICK
        rate = len(self._frames) / lasts
        if start >= lasts:
            raise BadValue(no_picture_after(path.name, start))
        shown = len(self._frames) - round(start * rate)
        self.clip = Clip(animation.size, TICK, rate, SDR_TAGS, frames=max(1, shown)).scaled(height)
        self.size = self.clip.size
        self.frame_rate: Fraction | None = rate
        self._tell(animation)

    def grab(self) -> ShownPicture | None:
        """What is shown next; None at the end."""
        while self._next < len(self._frames):
            picture = self._draw()
            if (lasts := picture.pts + picture.milliseconds) > 0:
                return picture if picture.pts >= 0 else replace(picture, pts=0, milliseconds=lasts)
        return None

    def _draw(self) -> ShownPicture:
        """The next frame, which may be of before the start: others are drawn on to it."""
        frame, pts = self._frames[self._next], self._pts
        self._next += 1
        self._pts += frame.milliseconds
        try:
            pixels = self._canvas.show(frame)
        except ValueError:
            self._lose(f"{self.path.name}: frame {self._next} does not decode", "; the one before stands for its time")
            pixels = self._canvas.shown()
        return ShownPicture(pixels, pts, frame.milliseconds, time.perf_counter())

    def retrieve(self, grabbed: ShownPicture) -> Frame:
        """The picture in RGB at the wanted size."""
        pixels = grabbed.pixels
        if (pixels.shape[1], pixels.shape[0]) != self.size:
            pixels = resize(pixels, self.size)
        seconds = self.seconds_of(grabbed)
        return Frame(pixels, seconds, grabbed.captured_at, grabbed.pts, TICK, grabbed.milliseconds)

    def seconds_of(self, grabbed: ShownPicture) -> float:
        """When the picture is shown."""
        return float(grabbed.pts * TICK)

    def close(self) -> None:
        """Nothing stays open."""

    def _tell(self, animation: WebpAnimation) -> None:
        if animation.transparent:
            self._report("transparency: shown on white, video is written without alpha")
        if animation.cut:
            self._lose(f"{self.path.name} breaks off: {len(self._frames)} frames of it are there")

    def _lose(self, what: str, instead: str = "") -> None:
        if self._strict:
            raise BadFile(what)
        self.broke_off = True
        self._report(what + instead)


def is_animated_webp(path: Path) -> bool:
    """Whether a file is an animated WebP, by its beginning and whatever it is called."""
    if not path.is_file():  # a pipe can be read only once
        return False
    with suppress(OSError), path.open("rb") as file:
        return says_animation(file.read(HEAD_BYTES))
    return False
