"""`impasto bench`: how fast this machine paints, where the time goes, and what the others would need."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engines.errors import BadValue, FileMissing
from realtime.bench.options import BenchOptions
from realtime.commands.console.border import FAILED, INTERRUPTED
from realtime.commands.settings import Json, with_settings

if TYPE_CHECKING:
    from realtime.bench.report.report import BenchReport

OUT = "What comes out"
TERMINAL_COLUMNS = 160  # where stdout is no terminal


@with_settings
def bench(
    options: BenchOptions,
    plot: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write charts (PNG) there.", rich_help_panel=OUT)
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables there as Markdown.", rich_help_panel=OUT)
    ] = None,
    json: Json = False,
) -> None:
    """Measure frames per second, latency and start-up, stage by stage; each figure with its spread."""
    from realtime.bench.run import run_bench
    from realtime.commands.console.bars import BenchBar
    from realtime.commands.console.terminal import LastingConsole, ended_by_kill, print_result

    _check_outputs(plot, markdown)
    with ended_by_kill(), BenchBar(LastingConsole(stderr=True)) as bar:
        report = run_bench(options, report=bar.report, progress=bar.show)
    print_result(report.as_dict() if json else _text(report))
    _write(report, plot, markdown)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not report.ran:
        raise typer.Exit(FAILED)


def _check_outputs(plot: Path | None, markdown: Path | None) -> None:
    """Before the minutes that the measurements take; OSError or ImpastoError where something could not be written."""
    if markdown is not None and not markdown.absolute().parent.is_dir():
        raise FileMissing(f"there is no folder {markdown.parent} for {markdown.name}; make it first")
    if markdown is not None and markdown.is_dir():
        raise BadValue(f"--markdown {markdown} is a folder; name the file to write, such as {markdown / 'bench.md'}")
    if plot is not None:
        from realtime.bench.report.charts import check_matplotlib
        from realtime.media.output_folder import make_folder

        check_matplotlib()
        make_folder(plot, "--plot")


def _write(report: "BenchReport", plot: Path | None, markdown: Path | None) -> None:
    if markdown is not None:
        from realtime.bench.report.tables import as_markdown

        markdown.write_text(as_markdown(report), encoding="utf-8")
    if plot is not None:
        from realtime.bench.report.charts import write_charts

        write_charts(report, plot)


def _text(report: "BenchReport") -> str:
    import shutil

    from realtime.bench.report.tables import as_text

    return as_text(report, shutil.get_terminal_size((TERMINAL_COLUMNS, 0)).columns)
