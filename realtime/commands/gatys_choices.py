"""The options of `impasto image --method gatys`: the fields of its settings, and which method an option belongs to."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from engines.setting import settings_of, spelled
from realtime.commands.settings import given, parameters_of, settings_from
from trainers.settings.gatys_options import GatysOptions

PANEL = "Optimisation (--method gatys)"
METHODS = ("net", "gatys")
SHARED = "stroke"  # a matter of every method, and so an option of the painting itself
NAMES = tuple(name for name in settings_of(GatysOptions) if name != SHARED)
PARAMETERS = parameters_of(GatysOptions, NAMES, PANEL)
# What paints with a net, and so is also for a start from what a net painted.
OF_A_NET = ("style", "mix", "texture", "net", "engine", "precision")


def method_name(text: str) -> str:
    if text not in METHODS:
        raise typer.BadParameter(f"there is no method {text!r}; choose {' or '.join(METHODS)}")
    return text


Method = Annotated[
    str,
    typer.Option(
        parser=method_name,
        metavar="|".join(METHODS),
        autocompletion=lambda incomplete: [name for name in METHODS if name.startswith(incomplete)],
        help="A trained net, or the optimisation of every picture by itself, in any style (Gatys et al.): minutes on a "
        "processor.",
    ),
]


def gatys_options(context: typer.Context, chosen: Mapping[str, Any], stroke: float) -> GatysOptions:
    """The settings that were typed; BadParameter where they do not go together or belong to a net."""
    recipe = settings_from(GatysOptions, {**chosen, SHARED: stroke})
    if given(context, "height"):
        raise typer.BadParameter("--height is for --method net; --size gives the long side here")
    for name in OF_A_NET:
        if recipe.start != "net" and given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for --method net, or for gatys with --start net")
    return recipe


def refuse_gatys_options(context: typer.Context) -> None:
    """BadParameter where an option of the other method was typed."""
    for name, (_, setting) in settings_of(GatysOptions).items():
        if name != SHARED and given(context, name):
            raise typer.BadParameter(f"{spelled(name, setting)} is for --method gatys; add that, or leave it out")
