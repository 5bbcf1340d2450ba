"""The progress bar of `impasto compile`: which engine is being built, at which stage, and how far that is."""

from rich.progress import ProgressColumn, Task, TimeElapsedColumn
from rich.text import Text

from realtime.commands.console.terminal import LastingConsole, OneBar, unbroken


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
