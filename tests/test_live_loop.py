"""The live loop: every sink gets the newest frame, and nobody waits for anybody."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from fakes import RATE, NumberSource, RememberingSink, painting_threads

from realtime.frames.frame import Frame, SignalLost, Sink, SinkHabits
from realtime.live.capture import Capture
from realtime.live.loop import LiveLoop
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveStats

PATIENCE_SECONDS = 20.0


class CopyingPicture:
    """Shows each frame as it came, and remembers the notices."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.notices: list[str] = []
        self._before = before

    def make(self, frame: Frame, notice: str) -> Frame:
        self._before()
        self.notices.append(notice)
        return replace(frame)


class PacedSource(NumberSource):
    """A frame each hundredth of a second."""

    def __init__(self, frames: int | None = None, *, lost_at: int | None = None) -> None:
        super().__init__(frames, live=True)
        self._lost_at = lost_at
        self._pause = threading.Event()
        self.ended = threading.Event()

    def read(self) -> Frame | None:
        self._pause.wait(0.01)
        if self._next == self._lost_at:
            raise SignalLost("camera:0 is gone")
        return super().read()

    def close(self) -> None:
        super().close()
        self.ended.set()


class PatientSink(RememberingSink):
    """Loses no frame of a short run, on a thread of its own or on the main one."""

    def __init__(self, fails_at: int | None = None, *, on_main_thread: bool = False) -> None:
        super().__init__(fails_at)
        self.habits = SinkHabits(capacity=1000, on_main_thread=on_main_thread)
        self.threads: set[str] = set()

    def write(self, frame: Frame) -> None:
        self.threads.add(threading.current_thread().name)
        super().write(frame)


class Bench:
    """A loop with what it needs around it."""

    def __init__(
        self,
        source: NumberSource,
        *sinks: Sink,
        picture: CopyingPicture | None = None,
        frames: int | None = None,
        fps_cap: Fraction | None = None,
    ) -> None:
        self.stats = LiveStats()
        self.stop, self.ended = threading.Event(), threading.Event()
        self.lines: list[str] = []
        self.picture = picture or CopyingPicture()
        capture = Capture(source, self._refuse, stats=self.stats, report=self.lines.append, stop=self.stop)
        lanes = [self.lane(sink, f"sink {number}") for number, sink in enumerate(sinks)]
        self.loop = LiveLoop(
            capture,
            self.picture,
            lanes,
            stop=self.stop,
            report=self.lines.append,
            frames=frames,
            fps_cap=fps_cap,
            ended=self.ended,
        )

    def lane(self, sink: Sink, label: str = "another") -> SinkLane:
        return SinkLane(
            label, lambda: sink, sink, rate=RATE, stats=self.stats, report=self.lines.append, stop=self.stop
        )

    def run(self, housekeeping: Callable[[], None] = lambda: None, since: float = float("-inf")) -> None:
        self.loop.run(housekeeping, since)
        assert not painting_threads()

    def _refuse(self) -> NumberSource:
        raise OSError("still gone")


def test_every_sink_gets_the_frames_until_the_source_ends() -> None:
    source, sinks = PacedSource(20), (PatientSink(), PatientSink())
    bench = Bench(source, *sinks)
    bench.run()
    for sink in sinks:
        assert sink.numbers
        assert sink.numbers == sorted(set(sink.numbers))
        assert sink.closed
    assert source.closed
    assert bench.loop.ended_by_itself
    assert bench.loop.frames == len(sinks[0].numbers)


def test_a_slow_net_paints_the_newest_frame() -> None:
    """While it paints the first, twenty frames come; the next it gets is the last of them."""
    source = PacedSource(20)
    sink = PatientSink()
    bench = Bench(source, sink, picture=CopyingPicture(before=lambda: source.ended.wait(PATIENCE_SECONDS)))
    bench.run()
    assert sink.numbers == [0, 19]
    assert bench.stats.totals().dropped == {"capture": 18}


def test_windows_are_fed_on_the_main_thread() -> None:
    window, other = PatientSink(on_main_thread=True), PatientSink()
    Bench(PacedSource(10), window, other).run()
    assert window.threads == {threading.current_thread().name}
    assert other.threads == {"impasto-sink-sink 1"}
    assert window.closed


def test_a_broken_sink_leaves_the_others_alone() -> None:
    broken, whole = PatientSink(fails_at=2), PatientSink()
    bench = Bench(PacedSource(20), broken, whole)
    bench.run()
    assert len(broken.numbers) == 2
    assert len(whole.numbers) > 2
    assert bench.lines == ["sink 0 has stopped: No space left on device"]
    assert [bool(lane.error) for lane in bench.loop.all_lanes] == [True, False]


def test_the_run_ends_when_no_sink_is_left() -> None:
    source = PacedSource()
    Bench(source, PatientSink(fails_at=0)).run()
    assert source.closed


def test_it_ends_after_so_many_frames() -> None:
    sink = PatientSink()
    Bench(PacedSource(), sink, frames=5).run()
    assert len(sink.numbers) == 5


def test_a_stop_ends_it_and_closes_everything() -> None:
    source, sink = PacedSource(), PatientSink()
    bench = Bench(source, sink)
    bench.run(housekeeping=lambda: bench.stop.set() if sink.numbers else None)
    assert sink.closed
    assert source.closed
    assert not bench.loop.ended_by_itself


