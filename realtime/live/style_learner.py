"""A picture's style learnt while it is used: the live picture drifts from what was read of it to what is learnt."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engines.child_process import ChildProcess
from engines.errors import ImpastoError, in_one_line
from engines.style.picture_name import picture_in
from realtime.frames.frame import Pixels
from realtime.live.look_book import LookBook
from realtime.live.stream_views import StreamViews
from realtime.media.output_file import beside
from realtime.painting.learning_process import ENOUGH, end_in, learning, said_view, vector_in

if TYPE_CHECKING:
    from realtime.live.control.board import ControlBoard

KEPT_SECONDS = 15.0  # for what is learnt so far to be judged and written, on a machine that has much to do


class _Lesson:
    """One style that is being learnt: the process that learns, the views that it is given, and what it has said."""

    def __init__(self, style: str, picture: Path, process: ChildProcess, views: StreamViews) -> None:
        self.style, self.name = style, picture.name
        self.process, self.views = process, views
        self.has_learnt = False  # so that there is something to keep

    def end(self) -> None:
        """Leave off, whatever it is at."""
        self.views.end()
        self.process.end()


class StyleLearner:
    """Learns one style at a time in a process of its own; `looks` gets each vector, and the board a line about it.

    It learns on some of the frames that play too: `newest` is the one that was captured last, None before the first.
    """

    def __init__(
        self,
        board: "ControlBoard",
        looks: LookBook,
        folder: Path,
        report: Callable[[str], None],
        newest: Callable[[], Pixels | None],
    ) -> None:
        self._board, self._looks, self._folder, self._report = board, looks, folder, report
        self._newest = newest
        self._lock = threading.Lock()
        self._lesson: _Lesson | None = None
        self._thread: threading.Thread | None = None

    def ask(self, style: str) -> str:
        """Begin, in place of what is being learnt; a line for people. ImpastoError where the style is no picture."""
        net, picture = check_picture(style)
        with self._lock:
            if self._lesson is not None and self._lesson.style == style:
                raise ImpastoError(f"{picture.name} is being learnt already")
            self._end()
            process = learning(picture, net, beside(self._folder / f"{picture.stem}.onnx"))
            views = StreamViews(self._newest, lambda view: process.tell(said_view(view)), self._report)
            self._lesson = _Lesson(style, picture, process, views)
            arguments = (self._lesson,)
            self._thread = threading.Thread(target=self._run, args=arguments, name="impasto-learning", daemon=True)
            self._thread.start()
        return f"learning {picture.name} while it plays"

    def close(self) -> None:
        """Keep what is learnt so far, or tell that it is not."""
        with self._lock:
            lesson, thread = self._lesson, self._thread
        if lesson is None or thread is None:
            return
        lesson.views.end()
        if not lesson.has_learnt:
            self._report(f"{lesson.name} is not learnt: the run ended before the first step")
        else:
            self._report(f"keeping what is learnt of {lesson.name}")
            with suppress(ImpastoError):  # it has ended by itself, which its thread tells
                lesson.process.tell(ENOUGH)
            thread.join(KEPT_SECONDS)
            if thread.is_alive():
                why = f"what there is could not be written in {KEPT_SECONDS:.0f} s"
                self._report(f"{lesson.name} is not learnt: {why}")
        with self._lock:
            self._end()

    def _end(self) -> None:
        lesson, self._lesson = self._lesson, None
        if lesson is not None:
            lesson.end()

    def _run(self, lesson: _Lesson) -> None:
        try:
            line = self._follow(lesson)
        except Exception as error:  # a thread's border: the live picture goes on whatever happens here
            line = f"{lesson.name} is not learnt: {in_one_line(error)}"
        with self._lock:
            if self._lesson is not lesson:  # it was ended
                return
            self._end()
        self._board.say(line)
        self._report(line)

    def _follow(self, lesson: _Lesson) -> str:
        while (line := lesson.process.next_line()) is not None:
            if found := vector_in(line):
                share, vector = found
                lesson.has_learnt = True
                self._looks.use_vector(lesson.style, vector)
                self._board.say(f"learning {lesson.name}: {share:.0%}")
            elif path := end_in(line):
                return f"{lesson.name} is learnt: {path}"
        raise ImpastoError(lesson.process.how_it_ended())


def check_picture(style: str) -> tuple[str, Path]:
    """The style file and the picture that a style names; ImpastoError where it names no picture."""
    found = picture_in(style)
    if found is None:
        raise ImpastoError(f"learn takes a picture, and {style} is none; impasto control learn PICTURE.jpg")
    return found
