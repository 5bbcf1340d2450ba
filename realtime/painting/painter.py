"""What paints a live picture: the look glides from one style to the next, and engines change without a lost frame."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engines.loading.engine import Controls, EngineChoice, EngineSpec
from engines.spec import ANY_ENGINE
from engines.style.styles import StyleFile
from realtime.frames.frame import Pixels
from realtime.media.picture_file import resize
from realtime.painting.cross_fade import Fade, Glide, Vector, blend_pictures, resting
from realtime.painting.engine_loader import EngineWanted, LoadedEngine, LoadFailed

FADE_SECONDS = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How pictures are to look: a style file, a style vector of it (float32 [S]), strength and keep_colour (0..1)."""

    file: StyleFile
    vector: Vector
    strength: float = 1.0
    keep_colour: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """A painted picture at its engine's size, the engine, and the time that the net and the scaling took.

    `spec` is None while no engine is loaded; then it is the plain picture.
    """

    pixels: Pixels
    spec: EngineSpec | None
    net_seconds: float
    scale_seconds: float


class Loader(Protocol):
    """What the painter needs of an EngineLoader; nothing here waits for work."""

    def ask(self, wanted: EngineWanted) -> None: ...
    def take(self) -> LoadedEngine | LoadFailed | None: ...
    def give_back(self, loaded: LoadedEngine) -> None: ...


