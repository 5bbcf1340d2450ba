"""A variational autoencoder (Kingma & Welling 2014, arXiv 1312.6114), which paints when it is shown paintings.

Without paintings it draws its pictures again, from a latent that also knows how to dream. With a folder of paintings
each step paints some pictures by the statistics of others (adaptive instance norm, arXiv 1703.06868): at the end any
picture is a style. Departures from the papers: the encoder is the net's own and no loss network, so that one small net
does all; whole distributions of features are compared; losses are relative to their targets; the exported weights are a
running average; in the last part of a run a stability loss on synthetic motion; pictures are seen with a sensor's noise
and are to be drawn without it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from engines.networks.vae.config import PRESETS, VaeConfig
from engines.networks.vae.net import Vae
from engines.style.card import style_name
from trainers.data import CropOptions, Crops
from trainers.figures.vae_figures import measured
from trainers.losses.perceptual import load_perceptual
from trainers.losses.vae_losses import Judge, Learner
from trainers.run.initial_weights import begin_with
from trainers.run.loop import (
    OnStep,
    Report,
    chance_of,
    is_stable,
    learning_rate_factor,
    loss_precision,
    pictures_in,
    set_learning_rate,
    update_average,
)
from trainers.run.run_folder import History, Part, RunLabel, sample_pictures, sheet_of
from trainers.run.training_run import Shown, TrainingRun
from trainers.settings.vae_options import VaeOptions

RECIPE = "vae"
Batch = tuple[Tensor, Tensor | None]


@dataclass(frozen=True, slots=True)
class TrainedVae:
    """The averaged net, its figures, the runs before this one, and the paintings that it learnt from."""

    net: Vae
    figures: dict[str, float]
    history: History
    paintings: Sequence[Path] = ()


def train(options: VaeOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedVae:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises NotFinite when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    run = TrainingRun(options, report, on_step)
    pictures = pictures_in(options.content, "pictures", run.report)
    paintings = pictures_in(options.styles, "paintings", run.report) if options.styles else []
    seen = pictures if options.validation is None else pictures_in([options.validation], "pictures", run.report)
    run.tell(f"{len(pictures)} pictures and {len(paintings)} paintings")
    judge, exact = (
        Judge(load_perceptual(options.loss_network, precision).to(run.device), options)
        for precision in (loss_precision(options.precision), None)
    )
    torch.manual_seed(options.seed)
    net = Vae(net_config(options))
    average = Vae(net.config).to(run.device).requires_grad_(False)
    optimizer: torch.optim.Optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    named = (style_name(options.out), *(folder.name for folder in options.styles))
    parts: dict[str, Part] = {"net": net, "average": average, "optimizer": optimizer}
    run.begin(RunLabel(RECIPE, named), parts, lambda: _begin(net, average, options))
    learner, optimizer = run.prepare(Learner(net), optimizer)
    latent = net.config.latent, net.config.factor

    def learn(step: int, batch: Batch) -> dict[str, float]:
        set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
        content, styles = batch
        losses = judge.losses(
            learner, latent, content.to(run.device), None if styles is None else styles.to(run.device),
            chance=chance_of(options.seed, step, run.rank), moving=is_stable(step, options),
            share=beta_share(step, options),
        )  # fmt: skip
        run.descend(losses, step, optimizer, clipped=learner)
        update_average(average, net, options.average_decay, step)
        return {name: float(value.detach()) for name, value in losses.items()}

    measure = partial(measured, average, size=options.size, pictures=seen, paintings=paintings, judge=exact)
    sheet = partial(_sheet, average, pictures, paintings)
    run.follow(_feed(pictures, paintings, options, run), learn, Shown(sheet, measure=measure))
    return TrainedVae(average, measure() if run.main else {}, run.history, paintings)


def net_config(options: VaeOptions) -> VaeConfig:
    """The preset; its decoder takes statistics only where there are paintings."""
    preset = PRESETS[options.network]
    return preset if options.styles else replace(preset, statistics=())


def beta_share(step: int, options: VaeOptions) -> float:
    """Of β: from 0 in a straight line to 1, or the latent would forget all before the decoder reads it."""
    rising = options.warm_up * options.steps
    return min(1.0, step / rising) if rising else 1.0


def _begin(net: Vae, average: Vae, options: VaeOptions) -> History:
    """The weights of a new run, random or from `options.initial`; the runs that made those."""
    history = [] if options.initial is None else begin_with(options.initial, net)
    average.load_state_dict(net.state_dict())
    return history


def _feed(pictures: list[Path], paintings: list[Path], options: VaeOptions, run: TrainingRun) -> Iterator[Batch]:
    """Batches of pictures, each with one of paintings where there are any; those keep their colours."""
    crops = CropOptions((options.size,), options.max_scale)
    content = run.fed(Crops(pictures, crops, 2 * options.seed, run.length))
    if not paintings:
        return ((batch, None) for batch in content)
    of_paintings = Crops(paintings, replace(crops, jitter=0.0), 2 * options.seed + 1, run.length)
    return zip(content, run.fed(of_paintings), strict=True)


@torch.no_grad()
def _sheet(net: Vae, pictures: Sequence[Path], paintings: Sequence[Path]) -> Tensor:
    """Some pictures; drawn again; painted like paintings, which stand above; samples; from one picture to another."""
    picture = sample_pictures(pictures).to(net.styles.device)
    height, width = picture.shape[-2:]
    mean = net.encode(picture).mean
    rows = [picture, net.decode(mean)[..., :height, :width]]
    if paintings:
        painting = sample_pictures(paintings).to(picture)
        painting = painting[torch.arange(len(picture)) % len(painting)]
        rows += [painting, net(picture, net.statistics(painting))]
    chance = torch.Generator().manual_seed(0)
    sample = torch.randn(mean.shape, generator=chance).to(mean)
    share = torch.linspace(0, 1, len(mean), device=mean.device)[:, None, None, None]
    between = (1 - share) * mean[:1] + share * mean[-1:]
    rows += [net.decode(latent)[..., :height, :width] for latent in (sample, between)]
    return sheet_of([row.clamp(0, 1) for row in rows])
