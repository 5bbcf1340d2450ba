"""`impasto image`: pictures painted into pictures, by a net or by optimisation."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from realtime.commands import gatys_choices
from realtime.commands.console import choices
from realtime.commands.recipe_options import with_options
from realtime.files.options import ImageOptions
from trainers.options import GatysOptions

DEFAULTS = ImageOptions()
SAVING = b"\nimpasto: stopping and saving; --resume goes on, Ctrl-C again aborts\n"


def image(
    context: typer.Context,
    sources: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, a folder or a quoted glob.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A picture; a folder where there are several.")],
    method: gatys_choices.Method = "net",
    style: choices.Style = DEFAULTS.style,
    mix: choices.Mix = DEFAULTS.mix,
    strength: choices.Strength = DEFAULTS.strength,
    keep_colour: choices.KeepColour = DEFAULTS.keep_colour,
    height: choices.Height = DEFAULTS.height,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    strict: choices.Strict = DEFAULTS.strict,
    verbose: choices.Verbose = DEFAULTS.verbose,
    overwrite: choices.Overwrite = DEFAULTS.overwrite,
    json: choices.Json = False,
    **recipe: Any,
) -> None:
    """Paint a picture, or a folder of pictures."""
    options = ImageOptions(
        style=style,
        mix=mix,
        strength=strength,
        keep_colour=keep_colour,
        height=height,
        engine=engine,
        precision=precision,
        strict=strict,
        verbose=verbose,
        overwrite=overwrite,
    )
    if method == "gatys":
        _optimise(sources, output, options, gatys_choices.gatys_options(context, recipe), json)
        return
    gatys_choices.refuse_gatys_options(context)
    from realtime.commands.console.terminal import finish, progress_bar, stopped_by_interrupt
    from realtime.files.image import stylize_images

    with stopped_by_interrupt() as stop, progress_bar() as bar:
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


def _parameters() -> list[inspect.Parameter]:
    own = [p for p in inspect.signature(image).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return [*own, *gatys_choices.PARAMETERS]


with_options(image, _parameters())
