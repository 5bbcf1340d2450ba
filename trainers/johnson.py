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
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from engines.errors import BadValue, Interrupted
from engines.networks.transform.config import PRESETS, TransformConfig
from engines.networks.transform.net import TransformNet
from engines.networks.transform.seed_texture import CELLS_PX, periodic_noise
from trainers.data import CropOptions, Crops, batches, find_pictures, readable_pictures
from trainers.options import JohnsonOptions
from trainers.perceptual import load_perceptual
from trainers.run_folder import Checkpoint, RunFolder
from trainers.training_losses import Losses, read_paintings, training_losses

WARM_UP_STEPS = 100
GRADIENT_NORM = 1.0
Report = Callable[[str], None]
OnStep = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class TrainedNet:
    """The averaged net, the names of its styles in the order of its table, and the runs before this one."""

    net: TransformNet
    styles: tuple[str, ...]
    history: list[dict[str, Any]]


def train(options: JohnsonOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedNet:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises FloatingPointError when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    accelerator = Accelerator(mixed_precision=_precision(options), cpu=not torch.cuda.is_available())
    main = accelerator.is_main_process
    report = report if main else _silent
    pictures = _content(options, report)
    perceptual = load_perceptual(options.loss_network).to(accelerator.device)
    paintings = read_paintings(options, perceptual, accelerator.device)
    torch.manual_seed(options.seed)
    net = TransformNet(net_config(options), styles=len(paintings.names))
    average = TransformNet(net.config, styles=len(paintings.names)).to(accelerator.device).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    folder = RunFolder(options, paintings.names, pictures, main=main)
    start = folder.restore(Checkpoint(0, net, average, optimizer, accelerator.scaler))
    if folder.changed:
        report(f"resumed at step {start} with other settings: {folder.changed}")
    model, optimizer = accelerator.prepare(net, optimizer)
    feed = _feed(pictures, options, start, accelerator)
    with _interrupts() as interrupted, folder:
        for step, batch in enumerate(feed, start=start):
            _set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
            draw = _Draw(options.seed, step, accelerator.process_index)
            style_ids = draw.styles(len(paintings.names), options.batch).to(accelerator.device)
            losses = training_losses(
                model, net.styles[style_ids], paintings, batch.to(accelerator.device), style_ids, options,
                chance=draw.generator(), texture=draw.texture(batch.shape).to(accelerator.device),
                moving=_is_stable(step, options),
            )  # fmt: skip
            _check_finite(losses, step, accelerator)
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
            net.level()
            optimizer.zero_grad(set_to_none=True)
            update_average(average, net, options.average_decay, step)
            folder.log(step, losses, style_ids)
            if on_step is not None and main:
                on_step(step + 1, folder.running_losses)
            stopping = _in_any_process(accelerator, interrupted.is_set())
            if folder.keep(Checkpoint(step + 1, net, average, optimizer, accelerator.scaler), stopping=stopping):
                report(f"step {step + 1} of {options.steps}: {shown_losses(folder.running_losses)}")
            if stopping:
                raise Interrupted(f"stopped at step {step + 1} of {options.steps}; resume goes on")
    accelerator.wait_for_everyone()  # a process that leaves first takes the others' connections with it
    accelerator.end_training()
    average.level()  # of a run that began before nets were levelled, the average is not yet
    return TrainedNet(average, paintings.names, folder.history)


def shown_losses(losses: dict[str, float]) -> str:
    """One line: the losses of the run, then the style loss of every style."""
    common = [f"{name} {value:.3g}" for name, value in losses.items() if "/" not in name]
    styles = [f"{name.removeprefix('style/')} {value:.3g}" for name, value in losses.items() if "/" in name]
    return f"{', '.join(common)} (style: {', '.join(styles)})"


def learning_rate_factor(step: int, steps: int) -> float:
    """Rises in a straight line for WARM_UP_STEPS, then falls as a half cosine to a hundredth."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm_up * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def update_average(average: TransformNet, net: TransformNet, decay: float, step: int) -> None:
    """The running average forgets faster in the beginning, when the weights still move far."""
    keep = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.parameters(), net.parameters(), strict=True):
        kept.lerp_(new, 1 - keep)


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
        """[B, 1, P, P] for crops [B, 3, size, size], P at least the size: other noise for every sample."""
        period = -(-crops[-1] // max(CELLS_PX)) * max(CELLS_PX)
        rng = np.random.default_rng((self.seed, 5, self.rank, self.step))
        return torch.from_numpy(np.stack([periodic_noise(period, rng) for _ in range(crops[0])]))[:, None]

    def generator(self) -> torch.Generator:
        state = np.random.SeedSequence((self.seed, 4, self.rank, self.step)).generate_state(1)
        return torch.Generator().manual_seed(int(state[0]))


def net_config(options: JohnsonOptions) -> TransformConfig:
    """The preset, with the run's own seed amplitude where it has one."""
    preset = PRESETS[options.network]
    return preset if options.seed_amplitude is None else replace(preset, seed_amplitude=options.seed_amplitude)


def _is_stable(step: int, options: JohnsonOptions) -> bool:
    return options.stability_weight > 0 and step >= options.stability_start * options.steps


def _set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value


def _precision(options: JohnsonOptions) -> str:
    if options.precision != "auto":
        return options.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"


def _silent(_: str) -> None:
    """What processes other than the first report."""


def _content(options: JohnsonOptions, report: Report) -> list[Path]:
    pictures, bad = readable_pictures(find_pictures(options.content))
    if bad:
        report(f"skipped {len(bad)} damaged pictures, the first is {bad[0]}")
    if not pictures:
        raise BadValue(f"no readable picture in {', '.join(map(str, options.content))}; give folders of photos")
    report(f"{len(pictures)} content pictures; checkpoints, sample sheets and logs in {options.run_folder}")
    return pictures


def _feed(pictures: list[Path], options: JohnsonOptions, start: int, accelerator: Accelerator) -> Iterator[Tensor]:
    crops = CropOptions(options.sizes, options.max_scale, misexposed=options.misexposed)
    length = options.steps * options.batch * accelerator.num_processes
    return batches(
        Crops(pictures, crops, options.seed, length), options.batch, start=start, stop=options.steps,
        rank=accelerator.process_index, processes=accelerator.num_processes, workers=options.workers,
    )  # fmt: skip


def _in_any_process(accelerator: Accelerator, here: bool) -> bool:
    """Whether it is so in one of the processes: they must stop together, or the others wait for ever."""
    if accelerator.num_processes == 1:
        return here
    flags: Tensor = accelerator.reduce(torch.tensor(float(here), device=accelerator.device), reduction="sum")
    return flags.item() > 0


def _check_finite(losses: Losses, step: int, accelerator: Accelerator) -> None:
    if _in_any_process(accelerator, not bool(torch.isfinite(losses["total"]))):
        shown = ", ".join(f"{name} {value.item():.4g}" for name, value in losses.items() if value.ndim == 0)
        raise FloatingPointError(
            f"step {step}: a loss is not finite ({shown}); lower --learning-rate or use --precision no, then --resume"
        )


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that a run stops between two steps; outside the main thread nothing is changed."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
