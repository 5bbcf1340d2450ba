"""`impasto image`: pictures painted into pictures, by a net or by optimisation."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from realtime.commands import gatys_choices
from realtime.commands.settings import Json, with_settings
from realtime.files.options import ImageOptions
from trainers.settings.gatys_options import GatysOptions

STOPPING = b"\nimpasto: stopping after the picture at hand; Ctrl-C again aborts\n"
SAVING = b"\nimpasto: stopping and saving; --resume goes on, Ctrl-C again aborts\n"


@partial(with_settings, more=gatys_choices.PARAMETERS)
def image(
    context: typer.Context,
    sources: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Pictures, a folder, a quoted glob or frames/%04d.png.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A picture; a folder where there are several.")],
    options: ImageOptions,
    method: gatys_choices.Method = "net",
    json: Json = False,
    **recipe: Any,
) -> None:
    """Paint a picture, or a folder of pictures."""
    if method == "gatys":
        _optimise(sources, output, options, gatys_choices.gatys_options(context, recipe, options.stroke), json)
        return
    gatys_choices.refuse_gatys_options(context)
    from realtime.commands.console.terminal import finish, progress_bar, stopped_by_interrupt
    from realtime.files.image import stylize_images

    with stopped_by_interrupt(STOPPING) as stop, progress_bar() as bar:
        report = stylize_images(sources, output, options, report=bar.report, progress=bar.progress, stop=stop)
    finish(report, as_json=json)


def _optimise(sources: list[Path], output: Path, options: ImageOptions, recipe: GatysOptions, json: bool) -> None:
    from realtime.commands.console.terminal import finish, progress_bar, stopped_by_interrupt
    from realtime.files.gatys import paint_keyframes

    with stopped_by_interrupt(SAVING) as stop, progress_bar(unit="Mpx/s") as bar:
        report = paint_keyframes(
            sources, output, options, recipe, report=bar.report, progress=bar.progress, label=bar.label, stop=stop
        )
    finish(report, as_json=json)
