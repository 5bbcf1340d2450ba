"""`impasto video`: a video file, or pictures in order, painted into a video file."""

import inspect
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from realtime.commands import keyframe_choices
from realtime.commands.console import choices
from realtime.commands.recipe_options import with_options
from realtime.files.options import VideoOptions

DEFAULTS = VideoOptions()
FILE = "Output file"


def video(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="IN", help="A video, or a folder or quoted glob of pictures.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The painted video; its ending names the container.")],
    style: choices.Style = DEFAULTS.style,
    mix: choices.Mix = DEFAULTS.mix,
    strength: choices.Strength = DEFAULTS.strength,
    keep_colour: choices.KeepColour = DEFAULTS.keep_colour,
    height: choices.Height = DEFAULTS.height,
    codec: Annotated[
        str,
        typer.Option(help="auto (H.264), or an FFmpeg encoder such as libx265 or h264_nvenc.", rich_help_panel=FILE),
    ] = DEFAULTS.codec,
    crf: Annotated[
        int | None, typer.Option(min=0, max=63, help="The encoder's quality, lower is better.", rich_help_panel=FILE)
    ] = DEFAULTS.crf,
    preset: Annotated[
        str | None, typer.Option(help="The encoder's preset, such as veryfast.", rich_help_panel=FILE)
    ] = DEFAULTS.preset,
    fps: Annotated[
        Fraction,
        typer.Option(
            parser=choices.positive_fraction, metavar="N", help="Frame rate where IN is pictures.", rich_help_panel=FILE
        ),
    ] = DEFAULTS.fps,
    decoder: choices.Decoder = DEFAULTS.decoder,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    strict: choices.Strict = DEFAULTS.strict,
    verbose: choices.Verbose = DEFAULTS.verbose,
    overwrite: choices.Overwrite = DEFAULTS.overwrite,
    json: choices.Json = False,
    keyframes: Annotated[
        bool,
        typer.Option(
            "--keyframes",
            help="Paint a key frame of every shot in the style of --style-image, about a minute each, and carry it.",
            rich_help_panel=keyframe_choices.PANEL,
        ),
    ] = False,
    **recipe: Any,
) -> None:
    """Paint a video; sound, subtitles and times are kept."""
    optimised = keyframe_choices.keyframe_options(context, keyframes, recipe)
    from realtime.commands.console.terminal import finish, progress_bar, stopped_by_interrupt
    from realtime.files.video import stylize_video

    options = VideoOptions(
        style=style,
        mix=mix,
        strength=strength,
        keep_colour=keep_colour,
        height=height,
        codec=codec,
        crf=crf,
        preset=preset,
        fps=fps,
        decoder=decoder,
        engine=engine,
        precision=precision,
        strict=strict,
        verbose=verbose,
        overwrite=overwrite,
    )
    with stopped_by_interrupt() as stop, progress_bar() as bar:
        painter = None
        if optimised is not None:
            from realtime.painting.keyframes.stylizer import KeyframeStylizer

            painter = partial(
                KeyframeStylizer, recipe=optimised, strength=strength, keep_colour=keep_colour,
                report=bar.report, label=bar.label, stop=stop,
            )  # fmt: skip
        report = stylize_video(
            source, output, options, report=bar.report, progress=bar.progress, stop=stop, open_painter=painter
        )
    finish(report, as_json=json)


def _parameters() -> list[inspect.Parameter]:
    own = [p for p in inspect.signature(video).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return [*own, *keyframe_choices.PARAMETERS]


with_options(video, _parameters())
