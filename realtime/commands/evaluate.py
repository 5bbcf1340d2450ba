"""`impasto evaluate`: how near styles come to their paintings, and what they keep of the photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.commands.console import choices
from realtime.commands.console.border import INTERRUPTED
from realtime.evaluation.options import EvaluateOptions

if TYPE_CHECKING:
    from realtime.evaluation.report import EvaluationReport

DEFAULTS = EvaluateOptions(styles=(), paintings=())
TERMINAL_COLUMNS = 160  # where stdout is no terminal


def evaluate(
    styles: Annotated[
        list[str],
        typer.Argument(
            metavar="STYLE...",
            autocompletion=choices.complete_style,
            help="Styles as --style takes them elsewhere; a file without a name stands for all in it.",
        ),
    ],
    paintings: Annotated[
        list[Path], typer.Option(metavar="FOLDER", help="The paintings, each called like its style. Again for more.")
    ],
    content: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH",
            help="Photos that no net has seen: folders, pictures, videos. Again for more; else the scene.",
        ),
    ] = list(DEFAULTS.content),  # noqa: B006 - typer makes a new list of it
    photos: Annotated[int, typer.Option(min=1, help="How many of them, spread evenly.")] = DEFAULTS.photos,
    size: Annotated[int, typer.Option(min=128, metavar="PIXELS", help="Their long side.")] = DEFAULTS.size,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another loss network that judges too, such as VGG-19.")
    ] = DEFAULTS.check,
    optimiser: Annotated[
        str, typer.Option(metavar="25,100,400", help="Also paint without a net, in so many iterations. Takes long.")
    ] = ",".join(map(str, DEFAULTS.optimiser)),
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all pictures there, as one.")] = None,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    strict: choices.Strict = DEFAULTS.strict,
    json: choices.Json = False,
) -> None:
    """Judge styles: nearness to the paintings, content kept, flicker and speed."""
    from realtime.commands.console.terminal import ended_by_kill, print_result, progress_bar
    from realtime.evaluation.optimiser import load_optimiser
    from realtime.evaluation.run import run_evaluation

    options = EvaluateOptions(
        styles=tuple(styles), paintings=tuple(paintings), content=tuple(content), photos=photos, size=size,
        check=check, optimiser=iteration_counts(optimiser), engine=engine, precision=precision, strict=strict,
    )  # fmt: skip
    if sheet is not None:
        _check_sheet(sheet)
    with ended_by_kill(), progress_bar(unit="pictures/s") as bar:
        optimise = load_optimiser() if options.optimiser else None
        evaluation = run_evaluation(options, report=bar.report, progress=bar.progress, optimise=optimise)
    report = evaluation.report(options)
    if sheet is not None and report.rows:
        from realtime.evaluation.sheet import save_sheet

        save_sheet(sheet, evaluation)
    print_result(report.as_dict() if json else _text(report))
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def iteration_counts(text: str) -> tuple[int, ...]:
    """`25,100,400`, in rising order."""
    words = [word.strip() for word in text.split(",")] if text else []
    if not all(word.isdecimal() and int(word) for word in words):
        raise typer.BadParameter(f"{text!r} are not numbers of iterations such as 25,100,400", param_hint="--optimiser")
    return tuple(sorted({int(word) for word in words}))


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
