"""A sink that wants a steady rate: each frame once where it can be, and one for every tick."""

import threading
from fractions import Fraction

import pytest
from fakes import RememberingSink
from lane_bench import PATIENCE_SECONDS, Bench, feed_until, frame, never

from realtime.frames.frame import Frame, SinkHabits


class SteadySink(RememberingSink):
    """Wants 100 frames a second; tells when it has so many."""

    habits = SinkHabits(steady=True)

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.enough = threading.Event()
        self._wanted = enough

    def write(self, frame: Frame) -> None:
        super().write(frame)
        if len(self.numbers) >= self._wanted:
            self.enough.set()


def test_a_steady_sink_gets_the_last_frame_again_with_its_ticks_counted() -> None:
    sink = SteadySink(enough=5)
    with Bench(never, sink, Fraction(100)) as bench:
        bench.lane.put(frame(7))
        assert sink.enough.wait(PATIENCE_SECONDS)
    assert set(sink.numbers) == {7}
    ticks = [pts for pts, _ in sink.times if pts is not None]
    assert ticks == sorted(set(ticks))
    assert ticks[0] == 0
    assert sink.times[0][1] == Fraction(1, 100)
    assert bench.stats.totals().latency_ms["one"].count == 1


def test_a_steady_sink_leaves_out_what_comes_too_often() -> None:
    sink = SteadySink(enough=3)
    with Bench(never, sink, Fraction(50)) as bench:
        feed_until(bench, sink.enough.is_set)
    assert sink.numbers == sorted(sink.numbers)
    assert bench.stats.totals().dropped == {}


def test_a_steady_sink_gets_the_last_frame_of_all() -> None:
    """Also where it comes before its tick."""
    sink = SteadySink(enough=1)
    with Bench(never, sink, Fraction(1, 100)) as bench:
        bench.lane.put(frame(0))
        assert sink.enough.wait(PATIENCE_SECONDS)
        bench.lane.put(frame(1))
    assert sink.numbers == [0, 1]
    assert [pts for pts, _ in sink.times] == [0, 1]


@pytest.mark.parametrize("late", [-0.2, 0.0, 0.4])
def test_frames_that_come_about_their_ticks_are_written_once_each(late: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame is shown twice and none is lost, although they never come at the very moment."""
    now = 100.0
    monkeypatch.setattr("realtime.live.sink_lane.time.perf_counter", lambda: now)
    sink = SteadySink(enough=1)
    bench = Bench(never, sink, Fraction(1))
    for number in range(8):
        now = 100.0 + number + (late if number % 2 else 0.0)
        bench.lane.step(0.0)
        bench.lane.put(frame(number))
        bench.lane.step(0.0)
    assert sink.numbers == list(range(8))
    assert [pts for pts, _ in sink.times] == list(range(8))


def test_a_steady_sink_is_not_kept_waiting_for_a_late_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("realtime.live.sink_lane.time.perf_counter", lambda: now)
    sink = SteadySink(enough=1)
    bench = Bench(never, sink, Fraction(1))
    bench.lane.put(frame(0))
    for quarter in range(9):
        now = 100.0 + quarter / 4
        bench.lane.step(0.0)
    assert sink.numbers == [0, 0]
    bench.lane.put(frame(1))
    bench.lane.step(0.0)
    assert sink.numbers == [0, 0, 1]
    assert [pts for pts, _ in sink.times] == [0, 1, 2]


def test_a_steady_sink_gets_no_frame_twice_at_the_end() -> None:
    sink = SteadySink(enough=1)
    with Bench(never, sink, Fraction(1, 100)) as bench:
        bench.lane.put(frame(0))
        assert sink.enough.wait(PATIENCE_SECONDS)
    assert sink.numbers == [0]
