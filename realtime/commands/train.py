"""`impasto train`: recipes that make style files. The options of a recipe are the fields of its settings."""

import os
from dataclasses import fields
from typing import Any

import typer

from engines.errors import NotInstalled
from realtime.commands.console.border import at_the_border
from realtime.commands.recipe_options import as_field, option_of, with_options
from trainers.options import JohnsonOptions

app = typer.Typer(help="Train styles of your own.", no_args_is_help=True)

JOHNSON_HELP = {
    "styles": "Folder of the style pictures; each style is called like its file.",
    "content": "Folder of photos to learn on; give it again for more folders.",
    "out": "The style file to write; the run's folder lies beside it.",
    "network": "paper, fast, fine or ultra.",
    "steps": "Length of the run.",
    "batch": "Photos in a step.",
    "size": "Side of the crops, in pixels.",
    "other_sizes": "Further sides of crops, such as 208,320,384; each step takes one.",
    "max_scale": "Crops are taken from up to this many times their size.",
    "sensor_noise": "Noise on the photos that a net sees, 0 up to this deviation.",
    "stroke": "Size of the style pictures, and so of the strokes: 1 is 640 pixels long.",
    "loss": "wasserstein or gram.",
    "octaves": "Sizes of the picture that are compared, each half of the one before.",
    "detail_floor": "How much content counts where a photo is flat, 0 to 1.",
    "loss_network": "5se, vgg16, vgg19, or a file of weights.",
    "content_layers": "Where content is compared, separated by commas.",
    "style_layers": "Where style is compared, separated by commas.",
    "content_weight": "Weight of the content loss.",
    "style_weight": "Weight of the style loss.",
    "style_weights": "Weights of single styles, such as udnie=3,scream=1.5.",
    "samples": "Places of a layer that are compared in a step.",
    "slices": "Directions along which they are compared.",
    "tv_weight": "Weight of the total variation.",
    "range_weight": "Weight of what leaves the range of colours.",
    "grid_weight": "Weight of the loss against upsampling dots.",
    "comb_weight": "Weight of the loss against combs of fine dots.",
    "tone_weight": "Weight of keeping what is light and what is dark.",
    "structure_weight": "Weight of keeping what is as small as eyes and letters.",
    "stability_weight": "Weight of the loss against flicker.",
    "stability_start": "Part of the run after which that loss begins.",
    "seed_amplitude": "Deviation of the texture from which strokes grow; else the net's own.",
    "learning_rate": "Highest learning rate of Adam.",
    "average_decay": "How slowly the averaged weights forget.",
    "seed": "Makes a run repeatable.",
    "workers": "Processes that read photos.",
    "precision": "auto, no, bf16 or fp16.",
    "save_every": "Steps between checkpoints.",
    "sample_every": "Steps between sample sheets.",
    "validation": "Folder of photos for the figures on the card.",
    "initial": "Start from the weights of this checkpoint or style file; an ultra may start from a fast.",
    "resume": "Go on with the run that stands beside OUT.",
    "licence": "Licence of the weights, for the card.",
}
LEAST = {
    "steps": 1, "batch": 1, "size": 32, "octaves": 1, "samples": 1, "slices": 1, "workers": 0, "save_every": 1,
    "sample_every": 1,
}  # fmt: skip


def johnson(**chosen: Any) -> None:
    """Train one fast net on every picture in a folder of styles (Johnson et al. 2016)."""
    options = JohnsonOptions(**{name: as_field(name, value) for name, value in chosen.items()})
    train, write_style_file = _load_trainer()
    from realtime.commands.console.terminal import print_result, progress_bar

    with progress_bar(unit="steps/s") as bar:

        def on_step(done: int, losses: dict[str, float]) -> None:
            bar.label(_shown(losses))
            bar.progress(done, options.steps)

        trained = train(options, bar.report, on_step)
        bar.report("measuring the figures for the style card")
    if os.environ.get("RANK", "0") == "0":  # under a launcher several processes train and one writes
        print_result(f"{options.out}: {', '.join(trained.styles)}; {_shown(write_style_file(options, trained))}")


def _load_trainer() -> tuple[Any, Any]:
    """The recipe and its export; ImpastoError where the training extra is not installed."""
    try:
        from trainers.johnson import train
        from trainers.style_export import write_style_file
    except ModuleNotFoundError as error:
        raise NotInstalled(f"training needs {error.name}; install it with: pip install 'impasto[train]'") from error
    return train, write_style_file


def _shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {losses[name]:.3g}" for name in ("content", "style") if name in losses)


PARAMETERS = [option_of(field, JOHNSON_HELP, LEAST) for field in fields(JohnsonOptions)]
app.command("johnson")(at_the_border(with_options(johnson, PARAMETERS)))
