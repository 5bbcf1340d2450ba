"""A live source on its own thread: the newest picture, a lost source and its return."""

import threading
from collections.abc import Callable, Iterator

from fakes import NumberSource, number_of

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, SignalLost, Source
from realtime.live.capture import Capture, Captured
from realtime.live.stats import LiveStats

PATIENCE_SECONDS = 20.0


class LosingSource(NumberSource):
    """Is unplugged after some frames."""

    def read(self) -> Frame | None:
        if self._next == self._frames:
            raise SignalLost("camera:0 is gone")
        return super().read()


class SteppedSource(NumberSource):
    """Gives a frame each time it is let."""

    def __init__(self, frames: int | None = None) -> None:
        super().__init__(frames, live=True)
        self.let = threading.Semaphore(0)
        self.given = threading.Semaphore(0)

    def read(self) -> Frame | None:
        self.given.release()
        assert self.let.acquire(timeout=PATIENCE_SECONDS)
        return super().read()


class Bench:
    """A capture with what it needs around it, on its thread."""

    def __init__(self, source: Source, *answers: Callable[[], Source]) -> None:
        self.stats = LiveStats()
        self.lines: list[str] = []
        self.stop = threading.Event()
        waiting: Iterator[Callable[[], Source]] = iter(answers)
        self.capture = Capture(
            source, lambda: next(waiting)(), stats=self.stats, report=self.lines.append, stop=self.stop
        )
        self._thread = threading.Thread(target=self.capture.run, name="impasto-capture")

    def __enter__(self) -> "Bench":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()

    def newest(self) -> Captured | None:
        return self.capture.newest(PATIENCE_SECONDS)


def test_the_newest_picture_wins_and_what_it_replaces_is_counted() -> None:
    source = SteppedSource(frames=5)
    with Bench(source) as bench:
        source.let.release(6)
        for _ in range(6):
            assert source.given.acquire(timeout=PATIENCE_SECONDS)
        newest = bench.newest()
        assert newest is not None
        assert number_of(newest.frame().data) == 4
        assert bench.newest() is None
    assert source.closed
    assert bench.stats.totals().captured == 5
    assert bench.stats.totals().dropped == {"capture": 4}


def test_a_lost_source_is_told_shown_and_opened_again() -> None:
    lost, back = LosingSource(1), SteppedSource(2)
    with Bench(lost, refuse, lambda: back) as bench:
        assert bench.newest() is not None
        assert back.given.acquire(timeout=PATIENCE_SECONDS)
        assert lost.closed
        assert bench.capture.notice == ""
        back.let.release(3)
        assert bench.newest() is not None
    assert bench.lines[0] == "camera:0 is gone; the last picture stays until it returns"
    assert bench.lines[1].startswith("the picture is back after")
    assert len(bench.lines) == 2
    assert back.closed


def refuse() -> Source:
    raise ImpastoError("there is no camera:0")


def test_the_notice_stays_while_the_source_is_away() -> None:
    asked = threading.Event()

    def refuse_and_tell() -> Source:
        asked.set()
        raise ImpastoError("there is no camera:0")

    with Bench(LosingSource(1), refuse_and_tell) as bench:
        assert asked.wait(PATIENCE_SECONDS)
        assert bench.capture.notice == "camera:0 is gone"


def test_another_error_ends_the_capture_and_is_kept() -> None:
    source = NumberSource(fails_at=0, live=True)
    with Bench(source) as bench:
        assert bench.newest() is None
    assert isinstance(bench.capture.error, OSError)
    assert source.closed
