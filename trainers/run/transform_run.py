"""The run of one transform net of N styles, whatever it is judged by: Johnson's recipe, or another net that it follows.

The learning rate rises, then falls as a cosine; the exported weights are a running average; after every step they are
moved to the nearest with which flat ground comes out flat (`TransformNet.level`); in the last part of a run the second
frames of synthetic motion are painted too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engines.errors import Interrupted
from engines.networks.transform.config import PRESETS, TransformConfig
from engines.networks.transform.net import TransformNet
from trainers.data import CropOptions, Crops
from trainers.motion import fresh_texture
from trainers.run.initial_weights import initial_weights
from trainers.run.loop import (
    Losses,
    OnStep,
    Paint,
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
from trainers.run.run_folder import Checkpoint, History, Part, RunFolder, RunOptions, sample_pictures, sheet_of

WARM_UP_STEPS = 100
GRADIENT_NORM = 1.0


@dataclass(frozen=True, slots=True)
class TrainedNet:
    """The averaged net, the names of its styles in the order of its table, and the runs before this one."""

    net: TransformNet
    styles: tuple[str, ...]
    history: History


class NetOptions(RunOptions, Protocol):
    """What such a run asks of a recipe's settings; see `JohnsonOptions`."""

    @property
    def content(self) -> tuple[Path, ...]: ...
    @property
    def batch(self) -> int: ...
    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def max_scale(self) -> float: ...
    @property
    def misexposed(self) -> float: ...
    @property
    def seed_amplitude(self) -> float | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def average_decay(self) -> float: ...
    @property
    def stability_weight(self) -> float: ...
    @property
    def stability_start(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def precision(self) -> str: ...
    @property
    def initial(self) -> Path | None: ...


class StepLosses(Protocol):
    """pictures [B, 3, H, W], their style_ids [B], vectors [B, S] and seed texture [B, 1, P, P] → the mean losses.

    Under `total` is what the net makes small, and under `styles` the loss of each sample [B]. When `moving`, a second
    frame of each picture is painted too.
    """

    def __call__(
        self,
        paint: Paint,
        vectors: Tensor,
        pictures: Tensor,
        style_ids: Tensor,
        *,
        chance: torch.Generator,
        texture: Tensor,
        moving: bool,
    ) -> Losses: ...


def train_net(
    options: NetOptions,
    recipe: str,
    styles: tuple[str, ...],
    losses_on: Callable[[torch.device], StepLosses],
    report: Report = print,
    on_step: OnStep | None = None,
    crops_of: Callable[["NetOptions", Report, int], Crops] | None = None,
    vectors: Tensor | None = None,
) -> TrainedNet:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `crops_of` gives so many samples, which the losses take apart; crops of the options' photos where it is None. A new
    run's styles begin as `vectors` [N, S], where they are given.

    `on_step(done, running losses)` is called after every step. Raises FloatingPointError when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    accelerator = accelerator_for(options.precision)
    main = accelerator.is_main_process
    report = report if main else silent
    crops = (crops_of or photo_crops)(options, report, run_length(options, accelerator))
    report(f"{len(crops.paths)} content pictures; checkpoints, sample sheets and logs in {options.run_folder}")
    losses_of = losses_on(accelerator.device)
    torch.manual_seed(options.seed)
    net = TransformNet(net_config(options), styles=len(styles))
    average = TransformNet(net.config, styles=len(styles)).to(accelerator.device).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    parts: dict[str, Part] = {"net": net, "average": average, "optimizer": optimizer}
    if accelerator.scaler is not None:
        parts["scaler"] = accelerator.scaler
    folder = RunFolder(options, recipe, styles, main=main)
    start = folder.restore(parts, lambda: _begin(net, average, styles, options, vectors))
    if folder.changed:
        report(f"resumed at step {start} with other settings: {folder.changed}")
    model, optimizer = accelerator.prepare(net, optimizer)
    parts["optimizer"] = optimizer
    with interrupts() as interrupted, folder:
        for step, batch in enumerate(fed(crops, options, start, accelerator), start=start):
            set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
            draw = _Draw(options.seed, step, accelerator.process_index)
            style_ids = draw.styles(len(styles), options.batch).to(accelerator.device)
            losses = losses_of(
                model, net.styles[style_ids], batch.to(accelerator.device), style_ids,
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
            folder.log(step, _told(losses, styles, style_ids))
            if on_step is not None and main:
                on_step(step + 1, folder.running_losses)
            stopping = in_any_process(accelerator, interrupted.is_set())
            if folder.keep(Checkpoint(step + 1, parts), lambda: _sheet(average, crops.paths), stopping=stopping):
                report(f"step {step + 1} of {options.steps}: {shown_losses(folder.running_losses)}")
            if stopping:
                raise Interrupted(f"stopped at step {step + 1} of {options.steps}; resume goes on")
    accelerator.wait_for_everyone()  # a process that leaves first takes the others' connections with it
    accelerator.end_training()
    average.level()  # of a run that began before nets were levelled, the average is not yet
    return TrainedNet(average, styles, folder.history)


def _begin(
    net: TransformNet, average: TransformNet, styles: tuple[str, ...], options: NetOptions, vectors: Tensor | None
) -> History:
    """The weights of a new run, random or from `options.initial`; the runs that made those."""
    history: History = []
    if options.initial is not None:
        begun = initial_weights(options.initial, net.config, styles)
        net.load_state_dict(begun.tensors)
        history = begun.history
    if vectors is not None:
        net.styles.data.copy_(vectors)
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
        return chance_of(self.seed, self.step, self.rank)


def net_config(options: NetOptions) -> TransformConfig:
    """The preset, with the run's own seed amplitude where it has one."""
    preset = PRESETS[options.network]
    return preset if options.seed_amplitude is None else replace(preset, seed_amplitude=options.seed_amplitude)


def _is_stable(step: int, options: NetOptions) -> bool:
    return options.stability_weight > 0 and step >= options.stability_start * options.steps


def photo_crops(options: NetOptions, report: Report, length: int) -> Crops:
    """Of the photos in the options' folders."""
    pictures = pictures_in(options.content, "photos", report)
    crops = CropOptions(options.sizes, options.max_scale, misexposed=options.misexposed)
    return Crops(pictures, crops, options.seed, length)
