"""What paints a live picture: the look glides from one style to the next, and engines change without a lost frame."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from engines.loading.engine import EngineChoice, EngineSpec
from engines.spec import ANY_ENGINE
from realtime.frames.frame import Frame, Matrix, Pixels
from realtime.media.colour.small_copy import small_copy
from realtime.painting.cross_fade import Fade, blend_pictures
from realtime.painting.engine_loader import EngineWanted, LoadedEngine, LoadFailed
from realtime.painting.full_size.join import Painted, codes_of_moving
from realtime.painting.gliding import GlidingStylizer, Look
from realtime.painting.options import OWN
from realtime.painting.steady.hand import SteadyHand, Watched

FADE_SECONDS = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """What was painted of a frame at the engine's size, the engine, and how long net, scaling and steadying took.

    The first two are None while no engine is loaded; then the picture is the plain one. `net` is the style file that
    painted, by its name, and `texture` what strokes grew from.
    """

    painted: Painted | None
    spec: EngineSpec | None
    net_seconds: float = 0.0
    scale_seconds: float = 0.0
    steady_seconds: float = 0.0
    net: str | None = None
    texture: str = OWN


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
        self._asked: EngineWanted | None = None
        self._failed: LoadFailed | None = None
        self._present: GlidingStylizer | None = None
        self._leaving: GlidingStylizer | None = None
        self._fade = Fade(0.0, 0.0)
        self._at_work = threading.Lock()
        self._closed = False
        self._hand = SteadyHand()
        self._shown_size: tuple[int, int] | None = None

    @property
    def failed(self) -> LoadFailed | None:
        """Why the look that is wanted cannot be had; None where it is there or may still come."""
        return self._failed

    @property
    def settled(self) -> bool:
        """Whether the engine in use is the one that is wanted."""
        return self._present is not None and self._asked is None

    def aim(self, look: Look, size: tuple[int, int]) -> None:
        """What is wanted from now on: the look, and the size (width, height) at which to paint."""
        now = self._clock()
        self._look = look
        self._turn_back(look, now)
        self._ask(EngineWanted(look.file, size[1], size[0], self._choice))
        for each in self._in_use():
            each.steer(look, now)

    def steady(self, amount: float, shown_size: tuple[int, int] | None = None) -> None:
        """How far paintings are held still from now on, 0..1.

        Told the size (width, height) of the pictures that they are joined with by `Join.moving`, the hand holds them in
        the codes in which that is done.
        """
        self._hand.amount, self._shown_size = amount, shown_size

    def begin_anew(self) -> None:
        """The next frame does not go on from the last one, in a way that the frames do not tell."""
        self._hand.begin_anew()
        for each in self._in_use():
            each.begin_anew()

    def __call__(self, frame: Frame) -> Painting:
        """What is painted of the frame, of any size; what an engine raises is raised here."""
        try:
            with self._at_work:
                return self._paint(frame)
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
            for each in self._in_use():
                each.loaded.engine.close()
            self._present = self._leaving = None
        finally:
            self._at_work.release()

    def _in_use(self) -> list[GlidingStylizer]:
        return [each for each in (self._present, self._leaving) if each is not None]

    def _paint(self, frame: Frame) -> Painting:
        now = self._clock()
        self._end_fade(now)
        self._take(now)
        if self._present is None:
            return Painting(None, None)
        stopwatch = _Stopwatch(self._clock)
        small = stopwatch.scale(frame.data, self._present.size)
        with stopwatch.stage("steady"):
            watched = self._hand.watch(frame, small, self._present.levels_at(now)) if self._hand.amount else None
        painted = stopwatch.paint(self._present, frame, small, watched, now)
        if self._leaving is not None:
            before = self._painted_before(stopwatch, self._leaving, frame, watched, now)
            painted = stopwatch.blend(before, painted, self._fade.at(now))
        with stopwatch.stage("steady"):
            from_rgb, changes = self._joined_by(painted), self._leaving is not None
            painted = self._hand(painted, watched, from_rgb=from_rgb, changes=changes)
        seconds, loaded, texture = stopwatch.seconds, self._present.loaded, self._present.texture
        spent = seconds["net"], seconds["scale"], seconds["steady"]
        return Painting(painted, loaded.engine.spec, *spent, net=loaded.wanted.file.path.name, texture=texture)

    def _painted_before(
        self, stopwatch: "_Stopwatch", leaving: GlidingStylizer, frame: Frame, watched: Watched | None, now: float
    ) -> Painted:
        """By the engine that is left, whose texture goes with the picture too."""
        small = stopwatch.scale(frame.data, leaving.size)
        if watched is not None:
            with stopwatch.stage("steady"):
                watched = replace(watched, given=self._hand.given(small, leaving.levels_at(now)))
        return stopwatch.paint(leaving, frame, small, watched, now)

    def _joined_by(self, painted: Painted) -> Matrix | None:
        if self._shown_size is None:
            return None
        return codes_of_moving(self._shown_size, (painted.pixels.shape[1], painted.pixels.shape[0]))

    def _turn_back(self, look: Look, now: float) -> None:
        """Where the file that is being left is wanted again, the fade runs back."""
        if self._present is None or self._leaving is None or self._present.is_of(look.file):
            return
        if self._leaving.is_of(look.file):
            self._present, self._leaving = self._leaving, self._present
            self._fade = self._fade.turned_back(now)

    def _ask(self, wanted: EngineWanted) -> None:
        """Asks the loader once for each change of what is wanted."""
        if self._present is not None and self._present.loaded.wanted.key == wanted.key:
            if self._asked is not None and self._present.loaded.meanwhile:
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
        loaded = self._present.loaded if self._present is not None else None
        return loaded is not None and loaded.meanwhile and loaded.wanted.key == wanted.key

    def _change_to(self, loaded: LoadedEngine, now: float) -> None:
        assert self._look is not None, "nothing was asked for"
        before = self._present
        self._asked = None
        if before is not None and before.is_of(loaded.wanted.file):
            self._loader.give_back(before.loaded)
            before.change_engine(loaded)
            return
        self._present = GlidingStylizer(loaded, self._look, self._fade_seconds)
        if before is None:
            self._present.start_from_plain(now)
        else:
            self._leaving, self._fade = before, Fade(now, self._fade_seconds)


class _Stopwatch:
    """The work on one picture, and how long it took."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.seconds = {"net": 0.0, "scale": 0.0, "steady": 0.0}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = self._clock()
        yield
        self.seconds[name] += self._clock() - started

    def paint(
        self, stylizer: GlidingStylizer, frame: Frame, small: Pixels, watched: Watched | None, now: float
    ) -> Painted:
        with self.stage("net"):
            return stylizer.paint(frame, small, watched, now)

    def scale(self, pixels: Pixels, size: tuple[int, int]) -> Pixels:
        """The picture at `size` (width, height)."""
        with self.stage("scale"):
            return small_copy(pixels, size)

    def blend(self, a: Painted, b: Painted, t: float) -> Painted:
        """Both at the larger one's size, with the controls of `b`."""
        small = max(a.small, b.small, key=lambda picture: picture.size)
        size = (small.shape[1], small.shape[0])
        return replace(b, small=small, pixels=blend_pictures(self.scale(a.pixels, size), self.scale(b.pixels, size), t))
