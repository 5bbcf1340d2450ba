"""The options of `impasto image --method gatys`: the fields of its settings, and which method an option belongs to."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

import typer

from realtime.commands.recipe_options import SPELLED, as_field, option_of
from trainers.options import LEAST_PICTURE_PX, GatysOptions

PANEL = "Optimisation (--method gatys)"
METHODS = ("net", "gatys")
GATYS_HELP = {
    "style_images": "A picture whose style is taken; again for more, each with a weight: a.jpg=0.7.",
    "masks": "White where the style belongs; one for each --style-image, in their order.",
    "loss": "wasserstein (whole distributions) or gram (Gatys' own).",
    "iterations": "Steps in all, spread over the scales.",
    "size": "Long side of the result, in pixels; else the picture's own, at most 1024.",
    "stroke": "Size of the strokes: of the style picture, in long sides of the result.",
    "start": "content, noise, or net: what --style paints.",
    "optimiser": "adam or lbfgs.",
    "learning_rate": "Adam's, at the coarsest scale.",
    "content_weight": "Weight of the content loss.",
    "style_weight": "Weight of the style loss.",
    "tv_weight": "Weight of the total variation.",
    "range_weight": "Weight of what leaves the range of colours.",
    "content_layers": "Where content is compared, separated by commas.",
    "style_layers": "Where style is compared, separated by commas.",
    "loss_network": "5se (comes along), vgg16 or vgg19 (downloaded), or a file of weights.",
    "detail_floor": "How much content counts where the picture is flat, 0 to 1.",
    "detail_local": "How much detail is told from its surroundings, not the whole picture: keeps small faces.",
    "octaves": "Sizes of the picture that are compared, each half of the one before.",
    "levels": "Bands of the pyramid that is moved; 1 moves the pixels.",
    "least_size": "Long side of the coarsest scale.",
    "samples": "Places of a layer that are compared in a step.",
    "slices": "Directions along which they are compared.",
    "paper_factors": "The losses with the paper's own factors (with gram).",
    "tile": "Side of the tiles in which more than a megapixel is computed.",
    "preview_every": "Steps between previews beside OUT.",
    "seed": "Makes the picture repeatable.",
    "resume": "Go on with what Ctrl-C stopped.",
}
LEAST: dict[str, float] = {"iterations": 1, "size": LEAST_PICTURE_PX}
PARAMETERS = [option_of(field, GATYS_HELP, LEAST, PANEL) for field in fields(GatysOptions)]
# What paints with a net, and so is also for a start from what a net painted.
OF_A_NET = ("style", "mix", "engine", "precision", "strict")


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
        help="A trained net, or the optimisation of every picture by itself: minutes, in any style (Gatys et al.).",
    ),
]


def gatys_options(context: typer.Context, chosen: Mapping[str, Any]) -> GatysOptions:
    """The settings that were typed; BadParameter where they do not go together or belong to a net."""
    try:
        recipe = GatysOptions(**{name: as_field(name, value) for name, value in chosen.items()})
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if given(context, "height"):
        raise typer.BadParameter("--height is for --method net; --size gives the long side here")
    for name in OF_A_NET:
        if recipe.start != "net" and given(context, name):
            raise typer.BadParameter(f"{spelled(name)} is for --method net, or for gatys with --start net")
    return recipe


def refuse_gatys_options(context: typer.Context) -> None:
    """BadParameter where an option of the other method was typed."""
    for field in fields(GatysOptions):
        if given(context, field.name):
            raise typer.BadParameter(f"{spelled(field.name)} is for --method gatys; add that, or leave it out")


def given(context: typer.Context, name: str) -> bool:
    """Whether the option was typed."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def spelled(name: str) -> str:
    """The option as it is typed."""
    return SPELLED.get(name, f"--{name.replace('_', '-')}")
