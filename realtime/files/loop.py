"""The frame loop: decode, paint and encode side by side, every frame once and in order.

One thread grabs from the source. Workers take turns at the grabbed frames: each makes the copy of a frame that the net
is to paint, has it painted and joins it with the frame, so that these run while another frame is in the net. Where
paintings are steadied, that is done for one after the other, in the order of the frames, and so is watching frames for
it before they are painted. One thread writes to the sinks. A worker that takes a frame puts a Future for it in line,
and the writer waits for the Futures one by one: order follows from the line, and the line's capacity bounds the frames
in memory.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, TypeVar

from engines.failures import on_failure
from realtime.files.stats import RunStats, Stopwatch
from realtime.frames.frame import AbortableSink, Frame, Sink, Source, SplitSink, SplitSource
from realtime.frames.frame_queue import FrameQueue
from realtime.painting.stylizer import Stylizer, Unfinished

Result = TypeVar("Result")
GRABBED_AHEAD = 2  # frames decoded and not yet taken by a worker
MOST_CONVERTERS = 4


def run(
    source: Source,
    stylizer: Stylizer,
    sinks: Sequence[Sink],
    *,
    on_progress: Callable[[int], None] | None = None,
    stop: threading.Event | None = None,
) -> RunStats:
    """Paint every frame of `source` into each of `sinks`, then close them all.

    `on_progress` is called with the number of frames written, on the writing thread. Setting `stop` ends the run as the
    end of the source would: what was grabbed is still painted and written. The first error of any thread ends the run,
    takes back what the sinks wrote, and is raised here as it was.
    """
    threads = _Threads(source, stylizer, sinks, on_progress, stop or threading.Event())
    try:
        with on_failure(_take_back, sinks):
            threads.run()
            for sink in sinks:
                sink.close()
    finally:
        source.close()
    return threads.stats()


def worker_count(stylizer: Stylizer, *, converts: bool) -> int:
    """One worker for each frame that may be in the net at once, and some that convert colours meanwhile.

    One in all where frames must be painted in order.
    """
    if stylizer.in_order:
        return 1
    if not converts:
        return stylizer.requests
    return stylizer.requests + min(MOST_CONVERTERS, max(1, (os.cpu_count() or 1) // 2))


class _Threads:
    """The threads of one run and what they share."""

    def __init__(
        self,
        source: Source,
        stylizer: Stylizer,
        sinks: Sequence[Sink],
        on_progress: Callable[[int], None] | None,
        stop: threading.Event,
    ) -> None:
        self._source, self._stylizer, self._sinks = source, stylizer, sinks
        self._on_progress = on_progress
        self._stop = stop
        converts = isinstance(source, SplitSource) or any(isinstance(sink, SplitSink) for sink in sinks)
        self._workers = worker_count(stylizer, converts=converts)
        self._grabbed: FrameQueue[Any] = FrameQueue(GRABBED_AHEAD, newest_only=source.live)
        self._line: FrameQueue[Future[tuple[Any, ...]]] = FrameQueue(self._workers + 1)
        self._turn = threading.Lock()
        self._taken = 0
        self._watching, self._steadying = _Order(), _Order()
        self._in_net = threading.BoundedSemaphore(stylizer.requests)
        self._stopwatch = Stopwatch()
        self._error: BaseException | None = None
        self._error_lock = threading.Lock()

    def run(self) -> None:
        """Start all threads, wait for their end, and raise the first error."""
        workers = [("paint", self._paint_frames)] * self._workers
        stages = [("decode", self._grab_frames), *workers, ("encode", self._write_frames)]
        threads = [threading.Thread(target=self._guard, args=(work,), name=f"impasto-{name}") for name, work in stages]
        self._guard(lambda: _start_and_join(threads))  # Ctrl-C, or a thread that the system refused
        _wait_for(threads)
        if self._error is not None:
            raise self._error

    def stats(self) -> RunStats:
        return self._stopwatch.stats(stopped=self._stop.is_set(), dropped=self._grabbed.dropped)

    def _guard(self, stage: Callable[[], None]) -> None:
        """A thread's border: an error ends the run instead of the thread alone."""
        try:
            stage()
        except BaseException as error:  # a thread's border
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._error_lock:
            self._error = self._error or error
        self._grabbed.abort()
        self._line.abort()

    def _grab_frames(self) -> None:
        grab = self._source.grab if isinstance(self._source, SplitSource) else self._source.read
        while not self._stop.is_set():
            with self._stopwatch.stage("decode"):
                grabbed = grab()
            if grabbed is None or not self._grabbed.put(grabbed):
                break
        self._grabbed.finish()

    def _paint_frames(self) -> None:
        while (turn := self._next_turn()) is not None:
            number, grabbed, future = turn
            try:
                future.set_result(self._paint(number, grabbed))
            except Unfinished:
                future.cancel()
            except BaseException as error:  # a thread's border: the frame has its place in line, and must end there
                self._fail(error)
                future.set_exception(error)
            finally:
                self._watching.done(number)
                self._steadying.done(number)
            del turn, grabbed, future  # or a waiting worker would keep a frame alive

    def _next_turn(self) -> tuple[int, Any, Future[tuple[Any, ...]]] | None:
        """The next grabbed frame with its number and its place in line; the last worker to find none ends the line."""
        with self._turn:
            grabbed = self._grabbed.get()
            future: Future[tuple[Any, ...]] = Future()
            if grabbed is None:
                self._line.finish()
                return None
            number = self._taken
            self._taken += 1
            return (number, grabbed, future) if self._line.put(future) else None

    def _paint(self, number: int, grabbed: Any) -> tuple[Any, ...]:
        """The painted frame as each sink wants it."""
        with self._stopwatch.stage("convert"):
            frame: Frame = self._source.retrieve(grabbed) if isinstance(self._source, SplitSource) else grabbed
            small = self._stylizer.small(frame)
        watched, watching = None, 0.0
        steadies = self._stylizer.steadies
        if steadies:
            watched, watching = self._watching.take(number, lambda: self._stylizer.watched(frame, small))
        with self._in_net, self._stopwatch.stage("net"):
            in_small = self._stylizer.paint(frame, small, watched)
        if steadies:
            in_small, steadying = self._steadying.take(number, lambda: self._stylizer.steadied(in_small, watched))
            self._stopwatch.add("steady", watching + steadying)
        with self._stopwatch.stage("join"):
            painted = self._stylizer.join(in_small)
            return tuple(sink.prepare(painted) if isinstance(sink, SplitSink) else painted for sink in self._sinks)

    def _write_frames(self) -> None:
        while (future := self._line.get()) is not None:
            try:
                prepared = future.result()
            except CancelledError:
                continue
            with self._stopwatch.stage("encode"):
                for sink, item in zip(self._sinks, prepared, strict=True):
                    sink.put(item) if isinstance(sink, SplitSink) else sink.write(item)
            self._stopwatch.count_frame()
            if self._on_progress is not None:
                self._on_progress(self._stopwatch.frames)
            del future, prepared


