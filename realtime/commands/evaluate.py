"""`impasto evaluate`: how near styles come to their paintings, and what they keep of the photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.commands.console.border import INTERRUPTED
from realtime.commands.settings import Json, with_settings
from realtime.evaluation.options import EvaluateOptions

if TYPE_CHECKING:
    from realtime.evaluation.report import EvaluationReport

TERMINAL_COLUMNS = 160  # where stdout is no terminal


@with_settings
def evaluate(
    options: EvaluateOptions,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all pictures there, as one.")] = None,
    slices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw a column of each --clip over time, plain and steady.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge styles: nearness to the paintings, content kept, flicker and speed."""
    from realtime.commands.console.terminal import ended_by_kill, print_result, progress_bar
    from realtime.evaluation.jury import load_optimiser
    from realtime.evaluation.run import run_evaluation

    for path in filter(None, (sheet, slices)):
        _check_sheet(path)
    if slices is not None and not options.clip:
        raise typer.BadParameter("slices are drawn of films; name one with --clip FILE")
    with ended_by_kill(), progress_bar(unit="pictures/s") as bar:
        optimise = load_optimiser() if options.optimiser else None
        evaluation = run_evaluation(options, report=bar.report, progress=bar.progress, optimise=optimise)
    report = evaluation.report(options)
    if sheet is not None and report.rows:
        from realtime.evaluation.sheet import save_sheet

        save_sheet(sheet, evaluation)
    if slices is not None and report.steadiness is not None:
        from realtime.evaluation.steadiness.report import save_slices

        save_slices(slices, report.steadiness)
    print_result(report.as_dict() if json else _text(report))
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def _check_sheet(path: Path) -> None:
    """Before the minutes that it takes; ImpastoError or OSError where the sheet could not be written."""
    from engines.errors import BadValue, FileMissing
    from realtime.media.picture_file import PICTURE_SUFFIXES

    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise BadValue(
            f"{path.name}: {path.suffix!r} is no picture format; use one of {', '.join(sorted(PICTURE_SUFFIXES))}"
        )
    if not path.absolute().parent.is_dir():
        raise FileMissing(f"there is no folder {path.parent} for {path.name}; make it first")


def _text(report: "EvaluationReport") -> str:
    import shutil

    from realtime.evaluation.table import as_text

    return as_text(report, shutil.get_terminal_size((TERMINAL_COLUMNS, 0)).columns)
