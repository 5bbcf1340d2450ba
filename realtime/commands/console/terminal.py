"""What a command shows while it works: lines and a bar on stderr, the result on stdout; a signal asks for a stop."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Protocol, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from engines.finite_json import finite_json
from engines.stop_signals import heard_by, stop_signals
from realtime.commands.console.border import FAILED, INTERRUPTED

ENGINE_PREFIX = "engine: "
STDERR = 2
STOPPING = b"\nimpasto: stopping and closing the file; Ctrl-C again aborts\n"


class Report(Protocol):
    """What the work behind a command gives back."""

    @property
    def interrupted(self) -> bool: ...
    @property
    def input_broke_off(self) -> bool: ...
    def summary(self) -> str: ...
    def as_dict(self) -> dict[str, Any]: ...


class CountColumn(ProgressColumn):
    """`120/375, 31.2 fps`"""

    def __init__(self, unit: str) -> None:
        super().__init__(table_column=unbroken())
        self._unit = unit

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{task.total:.0f}"
        speed = task.finished_speed or task.speed
        return Text(f"{task.completed:.0f}{total}" + (f", {speed:.1f} {self._unit}" if speed else ""))


class LastingConsole(Console):
    """Work goes on where nobody reads it any more: a pipe's reader may leave, a terminal may be closed."""

    def tell(self, text: str) -> None:
        """One line, as it is."""
        with suppress(OSError):
            self.print(text, markup=False, highlight=False, soft_wrap=True)

    def bar(self, *columns: ProgressColumn) -> Progress:
        """What is being done, a bar and these columns, in one line; nothing where this is no terminal."""
        return Progress(
            TextColumn("{task.description}", markup=False, table_column=unbroken()),
            BarColumn(),  # the one column that shrinks in a narrow terminal
            *columns,
            console=self,
            refresh_per_second=4,
            disable=not self.is_terminal,
        )

    def on_broken_pipe(self) -> None:
        """Rich would turn stdout off, where pictures or the result may go, and end the thread."""
        self.quiet = True


class OneBar:
    """A bar on stderr with these columns; where stderr is no terminal only the reported lines are written."""

    def __init__(self, console: LastingConsole, *columns: ProgressColumn) -> None:
        self._console = console
        self._progress = console.bar(*columns)
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._progress.stop()

    def report(self, line: str) -> None:
        """One line for people, which stays."""
        self._console.tell(line)


class Bar(OneBar):
    """The progress of one piece of work; `report` and `progress` are what the work is given to call."""

    def __init__(self, console: LastingConsole, unit: str) -> None:
        super().__init__(console, CountColumn(unit), TimeRemainingColumn(table_column=unbroken()))

    def report(self, line: str) -> None:
        """The engine and its precision in a line also become the bar's label."""
        super().report(line)
        if line.startswith(ENGINE_PREFIX):
            self.label(line.removeprefix(ENGINE_PREFIX).partition(" on ")[0])

    def label(self, text: str) -> None:
        self._progress.update(self._task, description=text)

    def progress(self, done: float, total: float | None) -> None:
        self._progress.update(self._task, completed=done, total=total)


def unbroken() -> Column:
    """A column of one line, however narrow the terminal: a bar of two lines would climb over what stands above it."""
    return Column(no_wrap=True, overflow="ellipsis")


@contextmanager
def stopped_by_interrupt(told: bytes = STOPPING) -> Iterator[threading.Event]:
    """An event that Ctrl-C, `kill` or a closed terminal sets, so that the work can close its file; `told` says so.

    A second Ctrl-C raises KeyboardInterrupt.
    """
    stop = threading.Event()

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not stop.is_set():
            stop.set()
            with suppress(OSError):  # the terminal may be gone
                os.write(STDERR, told)  # print must not be entered again from a signal

    with heard_by(ask_to_stop, stop_signals()):
        yield stop


@contextmanager
def ended_by_kill() -> Iterator[None]:
    """`kill` and a closed terminal raise KeyboardInterrupt as Ctrl-C does, so that temporary files are removed."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with heard_by(interrupt, stop_signals()):
        yield


def progress_bar(unit: str = "fps") -> Bar:
    """A bar on stderr that counts in `unit`; where stderr is no terminal only the reported lines are written."""
    return Bar(LastingConsole(stderr=True), unit)


class StatusLine:
    """One line on stderr that changes while work goes on; no line where stderr is no terminal."""

    def __init__(self, console: LastingConsole) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None

    def __enter__(self) -> "StatusLine":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            with suppress(OSError):
                self._status.stop()

    def report(self, line: str) -> None:
        """One line for people, which stays."""
        self._console.tell(line)

    def show(self, line: str) -> None:
        """What is going on."""
        if self._status is not None:
            self._status.update(Text(line))


def status_line() -> StatusLine:
    """For work that has no end to count towards."""
    return StatusLine(LastingConsole(stderr=True))


def finish(report: Report, *, as_json: bool, to_stderr: bool = False) -> None:
    """Prints what came of the work; exits with 130 where it was interrupted, with 1 where the input broke off.

    `to_stderr` leaves stdout to the pictures that went there.
    """
    if to_stderr:
        print(report.summary(), file=sys.stderr)
    else:
        print_result(report.as_dict() if as_json else report.summary())
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.input_broke_off:
        raise typer.Exit(FAILED)


def print_result(result: str | dict[str, Any]) -> None:
    """A text as it is, or one JSON document; flushed at once so that a closed pipe is met here.

    JSON is ASCII, and text escapes what stdout cannot say: a file's name may hold bytes of any encoding.
    """
    if isinstance(result, dict):
        result = finite_json(result)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # there may be no stdout
    print(result.encode(encoding, "backslashreplace").decode(encoding), flush=True)
