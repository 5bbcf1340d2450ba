"""The progress of `impasto compile` and of `impasto bench`: what is being done, and how far that is."""

import time

from rich.progress import MofNCompleteColumn, ProgressColumn, Task, TimeElapsedColumn
from rich.text import Text

from realtime.bench.schedule import Standing
from realtime.commands.console.terminal import LastingConsole, OneBar, unbroken
from realtime.painting.notes import spoken

LINE_SECONDS = 30.0  # between two lines where there is no bar


class ShareColumn(ProgressColumn):
    """`42 %`, and nothing where a stage does not tell how far it is."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{100 * task.completed:.0f} %")


class BuildBar(OneBar):
    """Begins anew with every build."""

    def __init__(self, console: LastingConsole) -> None:
        super().__init__(console, ShareColumn(table_column=unbroken()), TimeElapsedColumn(table_column=unbroken()))
        self._build = ""

    def show(self, build: str, stage: str, share: float) -> None:
        """What is being done; a share of 0 is also what a stage says that tells no more."""
        if build != self._build:
            self._build = build
            self._progress.reset(self._task)
        self._progress.update(
            self._task, description=f"{build}: {stage}", completed=share, total=1.0 if share > 0 else None
        )


class TimeLeftColumn(ProgressColumn):
    """`about 3 min left`, counted down between two steps, for a step may take a minute."""

    def render(self, task: Task) -> Text:
        ends_at = task.fields.get("ends_at")
        if ends_at is None:
            return Text()
        left = ends_at - time.monotonic()
        return Text(f"about {spoken(left)} left" if left > 0 else "longer than thought")


class BenchBar(OneBar):
    """Where stderr is no terminal, a line now and then tells how far the run is."""

    def __init__(self, console: LastingConsole) -> None:
        super().__init__(console, MofNCompleteColumn(table_column=unbroken()), TimeLeftColumn(table_column=unbroken()))
        self._told_at = time.monotonic()

    def show(self, standing: Standing) -> None:
        """How far the run is, before each of its steps."""
        now = time.monotonic()
        self._progress.update(
            self._task,
            description=standing.doing,
            completed=standing.done,
            total=standing.total,
            ends_at=now + standing.seconds_left,
        )
        if not self._console.is_terminal and now - self._told_at >= LINE_SECONDS:
            self._told_at = now
            self.report(f"{standing.done} of {standing.total} done, about {spoken(standing.seconds_left)} left")
