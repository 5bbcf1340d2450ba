"""A sink on a thread of its own: it may be slow, break and come back, and nobody else notices."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from engines.errors import ImpastoError, in_one_line
from realtime.frames.frame import Frame, IdleSink, SignalLost, Sink, SinkHabits, WatchedSink, habits_of
from realtime.frames.frame_queue import FrameQueue
from realtime.frames.pacing import EARLY, Reopening, Ticker
from realtime.live.stats import LiveStats

LONGEST_WAIT_SECONDS = 0.1  # so that a stop is seen soon
# Of an interval: frames that come at the very rate of the ticks come a little before and a little after them. Who
# repeated the last one at once would show it twice and then lose the next: one frame in five, as was measured.
REPEAT_LATE = 0.5
Report = Callable[[str], None]


class SinkLane:
    """Feeds one sink with the newest frames.

    `put` never waits: where the sink is busy or gone, frames are dropped and counted. A sink that raises SignalLost is
    closed and opened again with growing delays; any other error ends the lane and is kept in `error`; `complete` is
    set when the sink is closed with all its frames. `sink` None is opened on the lane's own thread. The work is done by
    `step`, on one thread: `run` calls it until the end.
    """

    def __init__(
        self,
        label: str,
        open_sink: Callable[[], Sink],
        sink: Sink | None = None,
        *,
        rate: Fraction,
        stats: LiveStats,
        report: Report,
        stop: threading.Event,
    ) -> None:
        self.label = label
        self.error: BaseException | None = None
        self.complete = False
        self.frames = 0
        self._open_sink = open_sink
        self._sink = sink
        self._habits = SinkHabits() if sink is None else habits_of(sink)
        self._queue: FrameQueue[Frame] = FrameQueue(self._habits.capacity, newest_only=True)
        self._rate = rate
        self._ticker: Ticker | None = None
        self._next_tick = 0
        self._newest: Frame | None = None
        self._written: Frame | None = None
        self._delivered_at: float | None = None
        self._begun_at: float | None = None
        self._reopening = Reopening(time.perf_counter())
        self._loss: SignalLost | None = None
        self._stats, self._report, self._stop = stats, report, stop

    @property
    def on_main_thread(self) -> bool:
        return self._habits.on_main_thread

    @property
    def trouble(self) -> BaseException | None:
        """What ended the lane, or a loss that it has not come back from; None where all is well."""
        return self.error or self._loss

    def put(self, frame: Frame) -> None:
        """Hand over a frame, from any thread."""
        before = self._queue.dropped
        self._queue.put(frame)
        if self._queue.dropped > before and not self._habits.steady:
            self._stats.dropped(self.label)

    def finish(self) -> None:
        """Nothing more will be put; what waits is still written."""
        self._queue.finish()

    def leave_behind(self) -> None:
        """Nobody waits for its end any more: what it has not written is lost."""
        self.error = self.error or ImpastoError("did not end in time; what waited is lost")

    def run(self) -> None:
        """All the work of a lane that has a thread of its own."""
        while self.step(LONGEST_WAIT_SECONDS):
            pass

    def step(self, wait_seconds: float) -> bool:
        """Write at most one frame, waiting no longer than so for it; False once the lane has ended."""
        try:
            if self._sink is None and not self._try_to_open():
                return self._wait_for_another_try(wait_seconds)
            if self._habits.steady:
                return self._steady_step(wait_seconds) or self._end()
            return self._step(wait_seconds) or self._end()
        except SignalLost as lost:
            if self._was_refused():
                return self._stop_for(ImpastoError(f"{lost} as soon as it began; look at its address and who listens"))
            self._lose(lost)
            return True
        except KeyboardInterrupt:  # of the main thread, whose windows have no thread of their own
            raise
        except BaseException as error:  # the lane's border: a broken sink never ends the others
            return self._stop_for(error)

    def _step(self, wait_seconds: float) -> bool:
        try:
            frame = self._queue.get(wait_seconds)
        except TimeoutError:
            if isinstance(self._sink, IdleSink):
                self._sink.idle()
            return True
        if frame is None:
            return False
        self._write(frame)
        return True

    def _steady_step(self, wait_seconds: float) -> bool:
        """A frame for each tick, however many came: a new one at once, and the newest again where none comes."""
        try:
            frame = self._queue.get(min(wait_seconds, self._until_due()))
        except TimeoutError:
            self._write_if_due(self._lateness())
            return True
        if frame is None:
            self._write_the_last()
            return False
        self._newest = frame
        self._write_if_due(-EARLY)
        return True

    def _lateness(self) -> float:
        """How long the newest frame waits after its tick, in intervals: one that was shown may be replaced."""
        return REPEAT_LATE if self._newest is self._written else 0.0

    def _until_due(self) -> float:
        if self._ticker is None:
            return LONGEST_WAIT_SECONDS
        due_at = self._ticker.seconds_of(self._next_tick) + self._lateness() * float(1 / self._rate)
        return max(0.0, due_at - time.perf_counter())

    def _write_if_due(self, late: float) -> None:
        """The newest frame, where its tick came so many intervals ago."""
        if self._newest is None:
            return
        now = time.perf_counter()
        if self._ticker is None:
            self._ticker = Ticker(self._rate, now)
        tick = self._ticker.newest_tick(now - late * float(1 / self._rate))
        if tick >= self._next_tick:
            self._write_at(tick, self._newest)

    def _write_the_last(self) -> None:
        """The last frame of all, a little early where it came before its tick."""
        if self._newest is not None and self._newest is not self._written:
            self._write_at(self._next_tick, self._newest)

    def _write_at(self, tick: int, frame: Frame) -> None:
        self._next_tick = tick + 1
        self._written = frame
        time_base = 1 / self._rate
        seconds = float(tick * time_base)
        self._write(replace(frame, pts=tick, time_base=time_base, duration=1, pts_seconds=seconds))

    def _write(self, frame: Frame) -> None:
        assert self._sink is not None
        started = time.perf_counter()
        self._begun_at = self._begun_at or started
        self._sink.write(frame)
        if isinstance(self._sink, WatchedSink) and not self._sink.is_watched:
            return
        now = time.perf_counter()
        self._stats.stage(f"write {self.label}", now - started)
        self.frames += 1
        if frame.captured_at != self._delivered_at:  # a repeated frame was on time once
            self._delivered_at = frame.captured_at
            self._stats.delivered(self.label, now - frame.captured_at)

    def _try_to_open(self) -> bool:
        """Open the sink, for the first time or again; a first failure is final, a later one is tried again."""
        over = self._stop.is_set() or (self._loss is not None and self._queue.finished)
        if over or time.perf_counter() < self._reopening.retry_at:
            return False
        try:
            self._sink = self._open_sink()
        except (ImpastoError, OSError):
            if self._loss is None:
                raise
            self._reopening.failed(time.perf_counter())
            return False
        self._habits = habits_of(self._sink)
        self._queue.capacity = self._habits.capacity
        self._ticker, self._next_tick = None, 0
        away_seconds = self._reopening.opened(time.perf_counter())
        if self._loss is not None:
            self._report(f"{self.label} is back after {away_seconds:.0f} s")
        self._loss = None
        return True

    def _wait_for_another_try(self, wait_seconds: float) -> bool:
        """What comes while the sink is away is thrown away, and counted."""
        try:
            frame = self._queue.get(wait_seconds)
        except TimeoutError:
            return not self._stop.is_set()
        if frame is not None:
            self._stats.dropped(self.label)
        return frame is not None

    def _was_refused(self) -> bool:
        """Servers take a connection before they look at its key: only pictures tell that nobody wants them."""
        begun_at = self._begun_at
        return begun_at is not None and time.perf_counter() - begun_at < self._habits.proving_seconds

    def _stop_for(self, error: BaseException) -> bool:
        self.error = error
        self._queue.abort()
        self._newest = None
        self._abandon()
        self._report(f"{self.label} has stopped: {in_one_line(error).removeprefix(f'{self.label}: ')}")
        return False

    def _lose(self, lost: SignalLost) -> None:
        promise = "" if self._queue.finished else "; it is opened again when it returns"
        self._report(f"{self.label} is lost ({lost}){promise}")
        self._abandon()
        self._loss = lost
        self._reopening.failed(time.perf_counter())

    def _abandon(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            with suppress(Exception):  # it is broken already
                sink.close()

    def _end(self) -> bool:
        """The last frame is written: complete the sink."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()
        self.complete = True
        return False
