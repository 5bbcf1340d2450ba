"""The live loop: capture, paint and every sink on threads of their own, and the newest frame wins.

A frame waits for nothing but the net: one picture lies ready while one is painted, and what comes meanwhile replaces
it. So the age of what is shown is bounded by one wait and the work, however slow the net is.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from realtime.frames.frame import Frame
from realtime.frames.pacing import next_allowed
from realtime.live.capture import Capture
from realtime.live.sink_lane import SinkLane

MAIN_STEP_SECONDS = 0.015  # how often a window looks at its keys
REPEAT_SECONDS = 0.25  # how often the last picture is shown again while no new one comes
STOP_SECONDS = 0.8  # for all threads together to end after a stop; the rest of a second is for what they leave
COMPLETING_SECONDS = 10.0  # for the sinks to write what waits, where the run has ended by itself


class Picture(Protocol):
    """What makes the frame that is shown of the one that was captured."""

    def make(self, frame: Frame, notice: str) -> Frame: ...


class LiveLoop:
    """The threads of a live run. `run` belongs on the main thread, where windows live.

    `housekeeping` is called there some times a second. The run ends with the source, with `stop`, after `frames`
    frames, or when no sink is left; then all threads end. The first error of capture or painting is
    raised; those of the sinks stay with their lanes. Where `ended` is set along with `stop` the run ends as it was to,
    and the sinks write what waits, as at the end of the source.
    """

    def __init__(
        self,
        capture: Capture,
        picture: Picture,
        lanes: Sequence[SinkLane],
        *,
        stop: threading.Event,
        report: Callable[[str], None],
        fps_cap: Fraction | None = None,
        frames: int | None = None,
        ended: threading.Event | None = None,
    ) -> None:
        self.frames = 0
        self.first_frame_at: float | None = None
        self._capture, self._picture = capture, picture
        self.all_lanes: list[SinkLane] = []
        self._lanes = list(lanes)
        self._threads: dict[SinkLane, threading.Thread] = {}
        self._fps_cap, self._most_frames = fps_cap, frames
        self._stop, self._report = stop, report
        self._ended = ended or threading.Event()
        self._error: BaseException | None = None
        self._painted = threading.Event()
        self._by_itself = False
        self._since = float("-inf")

    @property
    def ended_by_itself(self) -> bool:
        """Whether it ended as it was to, or the sinks were gone, before anybody asked for a stop."""
        return self._by_itself

    def add(self, lane: SinkLane) -> None:
        """One more sink, from the main thread."""
        self.all_lanes.append(lane)
        self._lanes = [*self._lanes, lane]
        if not lane.on_main_thread:
            thread = threading.Thread(target=lane.run, name=f"impasto-sink-{lane.label}", daemon=True)
            self._threads[lane] = thread
            thread.start()

    def remove(self, lane: SinkLane) -> None:
        """A sink less; it is completed on its own thread."""
        self._lanes = [other for other in self._lanes if other is not lane]
        lane.finish()

    def run(self, housekeeping: Callable[[], None], since: float = float("-inf")) -> None:
        """Until the end; what was captured before `since` is not shown, as a picture that a stream was opened with."""
        self._since = since
        lanes, self._lanes = self._lanes, []
        for lane in lanes:
            self.add(lane)
        capture = threading.Thread(target=self._capture.run, name="impasto-capture", daemon=True)
        paint = threading.Thread(target=self._paint_until_the_end, name="impasto-paint", daemon=True)
        capture.start()
        paint.start()
        try:
            while not self._stop.is_set() and not self._painted.is_set() and self._lanes_left():
                self._turn()
                housekeeping()
            self._by_itself = self._ended.is_set() or not self._stop.is_set()
        finally:
            self._stop.set()
            self._finish([capture, paint])
        error = self._error or self._capture.error
        if error is not None:
            raise error

    def _lanes_left(self) -> bool:
        return any(lane.error is None for lane in self._lanes)

    def _turn(self) -> None:
        """A little of the main thread's own work: windows, or waiting."""
        windows = [lane for lane in self._lanes if lane.on_main_thread and lane.error is None]
        for lane in windows:
            lane.step(MAIN_STEP_SECONDS)
        if not windows:
            self._painted.wait(MAIN_STEP_SECONDS)

    def _paint_until_the_end(self) -> None:
        try:
            self._paint_frames()
        except BaseException as error:  # a thread's border
            self._error = error
        finally:
            self._painted.set()

    def _paint_frames(self) -> None:
        last: Frame | None = None
        passed: float | None = None
        while not self._stop.is_set() and self.frames != self._most_frames:
            try:
                captured = self._capture.newest(REPEAT_SECONDS)
            except TimeoutError:
                self._show_again(last)
                continue
            if captured is None:
                return
            if (passing := next_allowed(passed, self._fps_cap, time.perf_counter())) is None:
                continue
            passed = passing
            if (frame := captured.frame()).captured_at < self._since:
                continue
            last = frame
            self._show(self._picture.make(last, self._capture.notice))
            self.frames += 1

    def _show_again(self, last: Frame | None) -> None:
        """No picture comes: the last one stays, with the notice why."""
        if last is not None and self._capture.notice:
            self._show(self._picture.make(replace(last, captured_at=time.perf_counter()), self._capture.notice))

    def _show(self, frame: Frame) -> None:
        self.first_frame_at = self.first_frame_at or time.perf_counter()
        for lane in self._lanes:
            lane.put(frame)

    def _finish(self, threads: list[threading.Thread]) -> None:
        """End all threads. One that hangs in a system's call is named and left behind: it ends with the process."""
        for lane in self._lanes:
            lane.finish()
        for lane in self._lanes:
            while lane.on_main_thread and lane.step(0.0):
                pass
        deadline = time.perf_counter() + STOP_SECONDS
        _join(threads, deadline)
        lanes = list(self._threads.values())
        _join(lanes, deadline + (COMPLETING_SECONDS if self._by_itself else 0.0))
        left = [thread for thread in (*threads, *lanes) if thread.is_alive()]
        for thread in left:
            self._report(f"{thread.name.removeprefix('impasto-')} did not end in time and was left behind")
        for lane, thread in self._threads.items():
            if thread in left:
                lane.leave_behind()


def _join(threads: Iterable[threading.Thread], deadline: float) -> None:
    for thread in threads:
        thread.join(max(0.0, deadline - time.perf_counter()))