def test_a_stop_does_not_wait_for_a_net_that_hangs() -> None:
    begun, let = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        assert let.wait(PATIENCE_SECONDS)

    source, sink = PacedSource(), PatientSink()
    bench = Bench(source, sink, picture=CopyingPicture(before=hang))
    bench.loop.run(lambda: bench.stop.set() if begun.is_set() else None)
    assert sink.closed
    assert source.closed
    assert bench.lines == ["paint did not end in time and was left behind"]
    let.set()
    for thread in painting_threads():
        thread.join(PATIENCE_SECONDS)


def test_sinks_complete_what_waits_at_the_end_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that is: a stop may leave threads behind, an end may not."""
    let = threading.Event()

    class SlowToClose(PatientSink):
        def close(self) -> None:
            threading.Timer(0.3, let.set).start()
            assert let.wait(PATIENCE_SECONDS)
            super().close()

    monkeypatch.setattr("realtime.live.loop.STOP_SECONDS", 0.05)
    sink = SlowToClose()
    Bench(PacedSource(5), sink).run()
    assert sink.closed


def test_sinks_complete_what_waits_where_the_run_ends_as_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its time or by `quit`, which stop it; a stop alone leaves a sink behind, and the sink is in trouble."""
    let = threading.Event()

    class SlowToClose(PatientSink):
        def close(self) -> None:
            assert let.wait(PATIENCE_SECONDS)
            super().close()

    monkeypatch.setattr("realtime.live.loop.STOP_SECONDS", 0.05)
    stopped = Bench(PacedSource(), SlowToClose())
    stopped.loop.run(stopped.stop.set)
    assert [str(lane.trouble) for lane in stopped.loop.all_lanes] == ["did not end in time; what waited is lost"]
    sink = SlowToClose()
    planned = Bench(PacedSource(), sink)

    def end() -> None:
        planned.ended.set()
        planned.stop.set()
        threading.Timer(0.2, let.set).start()

    planned.loop.run(end)
    assert sink.closed
    assert planned.loop.ended_by_itself
    assert planned.loop.all_lanes[0].trouble is None


def test_an_abort_is_raised_and_closes_everything() -> None:
    def abort() -> None:
        raise KeyboardInterrupt

    source, sink, window = PacedSource(), PatientSink(), PatientSink(on_main_thread=True)
    with pytest.raises(KeyboardInterrupt):
        Bench(source, sink, window).run(abort)
    assert source.closed
    assert sink.closed
    assert window.closed
    assert not painting_threads()


def test_an_error_in_painting_is_raised_and_closes_everything() -> None:
    def fail() -> None:
        raise RuntimeError("the net is broken")

    source, sink = PacedSource(), PatientSink()
    with pytest.raises(RuntimeError, match="the net is broken"):
        Bench(source, sink, picture=CopyingPicture(before=fail)).run()
    assert source.closed
    assert sink.closed
    assert not painting_threads()


def test_an_error_of_the_source_is_raised() -> None:
    with pytest.raises(OSError, match="cannot read frame 0"):
        Bench(NumberSource(fails_at=0, live=True), PatientSink()).run()


def test_an_error_of_the_housekeeping_is_raised_and_closes_everything() -> None:
    def fail() -> None:
        raise RuntimeError("no engine")

    sink = PatientSink()
    with pytest.raises(RuntimeError, match="no engine"):
        Bench(PacedSource(), sink).run(fail)
    assert sink.closed


def test_the_last_picture_stays_with_a_notice_while_the_source_is_gone() -> None:
    sink = PatientSink()
    bench = Bench(PacedSource(lost_at=3), sink)
    bench.run(housekeeping=lambda: bench.stop.set() if bench.picture.notices.count("camera:0 is gone") >= 2 else None)
    assert sink.numbers[-2:] == [2, 2]


def test_sinks_come_and_go_while_it_runs() -> None:
    first, recording = PatientSink(), PatientSink()
    bench = Bench(PacedSource(), first)
    lane = bench.lane(recording)
    steps: Iterator[tuple[Callable[[], object], Callable[[], object]]] = iter(
        [
            (lambda: first.numbers, lambda: bench.loop.add(lane)),
            (lambda: recording.numbers, lambda: bench.loop.remove(lane)),
            (lambda: recording.closed, bench.stop.set),
        ]
    )
    waiting = [next(steps)]

    def housekeeping() -> None:
        ready, act = waiting[0]
        if ready():
            act()
            waiting[0] = next(steps, (lambda: False, lambda: None))

    bench.run(housekeeping)
    assert recording.closed
    assert 0 < len(recording.numbers) < len(first.numbers)


def test_a_cap_leaves_frames_out() -> None:
    sink = PatientSink()
    bench = Bench(PacedSource(30), sink, fps_cap=Fraction(1, 100))
    bench.run()
    assert len(sink.numbers) == 1  # the first, or a newer one where the painter began late


def test_what_was_captured_before_is_not_shown() -> None:
    sink = PatientSink()
    Bench(PacedSource(5), sink).run()
    assert sink.numbers
    late = PatientSink()
    Bench(PacedSource(5), late).run(since=time.perf_counter() + 3600)
    assert late.numbers == []
