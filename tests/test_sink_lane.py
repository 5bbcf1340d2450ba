"""A sink on its own thread: slow, broken, gone and back."""

import threading
from collections.abc import Callable, Iterator

import pytest
from fakes import RememberingSink
from lane_bench import PATIENCE_SECONDS, Bench, feed_until, frame, never

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, SignalLost, Sink, SinkHabits


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


def show_one_by_one(bench: Bench, sink: WaitingSink) -> None:
    """Five frames, each when the one before is being written."""
    for number in range(5):
        bench.lane.put(frame(number))
        assert sink.begun.acquire(timeout=PATIENCE_SECONDS)
        sink.let.release()


def test_every_frame_is_written_where_the_sink_keeps_up() -> None:
    sink = WaitingSink()
    with Bench(never, sink) as bench:
        show_one_by_one(bench, sink)
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
    assert bench.lines == ["one has stopped: No space left on device"]
    assert sink.closed


class CalledSink(WaitingSink):
    """Is watched from its third frame on."""

    @property
    def is_watched(self) -> bool:
        return len(self.numbers) > 2


def test_what_nobody_watched_is_not_counted() -> None:
    sink = CalledSink()
    with Bench(never, sink) as bench:
        show_one_by_one(bench, sink)
    assert sink.numbers == [0, 1, 2, 3, 4]
    assert bench.lane.frames == 3
    assert bench.stats.totals().latency_ms["one"].count == 3


class LosingSink(RememberingSink):
    """Is gone at its second frame."""

    def write(self, frame: Frame) -> None:
        if self.numbers:
            raise SignalLost("the server closed the connection")
        super().write(frame)


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


def test_what_fails_to_close_is_told() -> None:
    with Bench(never, RememberingSink(fails_to_close=True)) as bench:
        bench.lane.put(frame(0))
    assert "No space left" in bench.lines[0]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SignalLost("gone"), "one is lost (gone)"),
        (RuntimeError("a plugin's own"), "one has stopped: RuntimeError: a plugin's own"),
        (OSError("one: the disk is full"), "one has stopped: the disk is full"),
    ],
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
