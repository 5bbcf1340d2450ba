"""Johnson's recipe (2016, arXiv 1603.08155): a transform net that paints in one pass, here with N styles in one net.

Departures from the paper: conditional instance norm (arXiv 1610.07629) in place of batch norm; whole distributions of
features in place of Gram matrices (trainers.wasserstein), over several octaves; content counts where the photo has
detail; strokes grow from a seed texture (seed_texture.py of the net), drawn anew in every step; losses relative to
their targets; a learning rate that rises, then falls as a cosine; the exported weights are a running average; in the
last part of the run a stability loss on synthetic motion (trainers.motion) against flicker; a range loss that keeps
the unclamped output in 0..1; grid, comb and tone losses against dots and halos (trainers.losses);
after every step the weights are moved to the nearest with which flat ground comes out flat (`TransformNet.level`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from engines.errors import Interrupted
from engines.networks.transform.config import PRESETS, TransformConfig
from engines.networks.transform.net import TransformNet
from trainers.data import CropOptions, Crops, batches
from trainers.initial_weights import initial_weights
from trainers.loop import (
    Losses,
    OnStep,
    Report,
    accelerator_for,
    check_finite,
    in_any_process,
    interrupts,
    pictures_in,
    set_learning_rate,
    silent,
    update_average,
)
from trainers.motion import fresh_texture
from trainers.options import JohnsonOptions
from trainers.perceptual import load_perceptual
from trainers.run_folder import Checkpoint, History, Part, RunFolder, sample_pictures, sheet_of
from trainers.training_losses import read_paintings, training_losses

WARM_UP_STEPS = 100
GRADIENT_NORM = 1.0
RECIPE = "johnson"


@dataclass(frozen=True, slots=True)
class TrainedNet:
    """The averaged net, the names of its styles in the order of its table, and the runs before this one."""

    net: TransformNet
    styles: tuple[str, ...]
    history: History


def train(options: JohnsonOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedNet:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises FloatingPointError when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    accelerator = accelerator_for(options.precision)
    main = accelerator.is_main_process
    report = report if main else silent
    pictures = pictures_in(options.content, "photos", report)
    report(f"{len(pictures)} content pictures; checkpoints, sample sheets and logs in {options.run_folder}")
    perceptual = load_perceptual(options.loss_network).to(accelerator.device)
    paintings = read_paintings(options, perceptual, accelerator.device)
    torch.manual_seed(options.seed)
    net = TransformNet(net_config(options), styles=len(paintings.names))
    average = TransformNet(net.config, styles=len(paintings.names)).to(accelerator.device).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    parts: dict[str, Part] = {"net": net, "average": average, "optimizer": optimizer}
    if accelerator.scaler is not None:
        parts["scaler"] = accelerator.scaler
    folder = RunFolder(options, RECIPE, paintings.names, main=main)
    start = folder.restore(parts, lambda: _begin(net, average, paintings.names, options))
    if folder.changed:
        report(f"resumed at step {start} with other settings: {folder.changed}")
    model, optimizer = accelerator.prepare(net, optimizer)
    parts["optimizer"] = optimizer
    feed = _feed(pictures, options, start, accelerator)
    with interrupts() as interrupted, folder:
        for step, batch in enumerate(feed, start=start):
            set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
            draw = _Draw(options.seed, step, accelerator.process_index)
            style_ids = draw.styles(len(paintings.names), options.batch).to(accelerator.device)
            losses = training_losses(
                model, net.styles[style_ids], paintings, batch.to(accelerator.device), style_ids, options,
                chance=draw.generator(), texture=draw.texture(batch.shape).to(accelerator.device),
                moving=_is_stable(step, options),
            )  # fmt: skip
            check_finite(losses, step, accelerator)
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
            net.level()
            optimizer.zero_grad(set_to_none=True)
            update_average(average, net, options.average_decay, step)
            folder.log(step, _told(losses, paintings.names, style_ids))
            if on_step is not None and main:
                on_step(step + 1, folder.running_losses)
            stopping = in_any_process(accelerator, interrupted.is_set())
            if folder.keep(Checkpoint(step + 1, parts), lambda: _sheet(average, pictures), stopping=stopping):
                report(f"step {step + 1} of {options.steps}: {shown_losses(folder.running_losses)}")
            if stopping:
                raise Interrupted(f"stopped at step {step + 1} of {options.steps}; resume goes on")
    accelerator.wait_for_everyone()  # a process that leaves first takes the others' connections with it
    accelerator.end_training()
    average.level()  # of a run that began before nets were levelled, the average is not yet
    return TrainedNet(average, paintings.names, folder.history)


def _begin(net: TransformNet, average: TransformNet, styles: tuple[str, ...], options: JohnsonOptions) -> History:
    """The weights of a new run, random or from `options.initial`; the runs that made those."""
    history: History = []
    if options.initial is not None:
        begun = initial_weights(options.initial, net.config, styles)
        net.load_state_dict(begun.tensors)
        history = begun.history
    net.level()
    average.load_state_dict(net.state_dict())
    return history


def _told(losses: Losses, names: tuple[str, ...], style_ids: Tensor) -> dict[str, float]:
    """For the log: every loss, and the style loss of every style in the batch."""
    values = {name: float(value.detach()) for name, value in losses.items() if value.ndim == 0}
    by_style = zip(style_ids.tolist(), losses["styles"].tolist(), strict=True)
    return values | {f"style/{names[style]}": value for style, value in by_style}


@torch.no_grad()
def _sheet(net: TransformNet, paths: list[Path]) -> Tensor:
    """Some content pictures side by side, and below them a row for each style."""
    pictures = sample_pictures(paths).to(net.styles.device)
    return sheet_of([pictures, *(net(pictures, row.expand(len(pictures), -1)) for row in net.styles)])


def shown_losses(losses: dict[str, float]) -> str:
    """One line: the losses of the run, then the style loss of every style."""
    common = [f"{name} {value:.3g}" for name, value in losses.items() if "/" not in name]
    styles = [f"{name.removeprefix('style/')} {value:.3g}" for name, value in losses.items() if "/" in name]
    return f"{', '.join(common)} (style: {', '.join(styles)})"


def learning_rate_factor(step: int, steps: int) -> float:
    """Rises in a straight line for WARM_UP_STEPS, then falls as a half cosine to a hundredth."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm_up * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


