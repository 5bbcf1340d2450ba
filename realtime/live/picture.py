"""From a captured frame to the one that every sink gets: painted, composed, with the notice of a lost source."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engines.errors import EngineRefused
from engines.spec import EngineSpec
from realtime.frames.frame import Frame, Pixels
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.height.pilot import PaintSize
from realtime.live.look_book import LookBook
from realtime.live.stats import LiveStats
from realtime.live.window.overlay import draw_notice
from realtime.media.framing import filling, filling_size, fit, framed
from realtime.painting.full_size.join import Join, Painted
from realtime.painting.painter import FADE_SECONDS, LivePainter, Painting

REHEARSAL_SECONDS = 0.02  # between pictures that nobody sees
LINE_OF_HEIGHT = 0.004  # the line between before and after


class LivePicture:
    """Makes the picture that is shown, at `size` (width, height), on the painting thread.

    What a person has set on `board` holds from the next frame on. Nothing is painted while the original is shown.
    While there is a `still` it is shown in place of all else.
    """

    def __init__(
        self,
        size: tuple[int, int],
        board: ControlBoard,
        looks: LookBook,
        painter: LivePainter,
        paint_size: PaintSize,
        stats: LiveStats,
        still: Callable[[], Pixels | None] = lambda: None,
    ) -> None:
        self.size = size
        self.newest: Frame | None = None
        self.captured: Pixels | None = None  # what the newest was painted from
        self.painting: Painting | None = None
        self.painting_wanted = False  # by anybody so far
        self.settled_style = board.settings.style  # the last whose engine was there
        self._board, self._looks, self._painter = board, looks, painter
        self._paint_size, self._stats = paint_size, stats
        self._still = still
        self._join = Join()
        self._frozen: Pixels | None = None
        self._shown_as: tuple[bool, ...] | None = None

    @property
    def engine(self) -> EngineSpec | None:
        """The engine that painted the newest picture; None where it is the plain one."""
        painting = self.painting
        return None if painting is None else painting.spec

    @property
    def net(self) -> str | None:
        """The style file that painted it, by its name."""
        return None if self.painting is None else self.painting.net

    def make(self, frame: Frame, notice: str = "") -> Frame:
        """The frame as it is shown, with its times kept."""
        settings = self._board.settings
        self._notice_jumps(settings)
        captured = self._held(frame.data, settings)
        captured = mirrored(captured) if settings.mirror else captured
        self.captured = captured
        if settings.pass_through:
            self.painting = None
        painted = None if settings.pass_through else self._painted(replace(frame, data=captured), settings)
        started = time.perf_counter()
        still = self._still()
        shown = self._composed(captured, painted, settings) if still is None else fit(still, self.size)
        self.newest = replace(frame, data=draw_notice(shown, notice) if notice else shown)
        self._stats.stage("compose", time.perf_counter() - started)
        return self.newest

    def _notice_jumps(self, settings: LiveSettings) -> None:
        """What a person does may part a picture from the one before, as a cut does."""
        shown_as = settings.mirror, settings.frozen, settings.pass_through
        if self._shown_as not in (None, shown_as):
            self._painter.begin_anew()
        self._shown_as = shown_as

    def _held(self, captured: Pixels, settings: LiveSettings) -> Pixels:
        """While frozen, the picture of the moment it was frozen; it goes on being painted, so all can be tried."""
        if not settings.frozen:
            self._frozen = None
            return captured
        if self._frozen is None:
            self._frozen = captured
        return self._frozen

    def _composed(self, captured: Pixels, painted: Painted | None, settings: LiveSettings) -> Pixels:
        plain = filling(captured, self.size)
        if painted is None:
            return framed(plain, self.size)
        joined = framed(self._joined(plain, painted), self.size)
        return before_and_after(framed(plain, self.size), joined) if settings.split else joined

    def _joined(self, plain: Pixels, painted: Painted) -> Pixels:
        if painted.coded is not None:
            return self._join.moving_of(plain, painted.coded, painted.controls)
        return self._join.moving(plain, painted.small, painted.pixels, painted.controls)

    def rehearse(self, size: tuple[int, int], stop: threading.Event) -> None:
        """Paint grey pictures of `size` (width, height), the source's, which nobody sees, before the first of its own.

        Until the engine is there and the first look has faded in, which begins with the plain picture, or `stop` is
        set. EngineRefused where there is no engine for it.
        """
        grey, over_at = np.full((size[1], size[0], 3), 128, np.uint8), float("inf")
        while not stop.wait(REHEARSAL_SECONDS) and time.perf_counter() < over_at:
            self._aim(size, self._board.settings)
            self._painter(Frame(grey, 0.0, time.perf_counter()))
            if self._painter.failed is not None:
                raise EngineRefused(self._painter.failed.message)
            if self._painter.settled:
                over_at = min(over_at, time.perf_counter() + FADE_SECONDS)
        self._painter.begin_anew()

    def _aim(self, size: tuple[int, int], settings: LiveSettings) -> None:
        self._paint_size.stroke = settings.stroke
        self._painter.steady(settings.steady, filling_size(size, self.size))
        self._painter.aim(self._looks.look(settings), self._paint_size.for_source(*size))

    def _painted(self, captured: Frame, settings: LiveSettings) -> Painted | None:
        self.painting_wanted = True
        self._aim(captured.size, settings)
        self.painting = self._painter(captured)
        if self._painter.settled:
            self.settled_style = settings.style
        self._stats.stage("scale", self.painting.scale_seconds)
        if self.painting.spec is not None:
            self._stats.stage("net", self.painting.net_seconds)
            self._stats.stage("steady", self.painting.steady_seconds)
            self._stats.painted()
        return self.painting.painted


def before_and_after(before: Pixels, after: Pixels) -> Pixels:
    """The left half as it was and the right half painted, with a line between them; both of one size."""
    height, width = after.shape[:2]
    joined = after.copy()
    joined[:, : width // 2] = before[:, : width // 2]
    half_line = max(1, round(height * LINE_OF_HEIGHT / 2))
    joined[:, width // 2 - half_line : width // 2 + half_line] = 255
    return joined


def mirrored(pixels: Pixels) -> Pixels:
    """Left and right exchanged."""
    flipped: Pixels = np.ascontiguousarray(pixels[:, ::-1])
    return flipped