class LivePainter:
    """Paints on one thread: `aim` before each picture says how, calling it paints.

    Another style of the same file, strength and keep_colour glide there in `fade_seconds`. Another file or size is
    asked of the loader while the engine in use goes on. Then an engine of another size takes over at once, and one of
    another file is faded to, both at work for `fade_seconds`; the first of all fades in from the plain picture. What
    cannot be loaded is told to `report` once, and the look stays as it is.
    """

    def __init__(
        self,
        loader: Loader,
        report: Callable[[str], None],
        choice: EngineChoice = ANY_ENGINE,
        *,
        clock: Callable[[], float] = time.perf_counter,
        fade_seconds: float = FADE_SECONDS,
    ) -> None:
        self._loader, self._report, self._choice = loader, report, choice
        self._clock, self._fade_seconds = clock, fade_seconds
        self._look: Look | None = None
        self._size: tuple[int, int] | None = None
        self._asked: EngineWanted | None = None
        self._failed: LoadFailed | None = None
        self._brush: _Brush | None = None
        self._leaving: _Brush | None = None
        self._fade = Fade(0.0, 0.0)
        self._at_work = threading.Lock()
        self._closed = False

    @property
    def failed(self) -> LoadFailed | None:
        """Why the look that is wanted cannot be had; None where it is there or may still come."""
        return self._failed

    @property
    def settled(self) -> bool:
        """Whether the engine in use is the one that is wanted."""
        return self._brush is not None and self._asked is None

    def aim(self, look: Look, size: tuple[int, int]) -> None:
        """What is wanted from now on: the look, and the size (width, height) at which to paint."""
        now = self._clock()
        self._look, self._size = look, size
        self._turn_back(look, now)
        self._ask(EngineWanted(look.file, size[1], size[0], self._choice))
        for brush in (self._brush, self._leaving):
            if brush is not None:
                brush.steer(look, now)

    def __call__(self, pixels: Pixels) -> Painting:
        """The picture, uint8 (H, W, 3) of any size, painted; what an engine raises is raised here."""
        try:
            with self._at_work:
                return self._paint(pixels)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close the engines in use, from any thread; the loader is closed by its owner.

        A frame that is in them is not waited for, as that may take seconds: they are closed when it comes out.
        """
        self._closed = True
        if not self._at_work.acquire(blocking=False):
            return
        try:
            for brush in (self._brush, self._leaving):
                if brush is not None:
                    brush.loaded.engine.close()
            self._brush = self._leaving = None
        finally:
            self._at_work.release()

    def _paint(self, pixels: Pixels) -> Painting:
        now = self._clock()
        self._end_fade(now)
        self._take(now)
        stopwatch = _Stopwatch(self._clock)
        if self._brush is None:
            return Painting(stopwatch.scale(pixels, self._size), None, 0.0, stopwatch.scale_seconds)
        painted = self._brush.paint(pixels, now, stopwatch)
        if self._leaving is not None:
            before = self._leaving.paint(pixels, now, stopwatch)
            painted = stopwatch.blend(before, painted, self._fade.at(now))
        return Painting(painted, self._brush.loaded.engine.spec, stopwatch.net_seconds, stopwatch.scale_seconds)

    def _turn_back(self, look: Look, now: float) -> None:
        """Where the file that is being left is wanted again, the fade runs back."""
        if self._brush is None or self._leaving is None or self._brush.is_of(look.file):
            return
        if self._leaving.is_of(look.file):
            self._brush, self._leaving = self._leaving, self._brush
            self._fade = self._fade.turned_back(now)

    def _ask(self, wanted: EngineWanted) -> None:
        """Asks the loader once for each change of what is wanted."""
        if self._brush is not None and self._brush.loaded.wanted.key == wanted.key:
            if self._asked is not None and self._brush.loaded.meanwhile:
                self._loader.ask(wanted)  # what was to come in its place was dropped for the other wish
            self._asked = self._failed = None
        elif self._asked is None or self._asked.key != wanted.key:
            self._loader.ask(wanted)
            self._asked, self._failed = wanted, None

    def _end_fade(self, now: float) -> None:
        if self._leaving is not None and self._fade.over(now):
            self._loader.give_back(self._leaving.loaded)
            self._leaving = None

    def _take(self, now: float) -> None:
        """What the loader has ready; not in mid-fade, for a third picture would have to jump in."""
        found = self._loader.take() if self._leaving is None else None
        if found is None:
            return
        expected = self._expects(found.wanted)
        if isinstance(found, LoadedEngine):
            self._change_to(found, now) if expected else self._loader.give_back(found)
        elif expected:
            self._failed = found
            self._report(found.message)

    def _expects(self, wanted: EngineWanted) -> bool:
        """Whether this was asked for, be it that another paints in its place meanwhile."""
        if self._asked is not None:
            return self._asked.key == wanted.key
        loaded = self._brush.loaded if self._brush is not None else None
        return loaded is not None and loaded.meanwhile and loaded.wanted.key == wanted.key

    def _change_to(self, loaded: LoadedEngine, now: float) -> None:
        assert self._look is not None, "nothing was asked for"
        before = self._brush
        self._asked = None
        if before is not None and before.is_of(loaded.wanted.file):
            self._loader.give_back(before.loaded)
            before.loaded = loaded
            return
        self._brush = _Brush(loaded, resting(_as_vector(self._look), self._fade_seconds))
        if before is None:
            self._brush.start_from_plain(now)
        else:
            self._leaving, self._fade = before, Fade(now, self._fade_seconds)


class _Brush:
    """An engine and the look that it paints."""

    def __init__(self, loaded: LoadedEngine, glide: Glide) -> None:
        self.loaded, self._glide = loaded, glide

    def is_of(self, file: StyleFile) -> bool:
        return self.loaded.wanted.file.sha256 == file.sha256

    def steer(self, look: Look, now: float) -> None:
        """Towards the look; where that is of another file, its strength and keep_colour alone."""
        target = _as_vector(look)
        if not self.is_of(look.file):
            target = np.concatenate([self._glide.target[:-2], target[-2:]])
        if not np.array_equal(target, self._glide.target):
            self._glide = self._glide.towards(target, now)

    def start_from_plain(self, now: float) -> None:
        """Strength 0, which is the picture as it came, and from there to where it was to be."""
        target = self._glide.target
        plain = target.copy()
        plain[-2] = 0
        self._glide = resting(plain, self._glide.fade.duration_seconds).towards(target, now)

    def paint(self, pixels: Pixels, now: float, stopwatch: "_Stopwatch") -> Pixels:
        engine = self.loaded.engine
        look = self._glide.at(now)
        strength, keep_colour = (float(value) for value in np.clip(look[-2:], 0, 1))
        scaled = stopwatch.scale(pixels, (engine.spec.width, engine.spec.height))
        return stopwatch.net(lambda: engine(scaled, Controls(look[:-2], strength, keep_colour)))


class _Stopwatch:
    """The work on one picture, and how long it took."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.net_seconds = 0.0
        self.scale_seconds = 0.0

    def net(self, run: Callable[[], Pixels]) -> Pixels:
        started = self._clock()
        painted = run()
        self.net_seconds += self._clock() - started
        return painted

    def scale(self, pixels: Pixels, size: tuple[int, int] | None) -> Pixels:
        """The picture at `size` (width, height); itself where it has that size or any will do."""
        if size is None or pixels.shape[:2] == (size[1], size[0]):
            return pixels
        started = self._clock()
        scaled = resize(pixels, size)
        self.scale_seconds += self._clock() - started
        return scaled

    def blend(self, a: Pixels, b: Pixels, t: float) -> Pixels:
        """Both at the larger one's size."""
        larger = max(a, b, key=lambda picture: picture.size)
        size = (larger.shape[1], larger.shape[0])
        return blend_pictures(self.scale(a, size), self.scale(b, size), t)


def _as_vector(look: Look) -> Vector:
    """The style vector, then strength and keep_colour: what glides together."""
    return np.concatenate([look.vector, np.array([look.strength, look.keep_colour])]).astype(np.float32)
