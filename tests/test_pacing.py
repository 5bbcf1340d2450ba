"""Steady rates, caps and waits between attempts, all without a clock."""

from fractions import Fraction

import numpy as np
import pytest

from realtime.frames.pacing import Ticker, backoff_seconds, failures_after, next_allowed

RATES = [Fraction(30), Fraction(25), Fraction(30_000, 1001), Fraction(60), Fraction(15, 2)]


@pytest.mark.parametrize("rate", RATES)
def test_ten_minutes_of_jittery_wakeups_drift_by_less_than_a_frame(rate: Fraction) -> None:
    """Who wakes up late, at times by several frames, still ends on the grid and never twice at one tick."""
    random = np.random.default_rng(1)
    ticker = Ticker(rate, start=4711.123)
    now, tick, taken = 4711.123, 0, []
    while now < 4711.123 + 600:
        now += ticker.wait_seconds(now, tick) + random.exponential(0.003) + (random.random() < 0.01) * 0.2
        newest = ticker.newest_tick(now)
        assert newest >= tick
        taken.append((newest, now))
        tick = newest + 1
    ticks = [one for one, _ in taken]
    assert ticks == sorted(set(ticks))
    assert len(ticks) > 0.8 * 600 * rate
    last, at = taken[-1]
    assert 0 <= at - (4711.123 + last / float(rate)) < 1 / rate
    assert last > 600 * rate - 0.3 * rate


@pytest.mark.parametrize("rate", RATES)
def test_the_time_of_a_tick_is_a_time_when_it_is_due(rate: Fraction) -> None:
    ticker = Ticker(rate, start=98_765.4321)
    for tick in (*range(2000), 10**6, 10**7 + 1):
        assert ticker.newest_tick(ticker.seconds_of(tick)) == tick
        assert ticker.wait_seconds(ticker.seconds_of(tick), tick) < 1e-6


def test_ticks_are_counted_from_the_start() -> None:
    ticker = Ticker(Fraction(10), start=5.0)
    assert [ticker.newest_tick(now) for now in (4.0, 5.0, 5.05, 5.1, 6.0)] == [-10, 0, 0, 1, 10]
    assert ticker.wait_seconds(4.0, 0) == pytest.approx(1)
    assert ticker.wait_seconds(5.3, 2) == 0


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(-1)])
def test_a_rate_is_above_zero(rate: Fraction) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Ticker(rate, 0.0)


def passed(times: list[float], cap: Fraction | None) -> list[int]:
    """The numbers of the frames that a cap lets pass."""
    last: float | None = None
    numbers = []
    for number, now in enumerate(times):
        allowed = next_allowed(last, cap, now)
        if allowed is not None:
            last = allowed
            numbers.append(number)
    return numbers


def arrivals(rate: float, seconds: float, jitter_seconds: float = 0.0) -> list[float]:
    """When the frames of a source come, each a little early or late."""
    random = np.random.default_rng(2)
    count = int(rate * seconds)
    return [number / rate + random.uniform(-jitter_seconds, jitter_seconds) for number in range(count)]


@pytest.mark.parametrize("jitter_seconds", [0.0, 0.004])
@pytest.mark.parametrize(("cap", "every"), [(15, 2), (10, 3), (30, 1)])
def test_a_cap_lets_an_even_share_of_a_steady_source_pass(cap: int, every: int, jitter_seconds: float) -> None:
    numbers = passed(arrivals(30, 60, jitter_seconds), Fraction(cap))
    assert numbers == list(range(0, 1800, every))


@pytest.mark.parametrize(("rate", "cap"), [(30, 24), (30, 20), (29.97, 30), (60, 24), (30.2, 30), (50, 60)])
def test_a_cap_holds_on_average(rate: float, cap: int) -> None:
    numbers = passed(arrivals(rate, 60), Fraction(cap))
    assert len(numbers) == pytest.approx(60 * min(rate, cap), abs=2)


def test_a_pause_is_not_made_up_for() -> None:
    times = [*arrivals(30, 2), *(10 + time for time in arrivals(30, 2))]
    assert passed(times, Fraction(15)) == list(range(0, 120, 2))


def test_without_a_cap_every_frame_passes() -> None:
    assert passed(arrivals(240, 1), None) == list(range(240))


def test_attempts_come_less_and_less_often() -> None:
    assert [backoff_seconds(failures) for failures in range(8)] == [0, 0.5, 1, 2, 4, 8, 8, 8]
    assert backoff_seconds(10**6) == 8


def test_ten_seconds_of_good_work_forgive_the_past() -> None:
    assert failures_after(0, 0.0) == 1
    assert failures_after(5, 9.9) == 6
    assert failures_after(5, 10.0) == 1