@dataclass(frozen=True, slots=True)
class _Draw:
    """What chance decides in one step of one process, from the seed and these numbers alone."""

    seed: int
    step: int
    rank: int

    def styles(self, count: int, batch: int) -> Tensor:
        """[B]: every style once in each round of `count` samples."""
        numbers = range(self.step * batch, (self.step + 1) * batch)
        return torch.tensor([self._round(number // count, count)[number % count] for number in numbers])

    def _round(self, turn: int, count: int) -> list[int]:
        order: list[int] = np.random.default_rng((self.seed, 3, self.rank, turn)).permutation(count).tolist()
        return order

    def texture(self, crops: torch.Size) -> Tensor:
        """[B, 1, P, P] for crops [B, 3, size, size]."""
        return fresh_texture(crops, np.random.default_rng((self.seed, 5, self.rank, self.step)))

    def generator(self) -> torch.Generator:
        state = np.random.SeedSequence((self.seed, 4, self.rank, self.step)).generate_state(1)
        return torch.Generator().manual_seed(int(state[0]))


def net_config(options: JohnsonOptions) -> TransformConfig:
    """The preset, with the run's own seed amplitude where it has one."""
    preset = PRESETS[options.network]
    return preset if options.seed_amplitude is None else replace(preset, seed_amplitude=options.seed_amplitude)


def _is_stable(step: int, options: JohnsonOptions) -> bool:
    return options.stability_weight > 0 and step >= options.stability_start * options.steps


def _feed(pictures: list[Path], options: JohnsonOptions, start: int, accelerator: Accelerator) -> Iterator[Tensor]:
    crops = CropOptions(options.sizes, options.max_scale, misexposed=options.misexposed)
    length = options.steps * options.batch * accelerator.num_processes
    return batches(
        Crops(pictures, crops, options.seed, length), options.batch, start=start, stop=options.steps,
        rank=accelerator.process_index, processes=accelerator.num_processes, workers=options.workers,
    )  # fmt: skip
