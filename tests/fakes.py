"""Stand-ins that behave: an engine that copies, a source that draws numbers, sinks that remember or fail."""

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from engines.loading.engine import Controls, EngineSpec, GateReport
from realtime.frames.frame import Frame, Pixels
from realtime.painting.stylizer import Stylizer

RATE = Fraction(25)


class CopyingEngine:
    """Returns each frame as it came, or what `paint` makes of it."""

    def __init__(
        self,
        requests: int = 1,
        paint: Callable[[Pixels], Pixels] = np.copy,
        size: tuple[int, int] = (32, 16),
    ) -> None:
        self.spec = EngineSpec("copy", "fp32", size[1], size[0], "CPU", "1", requests)
        self.gate: GateReport | None = None
        self.closed = False
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._paint = paint

    def __call__(self, frame: Pixels, controls: Controls) -> Pixels:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self._paint(frame)
        finally:
            with self._lock:
                self._at_once -= 1

    def close(self) -> None:
        self.closed = True


def copying_stylizer(requests: int = 1, paint: Callable[[Pixels], Pixels] = np.copy) -> Stylizer:
    """Paints by copying, to the byte: at strength 0 no painting is joined with the picture."""
    strength = 0.0 if paint is np.copy else 1.0
    return Stylizer(CopyingEngine(requests, paint), Controls(np.zeros(1, np.float32), strength))


class NumberSource:
    """Frames whose pixels hold their number. `frames` None never ends. Counts how many of its frames are alive."""

    def __init__(self, frames: int | None = 10, *, live: bool = False, fails_at: int | None = None) -> None:
        self.size = (32, 16)
        self.frame_rate: Fraction | None = RATE
        self.live = live
        self.closed = False
        self.alive = 0
        self.most_alive = 0
        self._frames = frames
        self._fails_at = fails_at
        self._next = 0
        self._lock = threading.RLock()

    def read(self) -> Frame | None:
        number = self._next
        if number == self._fails_at:
            raise OSError(f"cannot read frame {number}")
        if number == self._frames:
            return None
        self._next += 1
        return self._frame(number)

    def close(self) -> None:
        self.closed = True

    def _frame(self, number: int) -> Frame:
        data = numbered_pixels(number, self.size)
        with self._lock:
            self.alive += 1
            self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(data, self._died)
        return Frame(data, float(number / RATE), time.perf_counter(), number, 1 / RATE, 1)

    def _died(self) -> None:
        with self._lock:
            self.alive -= 1


class GivenSource(NumberSource):
    """These frames."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        super().__init__(len(frames))
        self.size = frames[0].data.shape[1], frames[0].data.shape[0]
        self._given = frames

    def _frame(self, number: int) -> Frame:
        return self._given[number]


class SplitNumberSource(NumberSource):
    """The same in two parts."""

    def grab(self) -> Frame | None:
        return self.read()

    def retrieve(self, grabbed: Frame) -> Frame:
        return grabbed


class RememberingSink:
    """Remembers the numbers and times of its frames."""

    def __init__(self, fails_at: int | None = None, *, fails_to_close: bool = False) -> None:
        self.numbers: list[int] = []
        self.times: list[tuple[int | None, Fraction | None]] = []
        self.closed = False
        self.aborted = False
        self._fails_at = fails_at
        self._fails_to_close = fails_to_close

    def write(self, frame: Frame) -> None:
        if len(self.numbers) == self._fails_at:
            raise OSError(28, "No space left on device")
        self.numbers.append(number_of(frame.data))
        self.times.append((frame.pts, frame.time_base))

    def close(self) -> None:
        if self._fails_to_close:
            raise OSError(28, "No space left on device")
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class KeepingSink:
    """Keeps what its frames showed."""

    def __init__(self) -> None:
        self.pixels: list[Pixels] = []

    def write(self, frame: Frame) -> None:
        self.pixels.append(frame.data)

    def close(self) -> None:
        pass


def numbered_pixels(number: int, size: tuple[int, int]) -> Pixels:
    """A frame that holds a number up to 65535 in its red and green."""
    data = np.zeros((size[1], size[0], 3), np.uint8)
    data[..., 0], data[..., 1] = divmod(number, 256)
    return data


def number_of(pixels: Pixels) -> int:
    return int(pixels[0, 0, 0]) * 256 + int(pixels[0, 0, 1])


def painting_threads() -> list[threading.Thread]:
    """The threads of a frame loop that are still there."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("impasto-")]
