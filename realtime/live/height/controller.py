"""At how many lines to paint, so that the frame rate or the latency that was asked for is kept.

A pure function of measurements: `decide(state, measurement, now)`. It goes down within about a second, by as many rungs
as it takes, and up only after three seconds in which the higher rung would have left a reserve. Between the two lies a
band in which nothing happens. A raise that had to be taken back is tried again later and later.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

from realtime.live.height.cost import CostModel, Costs, cost_model, with_cost

LADDER = (144, 180, 216, 240, 288, 360, 432, 480, 540, 648, 720, 864, 1080, 1440, 2160)
SETTLING_SECONDS = 0.4  # the first frames at a new height are slower than the rest
OVER_SECONDS = 0.6
ROOM_SECONDS = 3.0
TOO_MUCH = 1.05  # of what is allowed: from here on it goes down
LOWERED = 0.9  # of what is allowed, at the height it goes down to
RAISED = 0.82  # of what is allowed, at the height it goes up to
KEPT_SECONDS = 60.0  # a raise that held so long was right
FIRST_RETRY_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 320.0
NOTICED_SHARE = 0.93  # of the frames asked for: fewer are missed
LEAST_SHARE_OF_TARGET = 1 / 3  # of the frames: below, the source is taken to have paused


@dataclass(frozen=True, slots=True)
class Goals:
    """What was asked for: frames a second, and milliseconds from capture to the sink; None where nothing was."""

    target_fps: float | None = None
    max_latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured lately, all at `height`: the net's median per frame, the rates, and the 95th percentile of
    the latency, None where no sink tells it. While a change of height is `pending` nothing is decided."""

    height: int
    net_seconds: float
    painted_fps: float
    captured_fps: float
    latency_p95_seconds: float | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """To paint at `height` from now on, and why, in a line for people. Where even the lowest height is too slow,
    `height` is the present one and the line says so, once."""

    height: int
    line: str


@dataclass(frozen=True, slots=True)
class Retry:
    """A height that was tried in vain: it and all above wait until `not_before`, `wait_seconds` after the attempt."""

    height: int
    not_before: float
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class ControllerState:
    """What the controller remembers between two measurements."""

    goals: Goals
    ladder: tuple[int, ...]
    height: int = 0
    since: float = 0.0  # of the first measurement at this height
    costs: Costs = ()
    latency_seconds: float | None = None
    over_since: float | None = None
    room_since: float | None = None
    room_height: int = 0
    raised_at: float | None = None
    retry: Retry | None = None
    told_of_the_end: bool = False


Outcome: TypeAlias = "tuple[ControllerState, Decision | None]"


def ladder(source_height: int) -> tuple[int, ...]:
    """The heights to paint a source at, lowest first: the usual ones from 144 lines on, and the source's own."""
    return (*(height for height in LADDER if height < source_height), source_height)


def controller(goals: Goals, source_height: int) -> ControllerState:
    """The state to begin with; ValueError where nothing is asked for."""
    asked = (goals.target_fps, goals.max_latency_ms)
    if not any(asked) or any(goal is not None and goal <= 0 for goal in asked):
        raise ValueError(f"a controller needs a goal above 0, not {goals}")
    return ControllerState(goals, ladder(source_height))


def without(state: ControllerState, height: int) -> ControllerState:
    """The state once a height turned out to be impossible, as where no engine could be had for it."""
    rest = tuple(rung for rung in state.ladder if rung != height)
    return replace(state, ladder=rest or state.ladder)


def decide(state: ControllerState, measurement: Measurement, now: float) -> Outcome:
    """The next state, and a change of height where one is called for; to be called some five times a second."""
    if measurement.pending or measurement.painted_fps <= 0 or measurement.net_seconds <= 0:
        return replace(state, height=0, over_since=None, room_since=None), None
    if measurement.height != state.height:
        return _arrived(state, measurement.height, now), None
    if now - state.since < SETTLING_SECONDS:
        return state, None
    state = _learn(state, measurement)
    load = _Load(state, _fps(state.goals, measurement))
    if load.at(state.height) > TOO_MUCH:
        return _when_over(state, load, now)
    return _when_not_over(replace(state, over_since=None), load, now)


def _arrived(state: ControllerState, height: int, now: float) -> ControllerState:
    """At another height all begins anew; what it cost there some time ago counts no more."""
    costs = tuple((other, cost) for other, cost in state.costs if other != height)
    state = replace(state, height=height, since=now, costs=costs, latency_seconds=None)
    return replace(state, over_since=None, room_since=None)


def _fps(goals: Goals, measurement: Measurement) -> float | None:
    """The frames a second that can be asked of the painting: the source may give fewer than the target."""
    if goals.target_fps is None:
        return None
    return min(goals.target_fps, max(measurement.captured_fps, goals.target_fps * LEAST_SHARE_OF_TARGET))


