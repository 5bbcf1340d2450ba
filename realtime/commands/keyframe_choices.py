"""The options of `impasto video --keyframes`: those of the optimiser that make sense for a shot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engines.setting import spelled
from realtime.commands.gatys_choices import OF_A_NET, SHARED
from realtime.commands.settings import given, parameters_of, settings_from
from trainers.settings.gatys_options import GatysOptions

PANEL = "Key frames (--keyframes)"
NAMES = (
    "style_images", "iterations", "size", "loss", "content_weight", "style_weight", "tv_weight",
    "loss_network", "seed", "device",
)  # fmt: skip
# A shot is seen in motion, and a minute for each is long enough.
ITERATIONS = 120
# A net that learns a shot has seen its key frame often enough.
LEARN_STEPS = 300
Learn = Annotated[
    bool,
    typer.Option(
        "--learn",
        help="Teach a net each shot's key frame, some minutes each, and paint the shot with that.",
        rich_help_panel=PANEL,
    ),
]
AUTO = "auto"
Keyframes = Annotated[
    str | None,
    typer.Option(
        metavar=f"{AUTO}|FOLDER",
        autocompletion=lambda incomplete: [AUTO] if AUTO.startswith(incomplete) else [],
        help="Paint a key frame of every shot in the style of --style-image, about a minute each, and carry it. In a "
        "FOLDER they are kept as shot-1.png and shot-1-painted.png, and taken where they are painted, by hand too.",
        rich_help_panel=PANEL,
    ),
]
PARAMETERS = parameters_of(GatysOptions, NAMES, PANEL, iterations=ITERATIONS)


def folder_of(keyframes: str) -> Path | None:
    """Where key frames are kept and taken from; None for `auto`."""
    return None if keyframes == AUTO else Path(keyframes)


def keyframe_options(
    context: typer.Context, keyframes: str | None, chosen: Mapping[str, Any], stroke: float
) -> GatysOptions | None:
    """The settings that were typed, None for a net or for a folder in which all is painted by hand.

    BadParameter where they do not go together.
    """
    if keyframes is None:
        _refuse_without(context)
        return None
    for name in (*OF_A_NET, "decoder", "steady"):
        if given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for the nets; leave it out, or leave out --keyframes")
    if not keyframes or keyframes.startswith("-"):  # it was a switch once, and takes the word that follows
        raise typer.BadParameter(f"--keyframes takes {AUTO} or a FOLDER, not {keyframes!r}")
    if keyframes == AUTO or given(context, "style_images"):
        return settings_from(GatysOptions, {**chosen, SHARED: stroke})
    for name in NAMES:
        if given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for --style-image; add that, or leave it out")
    return None


def _refuse_without(context: typer.Context) -> None:
    if given(context, "style_images"):
        raise typer.BadParameter(
            "there is no net for --style-image: add --keyframes auto to paint a key frame of every shot by "
            "optimisation, about a minute each, or give the picture as --style, which a net reads"
        )
    for name in (*NAMES, "learn"):
        if given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for --keyframes auto; add that, or leave it out")
