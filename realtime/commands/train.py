"""`impasto train`: recipes that make style files."""

import os
from typing import Any

import typer

from engines.packages import needing_extra
from realtime.commands.console.border import at_the_border
from realtime.commands.settings import with_settings
from trainers.options import JohnsonOptions

app = typer.Typer(help="Train styles of your own.", no_args_is_help=True)


def johnson(options: JohnsonOptions) -> None:
    """Train one fast net on every picture in a folder of styles (Johnson et al. 2016)."""
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
    with needing_extra("train", "training"):
        from trainers.johnson import train
        from trainers.style_export import write_style_file
    return train, write_style_file


def _shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {losses[name]:.3g}" for name in ("content", "style") if name in losses)


app.command("johnson")(at_the_border(with_settings(johnson)))
