"""When the next thing is due: steady rates, a cap, and the next try of what failed.

All in seconds of one monotonic clock that the caller reads; nothing here waits.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

SLACK_SECONDS = Fraction(1, 1_000_000)  # a time rounded to a float must not miss its own tick
EARLY = 0.25  # of an interval: a frame that comes so much too early still counts as the one that is due
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 8.0
GOOD_WORK_SECONDS = 10.0
FALLBACK_RATE = Fraction(30)
MOST_RATE = 240  # a film that tells more tells the ticks of its clock


@dataclass(frozen=True, slots=True)
class Ticker:
    """A steady rate: tick n is due at `start` + n / `rate`, whatever was late before it.

    Who wakes up late takes the newest tick and leaves out those between, so that the grid never shifts. Times are exact
    fractions inside: hours at 30000/1001 a second end where they should.
    """

    rate: Fraction
    start: float

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"a rate is above 0, not {self.rate}")

    def newest_tick(self, now: float) -> int:
        """The number of the newest tick that is due; below 0 before the start."""
        return floor((Fraction(now) - Fraction(self.start) + SLACK_SECONDS) * self.rate)

    def seconds_of(self, tick: int) -> float:
        """When a tick is due."""
        return float(Fraction(self.start) + tick / self.rate)

    def wait_seconds(self, now: float, tick: int) -> float:
        """How long until a tick is due; 0 where it is."""
        return max(0.0, float(Fraction(self.start) + tick / self.rate - Fraction(now)))


class Reopening:
    """Counts the failures in a row of one source or sink; times are seconds of one monotonic clock."""

    def __init__(self, opened_at: float) -> None:
        self._failures = 0
        self._opened_at: float | None = opened_at
        self._lost_at = opened_at
        self._retry_at = opened_at

    @property
    def retry_at(self) -> float:
        """When it may be opened again."""
        return self._retry_at

    def failed(self, now: float) -> None:
        """It was lost, or could not be opened."""
        if self._opened_at is not None:
            self._lost_at = now
        good_seconds = 0.0 if self._opened_at is None else now - self._opened_at
        self._opened_at = None
        self._failures = failures_after(self._failures, good_seconds)
        self._retry_at = now + backoff_seconds(self._failures)

    def opened(self, now: float) -> float:
        """It is back; tells for how many seconds it was away."""
        self._opened_at = now
        return now - self._lost_at


def next_allowed(last: float | None, rate: Fraction | None, now: float) -> float | None:
    """Whether a frame that comes `now` passes a cap of `rate` frames a second: None where it is one too many.

    Otherwise the time to give as `last` for the frame after it; `last` is None before the first. These times lie on a
    grid, so that a cap of 15 lets exactly every second frame of 30 pass although frames come a little early or late.
    Who comes more than an interval too late begins a new grid: a pause is not made up for by a burst. Without a `rate`
    every frame passes.
    """
    if rate is None or last is None:
        return now
    interval = float(1 / rate)
    due = last + interval
    if now < due - EARLY * interval:
        return None
    return now if now > due + interval else due


def sink_rate(source_rate: Fraction | None) -> Fraction:
    """The frames a second that sinks are opened for."""
    return source_rate if source_rate and 0 < source_rate <= MOST_RATE else FALLBACK_RATE


def backoff_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row: 0.5, 1, 2, 4, 8, 8 … seconds; nothing after none."""
    if failures < 1:
        return 0.0
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, 16))


def failures_after(failures: int, good_seconds: float) -> int:
    """The failures in a row once one more came after so many seconds of good work: ten of them forgive the past."""
    return 1 if good_seconds >= GOOD_WORK_SECONDS else failures + 1
