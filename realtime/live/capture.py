"""A live source on a thread of its own: the newest picture waits here, and a lost source is opened again."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, SignalLost, Source, SplitSource
from realtime.frames.frame_queue import FrameQueue
from realtime.frames.pacing import Reopening
from realtime.live.stats import LiveStats

CAPTURE = "capture"


@dataclass(frozen=True, slots=True)
class Captured:
    """What a source has grabbed, and who can make a frame of it."""

    grabbed: Any
    source: Source

    def frame(self) -> Frame:
        frame: Frame = self.source.retrieve(self.grabbed) if isinstance(self.source, SplitSource) else self.grabbed
        return frame


class Capture:
    """Reads a live source until it ends or `stop` is set.

    At most one picture waits; an older one is dropped and counted. While the source is lost, `notice` says so and
    `open_source` is called with growing delays. An error that is not SignalLost ends the capture and is kept in
    `error`. The source is closed at the end of `run`, on its own thread.
    """

    def __init__(
        self,
        source: Source,
        open_source: Callable[[], Source],
        *,
        stats: LiveStats,
        report: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self.notice = ""
        self.error: BaseException | None = None
        self._source: Source | None = source
        self._open_source = open_source
        self._queue: FrameQueue[Captured] = FrameQueue(1, newest_only=True)
        self._reopening = Reopening(time.perf_counter())
        self._stats, self._report, self._stop = stats, report, stop

    def newest(self, wait_seconds: float) -> Captured | None:
        """The newest picture, waited for; None at the end, TimeoutError where none came in time."""
        return self._queue.get(wait_seconds)

    def run(self) -> None:
        """The capture's thread."""
        try:
            while not self._stop.is_set() and self._read_once():
                pass
        except BaseException as error:  # a thread's border
            self.error = error
        finally:
            self._close()
            self._queue.finish()

    def _read_once(self) -> bool:
        """Read a picture, or try once more to get the source back; False at the end."""
        if self._source is None:
            self._try_to_return()
            return True
        try:
            started = time.perf_counter()
            source = self._source
            grabbed = source.grab() if isinstance(source, SplitSource) else source.read()
        except SignalLost as lost:
            if not self._stop.is_set():
                self._lose(lost)
            return True
        if grabbed is None:
            return False
        self._keep(Captured(grabbed, source), time.perf_counter() - started)
        return True

    def _keep(self, captured: Captured, seconds: float) -> None:
        before = self._queue.dropped
        self._queue.put(captured)
        self._stats.stage(CAPTURE, seconds)
        self._stats.captured()
        if self._queue.dropped > before:
            self._stats.dropped(CAPTURE)

    def _lose(self, lost: SignalLost) -> None:
        self.notice = str(lost)
        self._report(f"{lost}; the last picture stays until it returns")
        self._close()
        self._reopening.failed(time.perf_counter())

    def _try_to_return(self) -> None:
        if self._stop.wait(max(0.0, self._reopening.retry_at - time.perf_counter())):
            return
        try:
            self._source = self._open_source()
        except (ImpastoError, OSError):
            self._reopening.failed(time.perf_counter())  # the loss was told once
            return
        away_seconds = self._reopening.opened(time.perf_counter())
        self._report(f"the picture is back after {away_seconds:.0f} s")
        self.notice = ""

    def _close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with suppress(Exception):  # a lost device may fail to close as well
                source.close()