class _Order:
    """Frames by number, in the order in which they were taken, whatever becomes of those before."""

    def __init__(self) -> None:
        self._next = 0
        self._done: set[int] = set()
        self._changed = threading.Condition()

    def take(self, number: int, work: Callable[[], Result]) -> tuple[Result, float]:
        """What the work gives, done when all frames before are done, and the seconds that it took."""
        with self._changed:
            self._changed.wait_for(lambda: self._next >= number)
        started = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - started
        self.done(number)
        return result, seconds

    def done(self, number: int) -> None:
        """Nobody need wait for that frame any more; it may be said again."""
        with self._changed:
            if number >= self._next:
                self._done.add(number)
            while self._next in self._done:
                self._done.remove(self._next)
                self._next += 1
            self._changed.notify_all()


def _start_and_join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _wait_for(threads: Sequence[threading.Thread]) -> None:
    """Through any further Ctrl-C: what a thread still uses must not be closed under it."""
    while running := [thread for thread in threads if thread.is_alive()]:
        with suppress(KeyboardInterrupt):
            running[0].join()


def _take_back(sinks: Sequence[Sink]) -> None:
    for sink in sinks:
        if isinstance(sink, AbortableSink):
            sink.abort()
            continue
        with suppress(Exception):  # the run already has an error to tell; it is the first that counts
            sink.close()
