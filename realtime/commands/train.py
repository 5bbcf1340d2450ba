"""`impasto train`: recipes that make style files."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import typer

from engines.errors import Interrupted
from engines.packages import needing_extra
from realtime.commands.console.border import INTERRUPTED, at_the_border
from realtime.commands.settings import with_settings
from trainers.settings.distil_options import DistilOptions
from trainers.settings.options import JohnsonOptions
from trainers.settings.pairs_options import PairsOptions
from trainers.settings.predictor_options import PredictorOptions
from trainers.settings.style_options import StyleOptions
from trainers.settings.unpaired_options import CycleGanOptions
from trainers.settings.vae_options import VaeOptions

OnStep = Callable[[int, dict[str, float]], None]
KEEPING = b"\nimpasto: stopping, and keeping the best if there is one by now; Ctrl-C again aborts\n"
app = typer.Typer(help="Train styles of your own.", no_args_is_help=True)


def johnson(options: JohnsonOptions) -> None:
    """Train one fast net on every picture in a folder of styles (Johnson et al. 2016)."""
    with needing_extra("train", "training"):
        from trainers.export.style_export import write_style_file
        from trainers.johnson import train
    from realtime.commands.console.terminal import print_result

    with _training_bar(options.steps, "content", "style") as (report, on_step):
        trained = train(options, report, on_step)
        report("measuring the figures for the style card")
    if _is_first_process():
        print_result(f"{options.out}: {', '.join(trained.styles)}; {_shown(write_style_file(options, trained))}")


def cyclegan(options: CycleGanOptions) -> None:
    """Train a net from a folder of photos and a folder of paintings, none of which match (CycleGAN, CUT)."""
    with needing_extra("train", "training"):
        from trainers.cyclegan import train
        from trainers.export.unpaired_export import write_style_files

    with _training_bar(options.steps, "painter", "judge", "cycle", "contrast") as (report, on_step):
        trained = train(options, report, on_step)
    if _is_first_process():
        write_style_files(options, trained)
        _print_figures(options.out, trained.figures)


def distil(options: DistilOptions) -> None:
    """Train a fast net to paint as a slow one does, such as one that was imported."""
    with needing_extra("train", "training"):
        from trainers.distil import train
        from trainers.export.distil_export import write_student
    from realtime.painting.picture_style import resolve
    from realtime.painting.teacher import open_teacher

    file, name = resolve(options.teacher)
    with (
        _training_bar(options.steps, "pixels", "features") as (report, on_step),
        open_teacher(file, name, options.size, report) as teacher,
    ):
        trained = train(options, teacher, file.card.licence, report, on_step)
        if _is_first_process():
            report("measuring the figures for the style card")
            figures = write_student(options, trained, teacher, file, name)
    if _is_first_process():
        _print_figures(options.out, figures)


def pairs(options: PairsOptions) -> None:
    """Train a net for a shot from some of its frames and what was painted of them (few-shot, Texler et al. 2020)."""
    with needing_extra("train", "training"):
        from trainers.export.pairs_export import write_pairs_net
        from trainers.pairs import find_pairs, train
    from engines.style.file import check_writable
    from realtime.painting.style_learning import first_vector

    check_writable(options.out)
    found = find_pairs(options.folder)
    begun, vector = first_vector(options.initial, found[0].painted)
    options = replace(options, initial=begun)
    with _training_bar(options.steps, "pixels", "features", "brush") as (report, on_step):
        trained = train(options, found, vector, report, on_step)
    if _is_first_process():
        _print_figures(options.out, write_pairs_net(options, found, trained))


def vae(options: VaeOptions) -> None:
    """Train an autoencoder that draws, dreams and, with paintings, paints like any picture (VAE, AdaIN)."""
    with needing_extra("train", "training"):
        from trainers.export.vae_export import write_style_file
        from trainers.vae import train

    with _training_bar(options.steps, "pixels", "perceptual", "kl", "style") as (report, on_step):
        trained = train(options, report, on_step)
    if _is_first_process():
        write_style_file(options, trained)
        _print_figures(options.out, trained.figures)


def predictor(options: PredictorOptions) -> None:
    """Train what lets a transform net paint like any picture: --style PICTURE.jpg (Ghiasi et al. 2017)."""
    with needing_extra("train", "training"):
        from trainers.export.predictor_export import write_predictor
        from trainers.predictor import train
    from realtime.commands.console.terminal import print_result

    with _training_bar(options.steps, "content", "style") as (report, on_step):
        trained = train(options, report, on_step)
    if _is_first_process():
        write_predictor(options, trained)
        print_result(f"{options.out}: {options.net.name} now takes any picture, as --style {options.net}:PICTURE.jpg")


def style(options: StyleOptions) -> None:
    """Learn the style of a picture, in a minute: the net stays as it is, only its style vector is learnt."""
    from realtime.commands.console.terminal import print_result, progress_bar, stopped_by_interrupt
    from realtime.painting.style_learning import Told, learn_styles

    with progress_bar(unit="steps/s") as bar, stopped_by_interrupt(KEEPING) as stop:
        told = Told(bar.report, bar.label, lambda done, total, _: bar.progress(done, total))
        written = learn_styles(options, told, stop)
    if written is not None:
        print_result(f"{options.out}: {', '.join(written.card.names)}")
    elif stop.is_set():
        raise Interrupted(f"stopped before the first step: {options.out} is not written")
    if stop.is_set() and not options.polish:
        raise typer.Exit(INTERRUPTED)


def _is_first_process() -> bool:
    """Under a launcher several processes train and one writes."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def _training_bar(steps: int, *shown: str) -> Iterator[tuple[Callable[[str], None], OnStep]]:
    """What a run reports to and calls after each step: a bar that shows these of its losses.

    Processes other than the first report nothing.
    """
    from realtime.commands.console.terminal import progress_bar

    begun = threading.Event()
    with progress_bar(unit="steps/s") as bar:

        def on_step(done: int, losses: dict[str, float]) -> None:
            begun.set()
            bar.label(_shown(losses, shown))
            bar.progress(done, steps)

        try:
            yield bar.report if _is_first_process() else lambda _: None, on_step
        except KeyboardInterrupt as stopped:
            if begun.is_set() or isinstance(stopped, Interrupted) or not _is_first_process():
                raise
            raise Interrupted("stopped before the first step") from None


def _print_figures(out: Path, figures: Mapping[str, float]) -> None:
    from realtime.commands.console.terminal import print_result
    from trainers.run.training_run import in_words

    print_result(f"{out}: {in_words(figures)}")


def _shown(losses: dict[str, float], names: tuple[str, ...] = ("content", "style")) -> str:
    return ", ".join(f"{name} {losses[name]:.3g}" for name in names if name in losses)


app.command("johnson")(at_the_border(with_settings(johnson)))
app.command("style")(at_the_border(with_settings(style)))
app.command("distil")(at_the_border(with_settings(distil)))
app.command("pairs")(at_the_border(with_settings(pairs)))
app.command("cyclegan")(at_the_border(with_settings(cyclegan)))
app.command("vae")(at_the_border(with_settings(vae)))
app.command("predictor")(at_the_border(with_settings(predictor)))
