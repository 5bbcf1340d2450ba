"""A sink's lane with what it needs around it, for tests."""

import threading
from collections.abc import Callable
from fractions import Fraction
from itertools import count

from fakes import RATE, numbered_pixels

from realtime.frames.frame import Frame, Sink
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveStats

PATIENCE_SECONDS = 20.0


def frame(number: int) -> Frame:
    return Frame(numbered_pixels(number, (32, 16)), number / 25, captured_at=float(number))


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


def feed_until(bench: Bench, done: Callable[[], bool]) -> None:
    """Frames as a live source gives them: on and on."""
    pause = threading.Event()
    for number in count():
        if done() or number > 2000:
            return
        bench.lane.put(frame(number))
        pause.wait(0.01)
