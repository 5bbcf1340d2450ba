"""The options of `impasto video --keyframes`: those of the optimiser that make sense for a shot."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import typer

from realtime.commands.gatys_choices import GATYS_HELP, LEAST, OF_A_NET, given, spelled
from realtime.commands.recipe_options import as_field, option_of
from trainers.options import GatysOptions

PANEL = "Key frames (--keyframes)"
NAMES = (
    "style_images", "iterations", "size", "stroke", "loss", "content_weight", "style_weight", "tv_weight",
    "loss_network", "seed",
)  # fmt: skip
# A shot is seen in motion, and a minute for each is long enough.
ITERATIONS = 120
DEFAULTS: dict[str, Any] = {"iterations": ITERATIONS}
PARAMETERS = [
    option_of(field, GATYS_HELP, LEAST, PANEL).replace(default=DEFAULTS[field.name])
    if field.name in DEFAULTS
    else option_of(field, GATYS_HELP, LEAST, PANEL)
    for field in fields(GatysOptions)
    if field.name in NAMES
]


def keyframe_options(context: typer.Context, keyframes: bool, chosen: Mapping[str, Any]) -> GatysOptions | None:
    """The settings that were typed, None for a net; BadParameter where they do not go together."""
    if not keyframes:
        _refuse_without(context)
        return None
    for name in (*OF_A_NET, "decoder"):
        if given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for the nets; leave it out, or leave out --keyframes")
    try:
        return GatysOptions(**{name: as_field(name, value) for name, value in chosen.items()})
    except ValueError as error:
        raise typer.BadParameter(f"--keyframes: {error}") from None


def _refuse_without(context: typer.Context) -> None:
    if given(context, "style_images"):
        raise typer.BadParameter(
            "there is no net for --style-image: add --keyframes to paint a key frame of every shot by optimisation, "
            "about a minute each, or train a net with `impasto train johnson` and give it as --style"
        )
    for name in NAMES:
        if given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for --keyframes; add that, or leave it out")
