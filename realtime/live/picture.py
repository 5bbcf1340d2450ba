"""From a captured frame to the one that every sink gets: painted, composed, with the notice of a lost source."""

import time
from collections.abc import Callable
from dataclasses import replace

from engines.spec import EngineSpec
from realtime.control.board import ControlBoard
from realtime.control.settings import LiveSettings
from realtime.frame import Frame, Pixels
from realtime.live.composition import before_and_after, fit, mirrored
from realtime.live.look_book import LookBook
from realtime.live.paint_size import PaintSize
from realtime.live.painter import LivePainter, Painting
from realtime.live.stats import LiveStats
from realtime.window.overlay import draw_notice


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
        self.settled_style = board.settings.style  # the last whose engine was there
        self._board, self._looks, self._painter = board, looks, painter
        self._paint_size, self._stats = paint_size, stats
        self._still = still
        self._frozen: Pixels | None = None

    @property
    def engine(self) -> EngineSpec | None:
        """The engine that painted the newest picture; None where it is the plain one."""
        painting = self.painting
        return None if painting is None else painting.spec

    def make(self, frame: Frame, notice: str = "") -> Frame:
        """The frame as it is shown, with its times kept."""
        settings = self._board.settings
        captured = self._held(frame.data, settings)
        captured = mirrored(captured) if settings.mirror else captured
        self.captured = captured
        painted = None if settings.pass_through else self._painted(captured, settings)
        started = time.perf_counter()
        still = self._still()
        shown = self._composed(captured, painted, settings) if still is None else fit(still, self.size)
        self.newest = replace(frame, data=draw_notice(shown, notice) if notice else shown)
        self._stats.stage("compose", time.perf_counter() - started)
        return self.newest

    def _held(self, captured: Pixels, settings: LiveSettings) -> Pixels:
        """While frozen, the picture of the moment it was frozen; it goes on being painted, so all can be tried."""
        if not settings.frozen:
            self._frozen = None
            return captured
        if self._frozen is None:
            self._frozen = captured
        return self._frozen

    def _composed(self, captured: Pixels, painted: Pixels | None, settings: LiveSettings) -> Pixels:
        if painted is None:
            self.painting = None
            return fit(captured, self.size)
        height, width = captured.shape[:2]
        shown = fit(painted, self.size, shape=(width, height))
        return before_and_after(fit(captured, self.size), shown) if settings.split else shown

    def _painted(self, captured: Pixels, settings: LiveSettings) -> Pixels:
        height, width = captured.shape[:2]
        self._painter.aim(self._looks.look(settings), self._paint_size.for_source(width, height))
        self.painting = self._painter(captured)
        if self._painter.settled:
            self.settled_style = settings.style
        self._stats.stage("scale", self.painting.scale_seconds)
        if self.painting.spec is not None:
            self._stats.stage("net", self.painting.net_seconds)
            self._stats.painted()
        return self.painting.pixels
