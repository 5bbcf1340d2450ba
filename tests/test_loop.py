"""The frame loop: every frame once and in order, bounded, stoppable, and the first error wins."""

import threading
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from fakes import (
    CopyingEngine,
    NumberSource,
    RememberingSink,
    SplitNumberSource,
    copying_stylizer,
    painting_threads,
)

from engines.errors import ImpastoError
from engines.loading.engine import Controls
from realtime.files.loop import GRABBED_AHEAD, run, worker_count
from realtime.files.stats import STAGES
from realtime.frames.frame import Frame, Pixels, Sink
from realtime.painting.stylizer import Stylizer
from realtime.sinks.null import NullSink


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert painting_threads() == []


@pytest.mark.parametrize("requests", [1, 2, 5])
@pytest.mark.parametrize("kind", [NumberSource, SplitNumberSource])
def test_every_frame_once_and_in_order(kind: type[NumberSource], requests: int) -> None:
    source, sink = kind(300), RememberingSink()
    stats = run(source, copying_stylizer(requests), [sink])
    assert sink.numbers == list(range(300))
    assert [pts for pts, _ in sink.times] == list(range(300))
    assert stats.frames == 300
    assert source.closed
    assert sink.closed
    assert not sink.aborted


def test_every_sink_gets_every_frame() -> None:
    one, two, three = RememberingSink(), NullSink(), RememberingSink()
    run(NumberSource(20), copying_stylizer(), [one, two, three])
    assert one.numbers == three.numbers == list(range(20))
    assert two.frames == 20


def test_no_frame_at_all() -> None:
    stats = run(NumberSource(0), copying_stylizer(), [RememberingSink()])
    assert (stats.frames, stats.first_frame_seconds) == (0, None)


LONG = 400  # frames, a few tens of times what may be alive


def most_frames_alive(workers: int) -> int:
    """How many frames a run with so many workers holds at most.

    One being grabbed, those grabbed ahead, one whose worker waits for a place in line, the line (frames are painted
    while they stand in it), and one being written.
    """
    return 1 + GRABBED_AHEAD + 1 + (workers + 1) + 1


def test_memory_is_bounded_whatever_the_length() -> None:
    source = SplitNumberSource(LONG)
    stylizer = copying_stylizer(requests=2, paint=lambda pixels: pixels)
    run(source, stylizer, [RememberingSink()])
    assert source.most_alive <= most_frames_alive(worker_count(stylizer, converts=True))


def test_a_slow_sink_holds_the_source_back() -> None:
    source = SplitNumberSource(LONG)
    stylizer = copying_stylizer(paint=lambda pixels: pixels)
    bound = most_frames_alive(worker_count(stylizer, converts=True))
    read_ahead = []

    class SlowSink(NullSink):
        def write(self, frame: Frame) -> None:
            super().write(frame)
            np.linalg.svd(np.ones((20, 20)))
            read_ahead.append(source._next - self.frames)

    run(source, stylizer, [SlowSink()])
    assert max(read_ahead) <= bound


def test_the_engine_is_never_called_by_more_than_its_requests() -> None:
    engine = CopyingEngine(requests=2)
    run(SplitNumberSource(200), Stylizer(engine, Controls(np.zeros(1, np.float32))), [NullSink()])
    assert engine.most_at_once <= 2


def test_progress_counts_up_and_the_stats_have_every_stage() -> None:
    seen: list[int] = []
    stats = run(SplitNumberSource(12), copying_stylizer(), [NullSink()], on_progress=seen.append)
    assert seen == list(range(1, 13))
    assert set(stats.stage_ms) == set(STAGES)
    assert stats.fps == pytest.approx(12 / stats.seconds)
    assert stats.first_frame_seconds is not None
    assert 0 < stats.first_frame_seconds <= stats.seconds
    assert not stats.stopped


def test_stop_ends_an_endless_source_and_keeps_what_was_read() -> None:
    stop = threading.Event()
    source, sink = NumberSource(None), RememberingSink()
    stats = run(
        source, copying_stylizer(2), [sink], on_progress=lambda done: stop.set() if done == 10 else None, stop=stop
    )
    assert stats.stopped
    assert len(sink.numbers) >= 10
    assert sink.numbers == list(range(len(sink.numbers)))
    assert sink.closed
    assert source.closed


def failing_at(number: int, error: Exception) -> Stylizer:
    calls = count()

    def paint(pixels: Pixels) -> Pixels:
        if next(calls) == number:
            raise error
        return pixels

    return copying_stylizer(2, paint)


@pytest.mark.parametrize("live", [False, True])
def test_an_error_of_the_source_is_raised_as_it_was(live: bool) -> None:
    source, sink = NumberSource(None, fails_at=30, live=live), RememberingSink()
    with pytest.raises(OSError, match="cannot read frame 30"):
        run(source, copying_stylizer(), [sink])
    assert sink.aborted
    assert not sink.closed
    assert source.closed


def test_an_error_of_the_engine_is_raised_as_it_was() -> None:
    sink = RememberingSink()
    with pytest.raises(ImpastoError, match="the net broke"):
        run(NumberSource(None), failing_at(7, ImpastoError("the net broke")), [sink])
    assert sink.aborted


@pytest.mark.parametrize("sink", [RememberingSink(fails_at=5), RememberingSink(fails_to_close=True)])
def test_an_error_of_a_sink_takes_back_what_all_sinks_wrote(sink: RememberingSink) -> None:
    other = RememberingSink()
    sinks: list[Sink] = [sink, other]
    with pytest.raises(OSError, match="No space left"):
        run(NumberSource(50), copying_stylizer(), sinks)
    assert sink.aborted
    assert other.aborted


class SinkThatSeesThreads(RememberingSink):
    """Remembers which threads were there when it was told to abort."""

    def abort(self) -> None:
        super().abort()
        self.threads = painting_threads()


def test_a_thread_that_the_system_refuses_ends_those_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(threading.Thread):
        def start(self) -> None:
            if self.name == "impasto-encode":
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr("realtime.files.loop.threading.Thread", Refused)
    source, sink = NumberSource(None), SinkThatSeesThreads()
    with pytest.raises(RuntimeError, match="can't start new thread"):
        run(source, copying_stylizer(2), [sink])
    assert sink.aborted
    assert sink.threads == []
    assert source.closed


def test_nothing_is_closed_under_a_thread_however_often_a_person_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    presses = iter(range(3))

    class Interrupted(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            if next(presses, None) is not None:
                raise KeyboardInterrupt
            super().join(timeout)

    monkeypatch.setattr("realtime.files.loop.threading.Thread", Interrupted)
    source, sink = NumberSource(None), SinkThatSeesThreads()
    with pytest.raises(KeyboardInterrupt):
        run(source, copying_stylizer(2), [sink])
    assert sink.aborted
    assert sink.threads == []
    assert source.closed


def test_a_live_source_drops_to_the_newest_and_keeps_the_order() -> None:
    sink = RememberingSink()
    stats = run(NumberSource(500, live=True), copying_stylizer(), [sink])
    assert sink.numbers == sorted(set(sink.numbers))
    assert len(sink.numbers) + stats.dropped == 500
    assert sink.numbers[-1] == 499


def test_a_frame_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        Frame(np.zeros((4, 4), np.uint8), 0.0, 0.0)
    with pytest.raises(ValueError, match="ascontiguousarray"):
        Frame(np.zeros((4, 8, 3), np.uint8)[:, ::2], 0.0, 0.0)
    assert repr(Frame(np.zeros((4, 8, 3), np.uint8), 0.5, 0.0)) == "Frame(8x4 at 0.500 s)"
