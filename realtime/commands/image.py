"""`impasto image`: pictures painted into pictures."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.commands import choices
from realtime.options import ImageOptions

DEFAULTS = ImageOptions()


def image(
    sources: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, a folder or a quoted glob.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A picture; a folder where there are several.")],
    style: choices.Style = DEFAULTS.style,
    mix: choices.Mix = DEFAULTS.mix,
    strength: choices.Strength = DEFAULTS.strength,
    keep_colour: choices.KeepColour = DEFAULTS.keep_colour,
    height: choices.Height = DEFAULTS.height,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    strict: choices.Strict = DEFAULTS.strict,
    overwrite: choices.Overwrite = DEFAULTS.overwrite,
    json: choices.Json = False,
) -> None:
    """Paint a picture, or a folder of pictures."""
    from realtime.commands.terminal import finish, progress_bar, stopped_by_interrupt
    from realtime.image import stylize_images

    options = ImageOptions(
        style=style,
        mix=mix,
        strength=strength,
        keep_colour=keep_colour,
        height=height,
        engine=engine,
        precision=precision,
        strict=strict,
        overwrite=overwrite,
    )
    with stopped_by_interrupt() as stop, progress_bar() as bar:
        report = stylize_images(sources, output, options, report=bar.report, progress=bar.progress, stop=stop)
    finish(report, as_json=json)
