"""`impasto doctor`: what this machine can do, and why not."""

from typing import Annotated

import typer

from realtime.commands.console.border import FAILED
from realtime.commands.settings import Json


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Look only; do not measure how fast the engines are.")] = False,
    json: Json = False,
) -> None:
    """Say what this machine can do, and why not; for bug reports with --json."""
    from rich.console import Console

    from realtime.commands.console.terminal import print_result, status_line
    from realtime.doctor.examination import examine
    from realtime.doctor.report import as_text

    with status_line() as status:
        examination = examine(quick=quick, report=status.report, show=status.show)
    print_result(examination.as_dict() if json else as_text(examination, Console()))
    if not examination.can_paint:
        raise typer.Exit(FAILED)
