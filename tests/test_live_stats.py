"""What a live run measures, with a clock of our own."""

import json
import threading

import numpy as np
import pytest

from realtime.live.stats import MOST_RECENT, LiveStats, Percentiles

SHARES = {"p50": 50, "p95": 95, "p99": 99}


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stats(clock: Clock) -> LiveStats:
    return LiveStats(clock)


def test_rates_are_those_of_the_last_five_seconds(stats: LiveStats, clock: Clock) -> None:
    for number in range(600):
        clock.seconds += 1 / 30 if number < 300 else 1 / 15
        stats.captured()
        if number % 2:
            stats.painted()
    recent, totals = stats.now(), stats.totals()
    assert recent.seconds == pytest.approx(5)
    assert recent.captured_fps == pytest.approx(15, abs=0.3)
    assert recent.painted_fps == pytest.approx(7.5, abs=0.3)
    assert (totals.captured, totals.painted) == (600, 300)
    assert totals.seconds == pytest.approx(30)
    assert totals.captured_fps == pytest.approx(20)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("fps", [3, 14.9, 30])
def test_rates_of_a_short_time_are_not_off_by_a_frame(
    stats: LiveStats, clock: Clock, fps: float, seconds: float
) -> None:
    for _ in range(int(8 * fps)):
        clock.seconds += 1 / fps
        stats.painted()
    clock.seconds += 0.4 / fps
    assert stats.now(seconds).painted_fps == pytest.approx(fps)
    clock.seconds += 6
    assert stats.now(seconds).painted_fps == 0


def test_a_pause_lowers_the_rate_while_it_lasts(stats: LiveStats, clock: Clock) -> None:
    for _ in range(60):
        clock.seconds += 1 / 30
        stats.captured()
    clock.seconds += 2
    assert stats.now().captured_fps == pytest.approx(15, abs=0.2)


def test_a_shorter_time_may_be_asked_for(stats: LiveStats, clock: Clock) -> None:
    for seconds in (0.040, 0.020):
        for _ in range(20):
            clock.seconds += 0.05
            stats.stage("net", seconds)
    assert stats.now(0.9).stage_ms["net"].most == pytest.approx(20)
    assert stats.now().stage_ms["net"].most == pytest.approx(40)
    assert stats.now(60).seconds == pytest.approx(2)


def test_nothing_measured_is_nothing_shown(stats: LiveStats) -> None:
    for figures in (stats.now(), stats.totals()):
        assert (figures.captured_fps, figures.painted_fps, figures.coded_ms) == (0, 0, None)
        assert not figures.stage_ms
        assert not figures.latency_ms
        assert not figures.dropped


def test_percentiles_of_the_last_seconds_are_numpys(stats: LiveStats, clock: Clock) -> None:
    times = np.random.default_rng(1).gamma(4, 0.01, 140)
    for seconds in times:
        clock.seconds += 1 / 30
        stats.delivered("window", seconds)
    found = stats.now().latency_ms["window"]
    for name, share in SHARES.items():
        assert getattr(found, name) == pytest.approx(1e3 * np.percentile(times, share))
    assert found.jitter == pytest.approx(1e3 * np.abs(np.diff(times)).mean())
    assert found.most == pytest.approx(1e3 * times.max())
    assert found.count == 140


@pytest.mark.parametrize("scale", [1e-4, 0.03, 40.0])
def test_percentiles_of_the_whole_run_are_within_a_percent(stats: LiveStats, clock: Clock, scale: float) -> None:
    times = np.random.default_rng(2).gamma(4, scale, 20_000)
    for seconds in times:
        clock.seconds += 1 / 30
        stats.stage("net", seconds)
    found = stats.totals().stage_ms["net"]
    for name, share in SHARES.items():
        assert getattr(found, name) == pytest.approx(1e3 * np.percentile(times, share), rel=0.01)
    assert found.jitter == pytest.approx(1e3 * np.abs(np.diff(times)).mean())
    assert found.most == pytest.approx(1e3 * times.max())
    assert found.count == 20_000


def test_one_value_is_every_percentile(stats: LiveStats) -> None:
    stats.coded(0.05)
    assert stats.now().coded_ms == Percentiles(1, 50, 50, 50, 0, 50)
    totals = stats.totals().coded_ms
    assert totals is not None
    assert totals.p50 == totals.p99 == pytest.approx(50, rel=0.01)
    assert (totals.count, totals.jitter, totals.most) == (1, 0, 50)


def test_times_of_zero_and_below_are_counted(stats: LiveStats) -> None:
    stats.stage("capture", 0.0)
    stats.stage("capture", -0.001)
    assert stats.totals().stage_ms["capture"].count == 2


def test_drops_are_counted_where_they_happen(stats: LiveStats, clock: Clock) -> None:
    stats.dropped("capture", 3)
    clock.seconds += 6
    stats.dropped("window")
    assert stats.now().dropped == {"window": 1}
    assert stats.totals().dropped == {"capture": 3, "window": 1}


def test_memory_is_bounded(stats: LiveStats, clock: Clock) -> None:
    """Days of frames, all of other lengths, leave no more than the bins; a flood leaves no more than the bound."""
    for seconds in np.geomspace(1e-6, 100, 50_000):
        stats.stage("net", seconds)
        stats.captured()
    assert len(stats._stages["net"]._bins) < 2000
    assert len(stats._stages["net"]._recent) == MOST_RECENT
    clock.seconds += 60
    stats.stage("net", 0.01)
    assert len(stats._stages["net"]._recent) == 2


def test_many_threads_lose_no_frame(stats: LiveStats) -> None:
    def work() -> None:
        for _ in range(500):
            stats.captured()
            stats.stage("net", 0.01)
            stats.dropped("null")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = stats.totals()
    assert (totals.captured, totals.stage_ms["net"].count, totals.dropped["null"]) == (2000, 2000, 2000)


def test_figures_are_written_as_json(stats: LiveStats, clock: Clock) -> None:
    clock.seconds += 3
    stats.painted()
    stats.delivered("window", 0.0123456)
    read = json.loads(json.dumps(stats.now().as_dict()))
    assert read["seconds"] == 3
    assert read["latency_ms"]["window"]["p50"] == 12.346
    assert read["coded_ms"] is None
