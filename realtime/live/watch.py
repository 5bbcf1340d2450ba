"""What is done now and then while a live run goes on, on its main thread, and what is told about it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from engines.errors import EngineRefused, ImpastoError
from engines.spec import EngineSpec
from realtime.live.control.board import ControlBoard
from realtime.live.height.pilot import HeightPilot
from realtime.live.loop import LiveLoop
from realtime.live.picture import LivePicture
from realtime.live.sink_lane import SinkLane
from realtime.live.stats import LiveFigures, LiveStats
from realtime.live.window.overlay import OverlayFigures
from realtime.media.output_file import fresh_name
from realtime.painting.engine_loader import LoadFailed
from realtime.painting.options import OWN
from realtime.painting.painter import LivePainter

SUFFIX = ".mkv"
STATUS_SECONDS = 0.5


class LiveRecorder:
    """Adds a sink to the loop when recording is asked for, and takes it away when it no longer is.

    `lane_to(path)` makes the lane; the file is opened on its thread. `give_up` is called where a recording has failed,
    so that the setting tells the truth.
    """

    def __init__(
        self,
        loop: LiveLoop,
        folder: Path,
        lane_to: Callable[[Path], SinkLane],
        report: Callable[[str], None],
        give_up: Callable[[], None],
    ) -> None:
        self._loop, self._folder, self._lane_to = loop, folder, lane_to
        self._report, self._give_up = report, give_up
        self._lane: SinkLane | None = None
        self._untold: list[tuple[SinkLane, Path]] = []

    def follow(self, recording: bool) -> None:
        """Begin or end a recording as the setting says; called again and again on the main thread."""
        if self._lane is not None and self._lane.error is not None:
            self._lane = None
            self._give_up()
        elif recording and self._lane is None:
            self._begin()
        elif not recording and self._lane is not None:
            self._loop.remove(self._lane)
            self._lane = None
        self.tell()

    def tell(self) -> None:
        """Of recordings that are complete by now: their last frames are written after they have been asked to end."""
        for lane, path in self._untold:
            if lane.complete and lane.frames:
                self._report(f"recorded {path}")
        self._untold = [(lane, path) for lane, path in self._untold if not lane.complete and lane.error is None]

    def _begin(self) -> None:
        path = fresh_name(self._folder, SUFFIX, datetime.now())
        self._lane = self._lane_to(path)
        self._untold.append((self._lane, path))
        self._loop.add(self._lane)
        self._report(f"recording {path}")


class LiveWatch:
    """Calling it looks after the recording, the height, the end and the status line; it is called again and again.

    EngineRefused where no engine can be had at all. `pilot` None leaves the height alone; `seconds` after the first
    shown picture `end` is called, or after the beginning where none has come.
    """

    def __init__(
        self,
        board: ControlBoard,
        stats: LiveStats,
        picture: LivePicture,
        painter: LivePainter,
        loop: LiveLoop,
        recorder: LiveRecorder,
        *,
        pilot: HeightPilot | None,
        seconds: float | None,
        status: Callable[[str], None],
        end: Callable[[], None],
    ) -> None:
        self._board, self._stats, self._picture, self._painter = board, stats, picture, painter
        self._loop, self._recorder, self._pilot = loop, recorder, pilot
        self._seconds, self._status, self._end = seconds, status, end
        self._begun: float | None = None
        self._next_status = 0.0
        self.engine: EngineSpec | None = None
        self.net: str | None = None
        self.texture = OWN
        self._answered: LoadFailed | None = None

    def __call__(self) -> None:
        now = time.perf_counter()
        self._begun = now if self._begun is None else self._begun
        self._note_engine()
        self._recorder.follow(self._board.settings.recording)
        if self._pilot is not None:
            self._pilot.turn(self._picture.painting, self._painter.failed is not None, now)
        if now >= self._next_status:
            self._next_status = now + STATUS_SECONDS
            self._status(status_line(self._stats.now(), self._picture.engine))
        first = self._loop.first_frame_at
        since = self._begun if first is None else first
        if self._seconds is not None and now - since >= self._seconds:
            self._end()

    def _note_engine(self) -> None:
        """The engine in use with its net and texture, and the end of a run that never had one."""
        painting = self._picture.painting
        if painting is not None and painting.spec is not None:
            self.engine, self.net, self.texture = painting.spec, painting.net, painting.texture
        failed = self._painter.failed
        if failed is not None and self.engine is None:
            raise EngineRefused(failed.message)
        if failed is not None and failed is not self._answered:
            self._answered = failed
            self._turn_back(failed)

    def _turn_back(self, failed: LoadFailed) -> None:
        """A style whose engine cannot be had is left again; a height is the pilot's affair."""
        assert self.engine is not None
        if failed.wanted.height != self.engine.height:
            return
        with suppress(ImpastoError, OSError):  # its file may be gone; what paints stays all the same
            self._board.do("style", self._picture.settled_style)
        self._board.say(f"no such engine: {failed.message}")


def status_line(figures: LiveFigures, engine: EngineSpec | None) -> str:
    """`24.1 fps, 41 ms late, painting at 640x360 (openvino fp32)`"""
    latency = min((late.p50 for late in figures.latency_ms.values()), default=None)
    late = "" if latency is None else f", {latency:.0f} ms late"
    if engine is None:
        return f"{figures.captured_fps:.1f} fps{late}, the plain picture"
    return (
        f"{figures.painted_fps:.1f} fps{late}, painting at {engine.width}x{engine.height} "
        f"({engine.backend} {engine.precision})"
    )


def overlay_figures(figures: LiveFigures, engine: EngineSpec | None) -> OverlayFigures:
    """What the window shows of the last seconds."""
    latency = min(figures.latency_ms.values(), key=lambda late: late.p50, default=None)
    net = figures.stage_ms.get("net")
    return OverlayFigures(
        painted_fps=figures.painted_fps,
        captured_fps=figures.captured_fps,
        latency_p50_ms=latency.p50 if latency else None,
        latency_p95_ms=latency.p95 if latency else None,
        net_ms=net.p50 if net else None,
        size=(engine.width, engine.height) if engine else None,
        engine=f"{engine.backend} {engine.precision}" if engine else "",
        dropped=sum(figures.dropped.values()),
    )


def figures_for_json(figures: LiveFigures, engine: EngineSpec | None, net: str | None) -> dict[str, Any]:
    """What the control socket tells of the last seconds, and what paints now: the style file's name, the engine."""
    return {**figures.as_dict(), "net": net, "engine": asdict(engine) if engine is not None else None}