def _learn(state: ControllerState, measurement: Measurement) -> ControllerState:
    """Take in a measurement. Where frames that came are missed, what the thread does besides the net counts too, up to
    as much as the net itself: beyond that another height would not help."""
    cost = measurement.net_seconds
    came = min(state.goals.target_fps or 0.0, measurement.captured_fps)
    if measurement.painted_fps < NOTICED_SHARE * came:
        cost = max(cost, min(1 / measurement.painted_fps, 2 * cost))
    latency = measurement.latency_p95_seconds
    if latency is not None and state.latency_seconds is not None:
        latency = 0.7 * state.latency_seconds + 0.3 * latency
    return replace(state, costs=with_cost(state.costs, state.height, cost), latency_seconds=latency)


class _Load:
    """How much of what is allowed a height takes: above 1 is too much."""

    def __init__(self, state: ControllerState, fps: float | None) -> None:
        self.fps = fps
        self.latency_seconds = state.latency_seconds
        self.cost_seconds = dict(state.costs)[state.height]
        self._model: CostModel = cost_model(state.costs, state.height)
        self._most_latency_ms = state.goals.max_latency_ms

    def at(self, height: int) -> float:
        return max(self._of_rate(height), self._of_latency(height))

    def predicted_ms(self, height: int) -> float:
        return 1e3 * self._model.seconds(height)

    @property
    def late(self) -> bool:
        """Whether it is the latency that is too much, at the present height."""
        return self._late_share(0.0) > self.cost_seconds * (self.fps or 0.0)

    def _of_rate(self, height: int) -> float:
        return 0.0 if self.fps is None else self._model.seconds(height) * self.fps

    def _of_latency(self, height: int) -> float:
        """A frame waits for the one before it and is then painted: the cost counts twice."""
        return self._late_share(2 * (self._model.seconds(height) - self.cost_seconds))

    def _late_share(self, more_seconds: float) -> float:
        if self._most_latency_ms is None or self.latency_seconds is None:
            return 0.0
        return 1e3 * (self.latency_seconds + more_seconds) / self._most_latency_ms


def _when_over(state: ControllerState, load: _Load, now: float) -> Outcome:
    over_since = now if state.over_since is None else state.over_since
    state = replace(state, over_since=over_since, room_since=None)
    if now - over_since < OVER_SECONDS:
        return state, None
    lower = [rung for rung in state.ladder if rung < state.height]
    why = _reason(state, load)
    if not lower:
        return _at_the_end(state, why)
    height = next((rung for rung in reversed(lower) if load.at(rung) <= LOWERED), lower[0])
    line = f"painting at {height} lines instead of {state.height}: {why}"
    taken_back = state.raised_at is not None and now - state.raised_at < KEPT_SECONDS
    retry = _later(state, now) if taken_back else state.retry
    return replace(state, height=0, over_since=None, raised_at=None, retry=retry), Decision(height, line)


def _reason(state: ControllerState, load: _Load) -> str:
    if load.late:
        asked = f"{state.goals.max_latency_ms:.0f} ms"
        return f"{1e3 * (load.latency_seconds or 0):.0f} ms from capture to picture are more than the {asked} asked for"
    return f"{1e3 * load.cost_seconds:.0f} ms a frame are too slow for {load.fps:.3g} fps"


def _at_the_end(state: ControllerState, why: str) -> Outcome:
    if state.told_of_the_end:
        return state, None
    line = f"painting at {state.height} lines, the fewest there are: {why}"
    return replace(state, told_of_the_end=True), Decision(state.height, line)


def _later(state: ControllerState, now: float) -> Retry:
    """The height was raised in vain: the wait for the next attempt doubles."""
    waited = state.retry.wait_seconds if state.retry else 0.0
    wait = min(LONGEST_RETRY_SECONDS, max(FIRST_RETRY_SECONDS, 2 * waited))
    return Retry(state.height, now + wait, wait)


def _when_not_over(state: ControllerState, load: _Load, now: float) -> Outcome:
    if state.raised_at is not None and now - state.raised_at >= KEPT_SECONDS:
        proved = state.retry is None or state.height >= state.retry.height
        state = replace(state, raised_at=None, retry=None if proved else state.retry)
    height = _highest_with_room(state, load, now)
    if height <= state.height:
        return replace(state, room_since=None), None
    since = state.room_since
    if since is None:
        return replace(state, room_since=now, room_height=height), None
    state = replace(state, room_height=min(height, state.room_height))
    if now - since < ROOM_SECONDS:
        return state, None
    return _raise(state, load, now)


def _highest_with_room(state: ControllerState, load: _Load, now: float) -> int:
    """The highest rung that would leave a reserve and that is not to wait; 0 where there is none."""
    retry = state.retry
    barred = retry.height if retry and now < retry.not_before else state.ladder[-1] + 1
    return max((rung for rung in state.ladder if rung < barred and load.at(rung) <= RAISED), default=0)


def _raise(state: ControllerState, load: _Load, now: float) -> Outcome:
    height = state.room_height
    line = f"painting at {height} lines instead of {state.height}: there is time for about"
    line = f"{line} {load.predicted_ms(height):.0f} ms a frame"
    state = replace(state, height=0, room_since=None, raised_at=now, told_of_the_end=False)
    return state, Decision(height, line)
