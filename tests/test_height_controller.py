"""The height controller on simulated painters: it arrives, it stays, and it says why. No clock is involved."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from realtime.live.height.controller import Decision, Goals, Measurement, controller, decide, ladder, without
from realtime.live.height.cost import cost_model, with_cost

STEP_SECONDS = 0.2
LOADING_SECONDS = 1.0
Cost = Callable[[int, float], float]  # seconds a frame, at a height and a time


@dataclass
class Painter:
    """A painter of a source of `captured_fps`; a change of height takes a second, while it paints on as before."""

    cost: Cost
    goals: Goals
    height: int = 720
    source_height: int = 720
    captured_fps: float = 30.0
    noise: float = 0.0
    other_latency_seconds: float = 0.01
    changes: list[tuple[float, Decision]] = field(default_factory=list)

    def run(self, seconds: float) -> "Painter":
        self._random = np.random.default_rng(6)
        state = controller(self.goals, self.source_height)
        ready_at, now = -1.0, 0.0
        for step in range(round(seconds / STEP_SECONDS)):
            now = step * STEP_SECONDS
            if ready_at >= 0 and now >= ready_at:
                ready_at, self.height = -1.0, self.changes[-1][1].height
            state, decision = decide(state, self.measure(now, pending=ready_at >= 0), now)
            if decision is not None:
                self.changes.append((now, decision))
                ready_at = now + LOADING_SECONDS
        return self

    def measure(self, now: float, *, pending: bool) -> Measurement:
        """Over the frames of the last second."""
        frames = np.sort(self._random.uniform(1 - self.noise, 1 + self.noise, 21)) * self.cost(self.height, now)
        painted_fps = min(self.captured_fps, 1 / float(frames.mean()))
        latency = 2 * float(frames[19]) + self.other_latency_seconds
        return Measurement(self.height, float(frames[10]), painted_fps, self.captured_fps, latency, pending)

    @property
    def heights(self) -> list[int]:
        return [decision.height for _, decision in self.changes]

    @property
    def arrived_seconds(self) -> float:
        return self.changes[-1][0] + LOADING_SECONDS


def by_pixels(ms_at_360: float, fixed_ms: float = 0.0) -> Cost:
    return lambda height, now: 1e-3 * (fixed_ms + ms_at_360 * (height / 360) ** 2)


FPS_24 = Goals(target_fps=24)


def test_a_cost_that_fits_changes_nothing() -> None:
    assert not Painter(by_pixels(5), FPS_24, height=720).run(120).changes


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("fixed_ms", [0, 8])
@pytest.mark.parametrize("ms_at_360", [5, 20, 45, 120])
@pytest.mark.parametrize("start", [144, 360, 720])
def test_it_arrives_within_ten_seconds_and_stays(start: int, ms_at_360: float, fixed_ms: float, noise: float) -> None:
    painter = Painter(by_pixels(ms_at_360, fixed_ms), FPS_24, start, noise=noise).run(90)
    early = [at for at, _ in painter.changes if at < 12]
    assert len(painter.changes) - len(early) <= 2, painter.changes
    assert len(early) <= 4
    share = painter.cost(painter.height, 0) * 24
    assert share < 1.06 or painter.height == 144
    higher = [rung for rung in ladder(720) if rung > painter.height]
    assert not higher or painter.cost(higher[min(1, len(higher) - 1)], 0) * 24 > 0.6


def test_what_is_far_too_slow_is_lowered_by_several_rungs_within_two_seconds() -> None:
    painter = Painter(by_pixels(30), FPS_24, height=720).run(60)
    first_at, first = painter.changes[0]
    assert first_at <= 1.6
    assert first.height == 360
    assert painter.heights == [360]
    assert first.line == "painting at 360 lines instead of 720: 120 ms a frame are too slow for 24 fps"


def test_a_load_that_comes_and_goes_is_followed() -> None:
    def cost(height: int, now: float) -> float:
        return by_pixels(20)(height, now) * (2.5 if 60 <= now < 120 else 1.0)

    painter = Painter(cost, FPS_24, height=432).run(240)
    down = [(at, decision.height) for at, decision in painter.changes if 60 <= at < 120]
    assert 60 < down[0][0] < 62
    assert len(down) <= 2
    assert painter.height == 432
    assert 123 <= painter.arrived_seconds < 140
    assert len(painter.changes) <= 6
    assert "there is time for about" in painter.changes[-1][1].line


@pytest.mark.parametrize("share", [0.82, 0.9, 1.0, 1.05, 1.1])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_cost_at_the_border_does_not_make_it_swing(share: float, noise: float) -> None:
    """Five minutes; the height whose cost is at the border is the present one, or the next."""
    for start in (288, 360):
        painter = Painter(by_pixels(1e3 * share / 24), FPS_24, start, noise=noise).run(300)
        assert len(painter.changes) <= 4, painter.changes


def test_a_raise_that_fails_is_tried_less_and_less_often() -> None:
    """A painter whose cost nobody can foresee: high only where it is tried."""

    def cost(height: int, now: float) -> float:
        return 0.060 if height >= 360 else 0.020 * (height / 288) ** 2

    painter = Painter(cost, FPS_24, height=288).run(600)
    raised = [at for at, decision in painter.changes if decision.height >= 360]
    waits = np.diff(raised)
    assert 3 <= len(raised) <= 8
    assert (waits[1:] > 1.3 * waits[:-1]).all()


@pytest.mark.parametrize(("most_ms", "height"), [(60, 240), (120, 360), (330, 720)])
def test_a_latency_is_kept(most_ms: float, height: int) -> None:
    painter = Painter(by_pixels(36), Goals(max_latency_ms=most_ms), height=720, noise=0.05).run(120)
    last = painter.measure(120, pending=False).latency_p95_seconds
    assert last is not None
    assert 1e3 * last < 1.05 * most_ms
    assert painter.height == height
    for _, decision in painter.changes[:1]:
        assert f"from capture to picture are more than the {most_ms} ms asked for" in decision.line


def test_both_goals_hold_at_once() -> None:
    painter = Painter(by_pixels(20), Goals(24, 60), height=720).run(120)
    cost = painter.cost(painter.height, 0)
    assert cost * 24 < 1.05
    assert 2 * cost + 0.01 < 1.05 * 0.060


def test_no_more_is_asked_than_the_source_gives() -> None:
    """15 fps of 24 are all that come: 50 ms a frame are in time."""
    painter = Painter(by_pixels(50), FPS_24, height=360, source_height=360, captured_fps=15).run(60)
    assert not painter.changes


def test_a_source_that_pauses_is_no_reason_to_raise_by_much() -> None:
    painter = Painter(by_pixels(40), FPS_24, height=360, captured_fps=1).run(60)
    assert painter.height <= 540


def test_other_work_of_the_thread_counts_but_not_beyond_the_net() -> None:
    """A net of 5 ms is not to blame for 10 fps."""
    state = controller(FPS_24, 360)
    for step in range(50):
        state, decision = decide(state, Measurement(360, 0.005, 10, 30), step * STEP_SECONDS)
        assert decision is None
    for step in range(50, 100):
        state, decision = decide(state, Measurement(360, 0.035, 18, 30), step * STEP_SECONDS)
        if decision is not None:
            break
    assert decision is not None
    assert re.search("5[0-9] ms a frame are too slow for 24 fps", decision.line)


def test_at_the_lowest_height_it_says_so_once() -> None:
    painter = Painter(by_pixels(500), FPS_24, height=144).run(60)
    assert painter.heights == [144]
    assert painter.changes[0][1].line.startswith("painting at 144 lines, the fewest there are: 80 ms a frame")


def test_nothing_is_decided_while_a_change_is_pending_nor_on_old_figures() -> None:
    state = controller(FPS_24, 720)
    for step in range(100):
        pending = Measurement(720, 0.2, 5, 30, pending=True)
        state, decision = decide(state, pending, step * STEP_SECONDS)
        assert decision is None
    state, decision = decide(state, Measurement(720, 0.2, 5, 30), 20.0)
    assert decision is None


def test_a_frozen_picture_is_no_measurement() -> None:
    state = controller(FPS_24, 720)
    for step in range(100):
        state, decision = decide(state, Measurement(720, 0.2, 0, 30), step * STEP_SECONDS)
        assert decision is None


def test_a_height_without_an_engine_is_not_asked_for_again() -> None:
    state = without(controller(FPS_24, 360), 288)
    assert state.ladder == (144, 180, 216, 240, 360)
    assert without(controller(FPS_24, 100), 100).ladder == (100,)


@pytest.mark.parametrize("source_height", [100, 144, 145, 360, 362, 1080, 4320])
def test_the_ladder_ends_with_the_source(source_height: int) -> None:
    rungs = ladder(source_height)
    assert rungs[-1] == source_height
    assert list(rungs) == sorted(set(rungs))
    assert all(rung >= 144 and rung % 4 == 0 for rung in rungs[:-1])


@pytest.mark.parametrize("goals", [Goals(), Goals(target_fps=0), Goals(target_fps=24, max_latency_ms=-1)])
def test_a_goal_is_above_zero(goals: Goals) -> None:
    with pytest.raises(ValueError, match="needs a goal above 0"):
        controller(goals, 360)


def test_the_cost_model_learns_the_fixed_part() -> None:
    costs = with_cost(with_cost((), 360, 0.030), 720, 0.090)
    model = cost_model(costs, 360)
    assert model.fixed_share == pytest.approx(1 / 3)
    assert model.seconds(720) == pytest.approx(0.090)
    assert cost_model(((360, 0.03),), 360).seconds(720) == pytest.approx(0.12)


@pytest.mark.parametrize("captured_fps", [1.0, 2.0, 4.0, 6.0])
def test_a_slow_source_is_not_taken_for_a_slow_net(captured_fps: float) -> None:
    """A camera in the dark, or a folder of pictures: every one that comes is painted."""
    painter = Painter(lambda _height, _now: 0.11, Goals(24.0), 360, 360, captured_fps=captured_fps).run(60)
    assert painter.changes == []
