"""What a run counted: frames, seconds, and the milliseconds of each stage."""

import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

STAGES = ("decode", "convert", "net", "steady", "join", "encode")
KEPT_TIMES = 4096  # per stage, so that a day-long run takes no more memory than a short one


@dataclass(frozen=True, slots=True)
class RunStats:
    """What a run did. `stage_ms` is the median of each stage in milliseconds per frame, over the latest frames.

    `first_frame_seconds` runs from the start of the run to the first frame written. `stopped` tells that somebody asked
    for the end before the source had one; `dropped` counts frames that a live source skipped.
    """

    frames: int
    seconds: float
    stage_ms: dict[str, float]
    first_frame_seconds: float | None
    stopped: bool = False
    dropped: int = 0

    @property
    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0


class Stopwatch:
    """Collects the times of a run from all its threads."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.frames = 0
        self._first_frame: float | None = None
        self._times: dict[str, deque[float]] = {stage: deque(maxlen=KEPT_TIMES) for stage in STAGES}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside as one frame's share of a stage."""
        started = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        with self._lock:
            self._times[name].append(seconds)

    def count_frame(self) -> None:
        """One more frame has left the run; called by one thread."""
        self.frames += 1
        if self._first_frame is None:
            self._first_frame = time.perf_counter() - self.started

    def stats(self, *, stopped: bool, dropped: int) -> RunStats:
        seconds = time.perf_counter() - self.started
        with self._lock:
            medians = {name: 1e3 * statistics.median(times) for name, times in self._times.items() if times}
        stage_ms = {name: medians.get(name, 0.0) for name in STAGES}
        return RunStats(self.frames, seconds, stage_ms, self._first_frame, stopped, dropped)
