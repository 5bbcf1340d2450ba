"""`impasto video`: a video file, or pictures in order, painted into a video file."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from realtime.commands import keyframe_choices
from realtime.commands.settings import Json, with_settings
from realtime.files.options import VideoOptions


@partial(with_settings, more=keyframe_choices.PARAMETERS)
def video(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A video, - for standard input, an http(s) address, or pictures: a folder, a quoted glob or "
            "frames/%04d.png.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The painted video, whose ending names the container; frames/%04d.png for pictures, - for standard "
            "output.",
        ),
    ],
    options: VideoOptions,
    json: Json = False,
    keyframes: keyframe_choices.Keyframes = None,
    learn: keyframe_choices.Learn = False,
    **recipe: Any,
) -> None:
    """Paint a video; sound, subtitles and times are kept."""
    from realtime.media.containers import STANDARD_OUTPUT

    streamed = output == STANDARD_OUTPUT
    if streamed and json:
        raise typer.BadParameter("--json and OUT - both want stdout; leave one of them out")
    recipe_of_keys = keyframe_choices.keyframe_options(context, keyframes, recipe, options.stroke)
    from realtime.commands.console.terminal import finish, progress_bar, stopped_by_interrupt
    from realtime.files.video import stylize_video

    with stopped_by_interrupt() as stop, progress_bar() as bar:
        painter = None
        if keyframes is not None:
            from realtime.painting.keyframes.stylizer import KeyframeStylizer

            painter = partial(
                KeyframeStylizer, recipe=recipe_of_keys, strength=options.strength, keep_colour=options.keep_colour,
                folder=keyframe_choices.folder_of(keyframes), learn=keyframe_choices.LEARN_STEPS if learn else None,
                report=bar.report, label=bar.label, stop=stop,
            )  # fmt: skip
        report = stylize_video(
            source, output, options, report=bar.report, progress=bar.progress, stop=stop, open_painter=painter
        )
    finish(report, as_json=json, to_stderr=streamed)
