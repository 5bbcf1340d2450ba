"""A sink on its own thread: slow, broken, gone and back."""

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count

import pytest
from fakes import RATE, RememberingSink, numbered_pixels

from engines.errors import ImpastoError
from realtime.frame import Frame, SignalLost, Sink, SinkHabits
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveStats

PATIENCE_SECONDS = 20.0


def frame(number: int) -> Frame:
    return Frame(numbered_pixels(number, (32, 16)), number / 25, captured_at=float(number))


class WaitingSink(RememberingSink):
    """Takes a frame only when it is let; tells when it has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)

    def write(self, frame: Frame) -> None:
        self.begun.release()
        assert self.let.acquire(timeout=PATIENCE_SECONDS)
        super().write(frame)


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


class Bench:
    """A lane with what it needs around it."""

    def __init__(self, open_sink: Callable[[], Sink], sink: Sink | None = None, rate: Fraction = RATE) -> None:
        self.stats = LiveStats()
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.lane = SinkLane(
            "one", open_sink, sink, rate=rate, stats=self.stats, report=self.lines.append, stop=self.stop
        )
        self.thread = threading.Thread(target=self.lane.run, name="impasto-sink-one")

    def __enter__(self) -> "Bench":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lane.finish()
        self.stop.set()
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()


def never() -> Sink:
    raise AssertionError("an open sink is not opened again")


def test_every_frame_is_written_where_the_sink_keeps_up() -> None:
    sink = WaitingSink()
    with Bench(never, sink) as bench:
        for number in range(5):
            bench.lane.put(frame(number))
            assert sink.begun.acquire(timeout=PATIENCE_SECONDS)
            sink.let.release()
    assert sink.numbers == [0, 1, 2, 3, 4]
    assert sink.closed
    assert bench.stats.totals().dropped == {}
    assert bench.stats.totals().latency_ms["one"].count == 5


def test_a_slow_sink_gets_the_newest_frame_and_the_rest_is_counted() -> None:
    sink = WaitingSink()
    with Bench(never, sink) as bench:
        bench.lane.put(frame(0))
        assert sink.begun.acquire(timeout=PATIENCE_SECONDS)
        for number in range(1, 10):
            bench.lane.put(frame(number))
        sink.let.release(2)
    assert sink.numbers == [0, 9]
    assert bench.stats.totals().dropped == {"one": 8}


def test_a_broken_sink_ends_its_lane_with_a_line() -> None:
    sink = RememberingSink(fails_at=1)
    with Bench(never, sink) as bench:
        bench.lane.put(frame(0))
        while not sink.numbers and bench.thread.is_alive():
            pass
        bench.lane.put(frame(1))
        bench.thread.join(PATIENCE_SECONDS)
    assert isinstance(bench.lane.error, OSError)
    assert bench.lines == ["one has stopped: [Errno 28] No space left on device"]
    assert sink.closed


class LosingSink(RememberingSink):
    """Is gone at its second frame."""

    def write(self, frame: Frame) -> None:
        if self.numbers:
            raise SignalLost("the server closed the connection")
        super().write(frame)


def feed_until(bench: Bench, done: Callable[[], bool]) -> None:
    """Frames as a live source gives them: on and on."""
    pause = threading.Event()
    for number in count():
        if done() or number > 2000:
            return
        bench.lane.put(frame(number))
        pause.wait(0.01)


def test_a_lost_sink_is_opened_again_and_told_once() -> None:
    second = RememberingSink()
    answers: Iterator[Callable[[], Sink]] = iter([refuse, lambda: second])
    with Bench(lambda: next(answers)(), LosingSink()) as bench:
        feed_until(bench, lambda: len(second.numbers) > 2)
    assert len(second.numbers) > 2
    assert second.closed
    assert bench.lines[0].startswith("one is lost (the server closed the connection)")
    assert bench.lines[1].startswith("one is back after")
    assert len(bench.lines) == 2
    assert bench.lane.trouble is None


class RefusedSink(LosingSink):
    """One that should have taken more before it may be gone."""

    habits = SinkHabits(proving_seconds=60.0)


def test_a_sink_that_is_lost_as_soon_as_it_began_was_refused() -> None:
    with Bench(never, RefusedSink()) as bench:
        feed_until(bench, lambda: not bench.thread.is_alive())
    assert bench.lines == [f"one has stopped: {bench.lane.error}"]
    assert str(bench.lane.error).startswith("the server closed the connection as soon as it began; look at")


def refuse() -> Sink:
    raise ImpastoError("connection refused")


def test_a_lane_that_is_lost_ends_when_it_is_stopped() -> None:
    with Bench(refuse, LosingSink()) as bench:
        feed_until(bench, lambda: bool(bench.lines))
        bench.stop.set()
        bench.thread.join(PATIENCE_SECONDS)
        assert not bench.thread.is_alive()


def test_a_sink_that_is_opened_on_the_lane_and_cannot_be_ends_it() -> None:
    with Bench(refuse) as bench:
        bench.thread.join(PATIENCE_SECONDS)
    assert str(bench.lane.error) == "connection refused"


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


def test_what_fails_to_close_is_told() -> None:
    with Bench(never, RememberingSink(fails_to_close=True)) as bench:
        bench.lane.put(frame(0))
    assert "No space left" in bench.lines[0]


@pytest.mark.parametrize(
    ("error", "line"),
    [(SignalLost("gone"), "one is lost (gone)"), (RuntimeError("a plugin's own"), "one has stopped: a plugin's own")],
)
def test_a_window_may_fail_while_no_frame_comes(error: Exception, line: str) -> None:
    class Idle(RememberingSink):
        def idle(self) -> None:
            raise error

    sink = Idle()
    with Bench(refuse, sink) as bench:
        while not sink.closed:
            bench.stop.wait(0.01)
    assert bench.lines[0].startswith(line)


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


def test_a_broken_sink_drops_nothing_any_more() -> None:
    with Bench(never, RememberingSink(fails_at=0)) as bench:
        bench.lane.put(frame(0))
        bench.thread.join(PATIENCE_SECONDS)
        for number in range(1, 9):
            bench.lane.put(frame(number))
    assert bench.stats.totals().dropped == {}
    assert isinstance(bench.lane.trouble, OSError)


def test_what_a_lost_sink_misses_is_counted_and_its_trouble_lasts() -> None:
    with Bench(refuse, LosingSink()) as bench:
        feed_until(bench, lambda: bench.stats.totals().dropped.get("one", 0) > 3)
    assert bench.lane.error is None
    assert isinstance(bench.lane.trouble, SignalLost)


def test_a_sink_that_is_lost_while_it_ends_is_not_promised_back() -> None:
    class LostAtTheEnd(RememberingSink):
        def close(self) -> None:
            raise SignalLost("nothing arrives")

    with Bench(never, LostAtTheEnd()) as bench:
        bench.lane.put(frame(0))
    assert bench.lines == ["one is lost (nothing arrives)"]
    assert isinstance(bench.lane.trouble, SignalLost)


def test_an_abort_on_the_main_thread_is_no_error_of_the_sink() -> None:
    class Aborted(RememberingSink):
        def write(self, frame: Frame) -> None:
            raise KeyboardInterrupt

    bench = Bench(never, Aborted())
    bench.lane.put(frame(0))
    with pytest.raises(KeyboardInterrupt):
        bench.lane.step(0)
    assert bench.lane.error is None
