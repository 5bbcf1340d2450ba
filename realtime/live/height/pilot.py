"""Keeps to the frame rate or the latency that was asked for, by the height at which the net paints."""

from collections.abc import Callable
from fractions import Fraction

from realtime.live.height.controller import LADDER, Goals, Measurement, controller, decide, without
from realtime.live.height.paint_size import PaintSize
from realtime.live.stats import LiveStats
from realtime.painting.painter import Painting

TURN_SECONDS = 0.2
MEASURED_SECONDS = 1.0
AUTO_FPS = 24.0  # what film runs at: above it, more detail is worth more than more frames
AUTO_LEAST_HEIGHT = 240  # below, enlarged brush strokes are no picture any more: who wants that asks for it


def goals_for(
    target_fps: float | None, max_latency_ms: float | None, height: int | None, fps_cap: Fraction | None
) -> Goals | None:
    """What to keep to: nothing where a person chose the height alone, and film's rate where they chose nothing."""
    if target_fps is None and max_latency_ms is None:
        if height is not None:
            return None
        target_fps = AUTO_FPS
    if target_fps is not None and fps_cap is not None:
        target_fps = min(target_fps, float(fps_cap))
    return Goals(target_fps, max_latency_ms)


class HeightPilot:
    """Measures now and then, asks the controller, and sets the height; every change is reported with its reason.

    It never goes below `least_height`, unless the source has fewer lines.
    """

    def __init__(
        self,
        goals: Goals,
        source_height: int,
        paint_size: PaintSize,
        stats: LiveStats,
        report: Callable[[str], None],
        *,
        least_height: int = LADDER[0],
    ) -> None:
        state = controller(goals, source_height)
        for height in state.ladder:
            state = without(state, height) if height < min(least_height, source_height) else state
        self._state = state
        paint_size.height = min(paint_size.height, source_height)  # what is painted at is told so too
        self._paint_size, self._stats, self._report = paint_size, stats, report
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
        painted_height = painting.spec.height if painting is not None and painting.spec is not None else 0
        if painted_height != self._height:
            self._height, self._since = painted_height, now
        if failed and painted_height not in (0, self._paint_size.height):
            self._state = without(self._state, self._paint_size.height)
            self._paint_size.height = painted_height
        self._state, decision = decide(self._state, self._measurement(now), now)
        if decision is not None:
            self._report(decision.line)
            self._paint_size.height = decision.height

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
            pending=not self._height or self._height != self._paint_size.height,
        )
