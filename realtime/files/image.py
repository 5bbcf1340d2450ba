"""`impasto image`: pictures painted into pictures, each at its own size."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from engines.errors import (
    BadValue,
    EngineRefused,
    FileTaken,
    ImpastoError,
    Interrupted,
    NotEnoughMemory,
    TooSmall,
    in_one_line,
)
from engines.spec import EngineSpec, SizeRange
from realtime.files.options import ImageOptions
from realtime.files.picture_plan import plan_pictures
from realtime.files.report import ImageReport
from realtime.frames.frame import Frame, Pixels
from realtime.frames.request import told_once
from realtime.media.picture_file import (
    Picture,
    encode_picture,
    lost_in,
    too_large_for,
    write_whole,
)
from realtime.media.picture_reader import PictureReader
from realtime.painting.full_size.painting_size import LINES, painting_size
from realtime.painting.notes import EngineFacts, Notes
from realtime.painting.opening import open_stylizer
from realtime.painting.stylizer import Stylizer

MOST_ASPECT = 2  # of pictures that one engine takes; a panorama gets its own


def stylize_images(
    inputs: Sequence[Path],
    output: Path,
    options: ImageOptions,
    *,
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    stop: threading.Event | None = None,
) -> ImageReport:
    """Paint pictures. `inputs` are picture files, folders and globs; several need a folder as `output`.

    A folder that is missing is made. Of several pictures, those that are there already and may not be overwritten stay.
    Transparency, colour profile and EXIF are kept where the output's format can.
    Setting `stop` ends after the picture at hand, or while an engine is built for it. Of several pictures, those that
    cannot be read or painted are told and left out, unless `options.strict`; what no picture could be painted with ends
    the run. Raises ImpastoError, FileNotFoundError or OSError with one line for people.
    """
    started = time.perf_counter()
    stop = stop or threading.Event()
    notes = Notes(report)
    plan = plan_pictures(inputs, output)
    jobs = plan.still_to_do(notes, overwrite=options.overwrite)
    written: list[Path] = []
    with closing(_Painter(options, report, stop)) as painter, suppress(Interrupted):
        work = _Work(options, painter, notes, needed=options.strict or len(plan.jobs) == 1)
        for number, (source, target) in enumerate(jobs, start=1):
            if stop.is_set():
                break
            if work(source, target):
                written.append(target)
                progress(number, len(jobs))
    seconds, left_out = time.perf_counter() - started, tuple(work.left_out)
    stopped = len(written) + len(left_out) < len(jobs)
    return ImageReport(tuple(written), seconds, painter.net_ms, painter.facts, stopped, tuple(notes.lines), left_out)


class _Work:
    """Takes one picture after the other from its file to that of its painting.

    Where they are `needed` each, what is wrong with one is raised; else it is told, and the picture left out.
    """

    def __init__(self, options: ImageOptions, painter: "_Painter", notes: Notes, *, needed: bool) -> None:
        self._options, self._painter, self._notes, self._needed = options, painter, notes, needed
        self._reader = PictureReader(notes, needed=needed)

    @property
    def left_out(self) -> list[Path]:
        return self._reader.left_out

    def __call__(self, source: Path, target: Path) -> bool:
        """Whether it was written; Interrupted where it was told to stop while an engine was built."""
        read = self._reader.read(source)
        if read is None:
            return False
        picture = read.filled().scaled(self._options.height)
        for note in (*picture.notes, *lost_in(target.suffix, picture)):
            self._notes(f"{source.name}: {note}")
        data = self._painted(picture, source, target.suffix)
        if data is None:
            return False
        try:
            write_whole(target, data, overwrite=self._options.overwrite)
        except FileTaken as error:  # by now, as by another run into the same folder
            self._leave_out(source, error)
            return False
        return True

    def _painted(self, picture: Picture, source: Path, suffix: str) -> bytes | None:
        """The painting in the format of the suffix; None where it is left out."""
        if too_large := too_large_for(suffix, (picture.rgb.shape[1], picture.rgb.shape[0])):
            self._leave_out(source, BadValue(too_large))
            return None
        try:
            return encode_picture(replace(picture, rgb=self._painter(picture)), suffix)
        except Interrupted:
            raise
        except ImpastoError as error:
            if self._painter.fails_for_all(error):
                raise
            self._leave_out(source, error)
            return None

    def _leave_out(self, source: Path, error: ImpastoError) -> None:
        if self._needed:
            raise type(error)(f"{source.name}: {error}") from error
        self._reader.leave_out(source, f"{source.name}: {in_one_line(error)}")


class _Painter:
    """Paints pictures of any size: the first by an engine for its size, which is the quickest.

    From the second size on by one engine for many where the backend has such, for to build one takes seconds.
    """

    def __init__(self, options: ImageOptions, report: Callable[[str], None], stop: threading.Event) -> None:
        self._options, self._stop = options, stop
        self._report = told_once(report)
        self._stylizer: Stylizer | None = None
        self._of_many: Stylizer | None = None
        self._tries_many = True
        self._net_seconds: list[float] = []
        self.facts: EngineFacts | None = None

    def __call__(self, picture: Picture) -> Pixels:
        frame = Frame(picture.rgb, 0.0, time.perf_counter())
        stylizer = self._stylizer_for(frame.size)
        stylizer.begin_anew()  # each picture is the first of its own
        small = stylizer.small(frame)
        started = time.perf_counter()
        painted = stylizer.paint(frame, small)
        self._net_seconds.append(time.perf_counter() - started)
        return stylizer.join(painted).data

    @property
    def net_ms(self) -> float:
        """Median milliseconds of a picture in the net."""
        return 1e3 * statistics.median(self._net_seconds) if self._net_seconds else 0.0

    def fails_for_all(self, error: ImpastoError) -> bool:
        """Whether other pictures would meet it too: none was painted yet, and it is not about the size of this one."""
        return self.facts is None and not isinstance(error, (TooSmall, NotEnoughMemory))

    def close(self) -> None:
        self._close_one()
        if self._of_many is not None:
            self._of_many.engine.close()
        self._of_many = None

    def _close_one(self) -> None:
        if self._stylizer is not None:
            self._stylizer.engine.close()
        self._stylizer = None

    def _stylizer_for(self, size: tuple[int, int]) -> Stylizer:
        before = self._stylizer
        if before is not None and before.size == painting_size(size, self._options.stroke):
            return before
        self._close_one()
        of_many = None if before is None else self._one_of_many(size, before.engine.spec)
        self._stylizer = stylizer = of_many or self._open(size, self._options)
        self.facts = stylizer.facts
        return stylizer

    def _one_of_many(self, size: tuple[int, int], before: EngineSpec) -> Stylizer | None:
        """None where no engine like the one `before` takes many sizes, or this one is none of them."""
        width, height = painted = painting_size(size, self._options.stroke)
        side = min(painting_size((LINES, LINES), self._options.stroke))  # of all but small pictures
        sizes = SizeRange((side, side), (MOST_ASPECT * side, MOST_ASPECT * side))
        if self._tries_many and (height, width) in sizes:
            self._tries_many = False
            with suppress(EngineRefused, NotEnoughMemory):
                self._of_many = self._open_for_many(size, sizes, before)
        return None if self._of_many is None else self._of_many.resized(painted)

    def _open_for_many(self, size: tuple[int, int], sizes: SizeRange, before: EngineSpec) -> Stylizer:
        """By the backend and in the precision that painted before, or EngineRefused."""
        alike = replace(self._options, engine=before.backend, precision=before.asked_for, strict=True)
        stylizer = self._open(size, alike, sizes)
        if stylizer.facts.precision != before.precision:
            stylizer.engine.close()
            raise EngineRefused(f"{stylizer.facts} is not as the engine of the first picture")
        return stylizer

    def _open(self, size: tuple[int, int], options: ImageOptions, sizes: SizeRange | None = None) -> Stylizer:
        return open_stylizer(
            options, size, requests=1, size_range=sizes, patient=True, report=self._report, stop=self._stop
        )
