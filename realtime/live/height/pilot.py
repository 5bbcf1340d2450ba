"""The size at which the net paints, and what keeps by it to the frame rate or the latency that was asked for.

The size is set by other threads than the one that reads it.
"""

from collections.abc import Callable
from fractions import Fraction

from realtime.live.height.controller import LADDER, ControllerState, Goals, Measurement, controller, decide, without
from realtime.live.stats import LiveStats
from realtime.painting.full_size.painting_size import painting_size, size_at
from realtime.painting.painter import Painting

TURN_SECONDS = 0.2
MEASURED_SECONDS = 1.0
AUTO_FPS = 24.0  # what film runs at: above it, more detail is worth more than more frames
AUTO_LEAST_HEIGHT = 240  # below, enlarged brush strokes are no picture any more: who wants that asks for it


class PaintSize:
    """What `stroke` asks for, at most `height` lines; None where nothing bounds it. The width follows the source.

    `source_size` is the last that was asked about: a source may come back in another shape.
    """

    def __init__(self, stroke: float = 1.0) -> None:
        self.stroke = stroke
        self.height: int | None = None
        self.source_size: tuple[int, int] | None = None

    def for_source(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) for a source of this size."""
        self.source_size = width, height
        wanted = painting_size((width, height), self.stroke)
        if self.height is None or self.height >= wanted[1]:
            return wanted
        return size_at((width, height), height, self.height)


def goals_for(target_fps: float | None, max_latency_ms: float | None, fps_cap: Fraction | None) -> Goals | None:
    """What to keep to: film's rate where a person chose nothing, and nothing where they chose a rate of 0."""
    if target_fps is None and max_latency_ms is None:
        target_fps = AUTO_FPS
    if not target_fps and max_latency_ms is None:
        return None
    target_fps = target_fps or None
    if target_fps is not None and fps_cap is not None:
        target_fps = min(target_fps, float(fps_cap))
    return Goals(target_fps, max_latency_ms)


class HeightPilot:
    """Measures now and then, asks the controller, and bounds the height; every change is reported with its reason.

    It never goes above what the stroke asks for, nor below `least_height`, unless the stroke does. All begins anew when
    the stroke changes or the source comes back in another shape. `source_size` (width, height) is what it begins with.
    """

    def __init__(
        self,
        goals: Goals,
        source_size: tuple[int, int],
        paint_size: PaintSize,
        stats: LiveStats,
        report: Callable[[str], None],
        *,
        least_height: int = LADDER[0],
    ) -> None:
        self._goals, self._first_size, self._least_height = goals, source_size, least_height
        self._paint_size, self._stats, self._report = paint_size, stats, report
        self._state = self._begun()
        self._next_turn = 0.0
        self._height = 0
        self._since = 0.0

    def turn(self, painting: Painting | None, failed: bool, now: float) -> None:
        """Look after the height; `failed` tells that an engine could not be had.

        Where the height that is set is not the painted one it is the height's fault, and elsewhere the style's.
        """
        if now < self._next_turn:
            return
        self._next_turn = now + TURN_SECONDS
        if self._begun_with != self._wanted:
            self._state = self._begun()
        painted_height = painting.spec.height if painting is not None and painting.spec is not None else 0
        if painted_height != self._height:
            self._height, self._since = painted_height, now
        if failed and painted_height not in (0, self._bound):
            self._state = without(self._state, self._bound)
            self._set(painted_height)
        self._state, decision = decide(self._state, self._measurement(now), now)
        if decision is not None:
            self._report(decision.line)
            self._set(decision.height)

    def _set(self, height: int) -> None:
        self._bound = self._paint_size.height = height

    @property
    def _wanted(self) -> tuple[tuple[int, int], float]:
        """The source's size and the stroke, as they are now."""
        return self._paint_size.source_size or self._first_size, self._paint_size.stroke

    def _begun(self) -> ControllerState:
        """With what is wanted now, at its full height."""
        self._begun_with = self._wanted
        self._set(painting_size(*self._begun_with)[1])
        state = controller(self._goals, self._bound)
        for height in state.ladder:
            state = without(state, height) if height < min(self._least_height, self._bound) else state
        return state

    def _measurement(self, now: float) -> Measurement:
        """What was measured at the present height, and nothing from before."""
        figures = self._stats.now(min(MEASURED_SECONDS, max(0.0, now - self._since)))
        net = figures.stage_ms.get("net")
        # The quickest sink's: it is the picture that somebody looks at, and a slow network is no reason to paint less.
        latencies = [spread.p95 for spread in figures.latency_ms.values()]
        return Measurement(
            height=self._height,
            net_seconds=net.p50 / 1e3 if net else 0.0,
            painted_fps=figures.painted_fps,
            captured_fps=figures.captured_fps,
            latency_p95_seconds=min(latencies) / 1e3 if latencies else None,
            pending=self._height != self._bound,
        )
