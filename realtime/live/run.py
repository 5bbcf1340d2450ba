"""`impasto live`: a moving source, painted while it plays, into one sink or several."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from engines.backends.registry import fast_gpu_paints
from engines.errors import BadValue, FileMissing, ImpastoError, Interrupted
from engines.loading.engine import EngineChoice
from realtime.frames.address import refuse_doubles
from realtime.frames.frame import Pixels
from realtime.live.capture import Capture
from realtime.live.control.board import ControlBoard
from realtime.live.control.server import ControlServer
from realtime.live.control.settings import LiveSettings, settings_of
from realtime.live.ends import LiveEnds
from realtime.live.height.pilot import AUTO_LEAST_HEIGHT, HeightPilot, PaintSize, goals_for
from realtime.live.look_book import LookBook
from realtime.live.loop import LiveLoop
from realtime.live.options import LiveOptions
from realtime.live.picture import LivePicture
from realtime.live.report import LiveReport, SinkFacts
from realtime.live.stats import LiveStats
from realtime.live.still import StillPainter, check_styles, save_snapshot
from realtime.live.style_learner import StyleLearner, check_picture
from realtime.live.watch import LiveRecorder, LiveWatch, figures_for_json, overlay_figures
from realtime.live.window.overlay import OverlayFigures
from realtime.live.window.viewer import BoardViewer
from realtime.painting.engine_loader import EngineLoader
from realtime.painting.net_choice import wanted_fine_net
from realtime.painting.notes import Notes
from realtime.painting.painter import LivePainter


def run_live(
    source: str,
    sinks: Sequence[str],
    options: LiveOptions,
    *,
    report: Callable[[str], None] = lambda line: None,
    status: Callable[[str], None] = lambda line: None,
    stop: threading.Event | None = None,
) -> LiveReport:
    """Paint a moving source into every sink until it ends or `stop` is set; belongs on the main thread.

    `report` gets a line for people now and then and `status` what is going on, twice a second; both from any thread.
    Raises ImpastoError or OSError with one line where something cannot be opened, or the source or the painting fails;
    whatever was opened is closed. A sink that breaks while others go on is told in the report. Interrupted where `stop`
    is set before all is open.
    """
    refuse_doubles(source, sinks)
    _check(options)
    with suppress(FileNotFoundError):  # where it was started may be gone, and may not be asked for
        options = replace(options, folder=options.folder.absolute())  # who hears of its files may stand in another
    stop = stop or threading.Event()
    with ExitStack() as opened, ExitStack() as while_opening:
        try:
            run = _LiveRun(source, options, Notes(report, prefix=""), stop, opened, while_opening)
            run.prepare(sinks, status)
        except (ImpastoError, OSError):
            if stop.is_set():  # then it is no error that a host did not answer
                raise Interrupted("stopped before all was open") from None
            raise
        while_opening.pop_all()  # from here on the loop closes the source and the sinks, on their own threads
        return run.run()


def _check(options: LiveOptions) -> None:
    """Refuse what is wrong whatever is opened: BadValue, or FileMissing for what is not there."""
    if options.socket is not None and not options.control:
        raise BadValue(f"--socket {options.socket} is for control, and --no-control is given; leave one of them out")
    if not options.folder.is_dir():
        raise FileMissing(f"there is no folder {options.folder} for snapshots and recordings; create it first")
    check_styles(options.style_images)


class _LiveRun:
    """One run: opened in the order of what is cheapest to refuse, then handed to the loop."""

    def __init__(
        self,
        address: str,
        options: LiveOptions,
        report: Notes,
        stop: threading.Event,
        opened: ExitStack,
        while_opening: ExitStack,
    ) -> None:
        self._begun = time.perf_counter()
        self._options, self._report, self._stop, self._opened = options, report, stop, opened
        self._ended = threading.Event()  # as it was to: by `quit`, by --seconds
        self._stats = LiveStats()
        self._board = ControlBoard(
            settings_of(options),
            (),
            on_snapshot=self._snapshot,
            on_quit=self._end,
            on_paint=self._paint_still,
            on_learn=self._learn,
            textures=self._textures,
            figures=self._figures,
        )
        self._still = StillPainter(options.style_images, self._board, self._save, report)
        opened.callback(self._still.close)
        fine_of = partial(
            wanted_fine_net, net=options.net, patient=partial(fast_gpu_paints, options.engine, options.precision)
        )
        self._looks = LookBook(report, self._board.use_styles, fine_of)
        self._learner = StyleLearner(self._board, self._looks, options.folder, report, self._captured)
        opened.callback(self._learner.close)
        self._looks.look(self._board.settings)
        around = (BoardViewer(self._board, self._overlay), self._stats, report, stop)
        self._ends = LiveEnds(address, options, *around, opened=opened, while_opening=while_opening)

    def prepare(self, sinks: Sequence[str], status: Callable[[str], None]) -> None:
        """Open the sinks, and all that stands between."""
        lanes, source = self._ends.open_lanes(sinks), self._ends.source
        self._make_picture()
        self._listen()
        options = self._options
        self._loop = LiveLoop(
            Capture(source, self._ends.open_source_again, stats=self._stats, report=self._report, stop=self._stop),
            self._picture,
            lanes,
            stop=self._stop,
            report=self._report,
            fps_cap=options.fps_cap,
            frames=options.frames,
            ended=self._ended,
        )
        self._recorder = LiveRecorder(
            self._loop, options.folder, self._ends.recording_lane, self._report, self._stop_recording
        )
        self._watch = LiveWatch(
            self._board,
            self._stats,
            self._picture,
            self._painter,
            self._loop,
            self._recorder,
            pilot=self._pilot(),
            seconds=options.seconds,
            status=status,
            end=self._end,
        )
        if options.learn:
            self._report(self._board.carry_out("learn").line)
        if options.wait and not options.pass_through:
            self._report("it begins when the painting is ready")
            self._picture.rehearse(self._ends.source.size, self._stop)

    def run(self) -> LiveReport:
        """From the first picture to the end."""
        self._stats.begin()
        self._loop.run(self._watch, time.perf_counter() if self._options.wait else float("-inf"))
        self._recorder.tell()
        return self._live_report()

    def _stop_recording(self) -> None:
        self._board.do("record", False)

    def _make_picture(self) -> None:
        """What stands between the source and the sinks."""
        options = self._options
        loader = EngineLoader(self._report)
        self._opened.callback(loader.close)
        choice = EngineChoice(options.engine, options.precision, options.strict, verbose=options.verbose)
        self._painter = LivePainter(loader, self._report, choice)
        self._opened.callback(self._painter.close)
        self._paint_size = PaintSize(options.stroke)
        around = (self._board, self._looks, self._painter, self._paint_size, self._stats)
        self._picture = LivePicture(self._ends.size, *around, still=lambda: self._still.shown)

    def _pilot(self) -> HeightPilot | None:
        options = self._options
        goals = goals_for(options.target_fps, options.max_latency_ms, options.fps_cap)
        if goals is None:
            return None
        asked = options.target_fps is not None or options.max_latency_ms is not None
        least = {} if asked else {"least_height": AUTO_LEAST_HEIGHT}
        return HeightPilot(goals, self._ends.source.size, self._paint_size, self._stats, self._report, **least)

    def _listen(self) -> None:
        """A run without its socket is still a run, unless the socket was asked for."""
        if not self._options.control:
            return
        try:
            self._opened.enter_context(ControlServer(self._board, self._options.socket))
        except (ImpastoError, OSError) as error:
            if self._options.socket is not None:
                raise
            self._report(str(error))

    def _end(self) -> None:
        self._ended.set()
        self._stop.set()

    def _snapshot(self) -> str:
        newest = self._picture.newest
        if newest is None:
            raise ImpastoError("there is no picture to save yet")
        return self._save(newest.data)

    def _save(self, pixels: Pixels) -> str:
        return str(save_snapshot(pixels, self._options.folder, datetime.now()))

    def _learn(self, picture: str) -> str:
        """It shows at once as what was read of it."""
        if picture:
            check_picture(picture)
            self._board.do("style", picture)
        return self._learner.ask(self._board.settings.style)

    def _textures(self, settings: LiveSettings) -> Sequence[str]:
        return self._looks.textures(settings)

    def _captured(self) -> Pixels | None:
        return self._picture.captured

    def _paint_still(self) -> str:
        return self._still.ask(self._picture.captured)

    def _figures(self) -> dict[str, Any]:
        return figures_for_json(self._stats.now(), self._picture.engine, self._picture.net)

    def _overlay(self) -> OverlayFigures:
        return overlay_figures(self._stats.now(), self._picture.engine)

    def _live_report(self) -> LiveReport:
        loop, first = self._loop, self._loop.first_frame_at
        return LiveReport(
            self._stats.totals(),
            self._ends.size,
            self._watch.engine,
            self._watch.net,
            tuple(SinkFacts(lane.label, lane.frames, _words(lane.trouble)) for lane in loop.all_lanes),
            None if first is None else first - self._begun,
            tuple(self._report.lines),
            interrupted=not loop.ended_by_itself,
            painting_wanted=self._picture.painting_wanted,
            texture=self._watch.texture,
        )


def _words(trouble: BaseException | None) -> str:
    """Never empty where there is trouble."""
    return "" if trouble is None else str(trouble) or type(trouble).__name__
