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
from accelerate import Accelerator
from torch import Tensor

from engines.errors import Interrupted
from engines.networks.vae.config import PRESETS, VaeConfig
from engines.networks.vae.net import Vae
from trainers.data import CropOptions, Crops
from trainers.figures.vae_figures import measured
from trainers.losses.perceptual import load_perceptual
from trainers.losses.vae_losses import Judge, Learner
from trainers.run.initial_weights import begin_with
from trainers.run.loop import (
    OnStep,
    Report,
    accelerator_for,
    chance_of,
    check_finite,
    fed,
    in_any_process,
    interrupts,
    pictures_in,
    run_length,
    set_learning_rate,
    silent,
    update_average,
)
from trainers.run.run_folder import Checkpoint, History, Part, RunFolder, sample_pictures, sheet_of
from trainers.run.transform_run import GRADIENT_NORM, learning_rate_factor
from trainers.settings.vae_options import VaeOptions

RECIPE = "vae"
Batch = tuple[Tensor, Tensor | None]


@dataclass(frozen=True, slots=True)
class TrainedVae:
    """The averaged net, its figures, and the runs before this one."""

    net: Vae
    figures: dict[str, float]
    history: History


def train(options: VaeOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedVae:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises FloatingPointError when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    accelerator = accelerator_for(options.precision)
    main, device = accelerator.is_main_process, accelerator.device
    report = report if main else silent
    pictures = pictures_in(options.content, "pictures", report)
    paintings = pictures_in(options.styles, "paintings", report) if options.styles else []
    report(
        f"{len(pictures)} pictures and {len(paintings)} paintings; "
        f"checkpoints, sample sheets and logs in {options.run_folder}"
    )
    perceptual = load_perceptual(options.loss_network).to(device)
    torch.manual_seed(options.seed)
    net = Vae(net_config(options))
    average = Vae(net.config).to(device).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    parts: dict[str, Part] = {"net": net, "average": average, "optimizer": optimizer}
    if accelerator.scaler is not None:
        parts["scaler"] = accelerator.scaler
    named = [options.out.stem, *(folder.name for folder in options.styles)]
    folder = RunFolder(options, RECIPE, tuple(named), main=main)
    start = folder.restore(parts, lambda: _begin(net, average, options))
    if folder.changed:
        report(f"resumed at step {start} with other settings: {folder.changed}")
    learner, optimizer = accelerator.prepare(Learner(net), optimizer)
    parts["optimizer"] = optimizer
    judge = Judge(perceptual, options)
    latent = net.config.latent, net.config.factor
    look = partial(measured, options=options, pictures=pictures, paintings=paintings, judge=judge)
    with interrupts() as interrupted, folder:
        for step, batch in enumerate(_feed(pictures, paintings, options, start, accelerator), start=start):
            set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
            content, styles = (None if each is None else each.to(device) for each in batch)
            assert content is not None
            losses = judge.losses(
                learner, latent, content, styles, chance=chance_of(options.seed, step, accelerator.process_index),
                moving=_is_stable(step, options), share=beta_share(step, options),
            )  # fmt: skip
            check_finite(losses, step, accelerator)
            optimizer.zero_grad(set_to_none=True)
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(learner.parameters(), GRADIENT_NORM)
            optimizer.step()
            update_average(average, net, options.average_decay, step)
            folder.log(step, {name: float(value.detach()) for name, value in losses.items()})
            if on_step is not None and main:
                on_step(step + 1, folder.running_losses)
            stopping = in_any_process(accelerator, interrupted.is_set())
            sheet = partial(_sheet, average, pictures, paintings)
            if folder.keep(Checkpoint(step + 1, parts), sheet, stopping=stopping):
                report(f"step {step + 1} of {options.steps}: {_shown(folder.running_losses)}")
            if main and (step + 1) % options.sample_every == 0:
                folder.note(step + 1, figures := look(average))
                report(f"step {step + 1}: {told(figures)}")
            if stopping:
                raise Interrupted(f"stopped at step {step + 1} of {options.steps}; resume goes on")
    accelerator.wait_for_everyone()  # a process that leaves first takes the others' connections with it
    accelerator.end_training()
    return TrainedVae(average, look(average) if main else {}, folder.history)


def net_config(options: VaeOptions) -> VaeConfig:
    """The preset; its decoder takes statistics only where there are paintings."""
    preset = PRESETS[options.network]
    return preset if options.styles else replace(preset, statistics=())


def beta_share(step: int, options: VaeOptions) -> float:
    """Of β: from 0 in a straight line to 1, or the latent would forget all before the decoder reads it."""
    rising = options.warm_up * options.steps
    return min(1.0, step / rising) if rising else 1.0


def told(figures: dict[str, float]) -> str:
    """One line, without those of single channels."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if "/" not in name)


def _begin(net: Vae, average: Vae, options: VaeOptions) -> History:
    """The weights of a new run, random or from `options.initial`; the runs that made those."""
    history = [] if options.initial is None else begin_with(options.initial, net)
    average.load_state_dict(net.state_dict())
    return history


def _feed(
    pictures: list[Path], paintings: list[Path], options: VaeOptions, start: int, accelerator: Accelerator
) -> Iterator[Batch]:
    """Batches of pictures, each with one of paintings where there are any; those keep their colours."""
    crops, length = CropOptions((options.size,), options.max_scale), run_length(options, accelerator)
    content = fed(Crops(pictures, crops, 2 * options.seed, length), options, start, accelerator)
    if not paintings:
        return ((batch, None) for batch in content)
    of_paintings = Crops(paintings, replace(crops, jitter=0.0), 2 * options.seed + 1, length)
    return zip(content, fed(of_paintings, options, start, accelerator), strict=True)


def _is_stable(step: int, options: VaeOptions) -> bool:
    return options.stability_weight > 0 and step >= options.stability_start * options.steps


def _shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in losses.items())


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
