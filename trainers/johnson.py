"""Johnson's recipe (2016, arXiv 1603.08155): a transform net that paints in one pass, here with N styles in one net.

Departures from the paper: conditional instance norm (arXiv 1610.07629) in place of batch norm; losses relative to
their targets; a learning rate that rises, then falls as a cosine; the exported weights are a running average; in the
last part of the run a stability loss on synthetic motion (trainers.motion) against flicker; a range loss that keeps
the unclamped output in 0..1.
"""

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator
from torch import Tensor

from engines.networks.transform import PRESETS, TransformNet
from trainers.data import CropOptions, Crops, batches, find_pictures, readable_pictures, style_picture
from trainers.losses import mean_content_loss, mean_style_loss, style_grams, total_variation
from trainers.motion import MotionOptions, second_frame, stability_loss
from trainers.options import JohnsonOptions
from trainers.perceptual import PerceptualNet, load_perceptual
from trainers.run_folder import Checkpoint, RunFolder

WARM_UP_STEPS = 100
Report = Callable[[str], None]
Losses = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Targets:
    """What the run aims at: the names of the styles, their Gram matrices [N, C, C] by layer, their weights [N]."""

    names: tuple[str, ...]
    grams: dict[str, Tensor]
    weights: Tensor


def train(options: JohnsonOptions, report: Report = print, on_step: Callable[[int, Losses], None] | None = None) -> TransformNet:
    """Trains, or goes on with, one run; returns the averaged net. Its checkpoint is in `options.run_folder`.

    Raises FloatingPointError when a loss is not finite, KeyboardInterrupt after a saved Ctrl-C.
    """
    accelerator = Accelerator(mixed_precision=_precision(options), cpu=not torch.cuda.is_available())
    quiet = report if accelerator.is_main_process else _silent
    pictures = _content(options, quiet)
    perceptual = load_perceptual(options.loss_network).to(accelerator.device)
    targets = style_targets(options, perceptual, accelerator.device)
    torch.manual_seed(options.seed)
    net = TransformNet(PRESETS[options.network], styles=len(targets.names))
    average = TransformNet(net.config, styles=len(targets.names)).to(accelerator.device).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    folder = RunFolder(options, targets.names, main=accelerator.is_main_process)
    start = folder.restore(net, average, optimizer)
    model, optimizer = accelerator.prepare(net, optimizer)
    crops = Crops(pictures, _crop_options(options), options.seed, options.steps * options.batch * accelerator.num_processes)
    quiet(f"{len(targets.names)} styles, {len(pictures)} pictures, steps {start} to {options.steps}, on {accelerator.device}")
    feed = batches(
        crops, options.batch, start=start, stop=options.steps, workers=options.workers,
        rank=accelerator.process_index, processes=accelerator.num_processes,
    )  # fmt: skip
    with _interrupts() as interrupted, folder:
        for step, pictures_batch in enumerate(feed, start=start):
            for group in optimizer.param_groups:
                group["lr"] = options.learning_rate * learning_rate_factor(step, options.steps)
            style_ids = _draw_styles(len(targets.names), options, step, accelerator.process_index)
            losses = training_losses(
                model, perceptual, targets, pictures_batch.to(accelerator.device), style_ids, step, options
            )
            _check_finite(losses, step)
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            _update_average(average, accelerator.unwrap_model(model), options.average_decay, step)
            folder.log(step, losses, style_ids)
            if on_step is not None:
                on_step(step, losses)
            done = step + 1
            if done % options.save_every == 0 or done == options.steps or interrupted.is_set():
                folder.save(Checkpoint(done, accelerator.unwrap_model(model), average, optimizer))
            if done % options.sample_every == 0 or done == options.steps:
                folder.sample(done, average)
            if interrupted.is_set():
                raise KeyboardInterrupt
    return average


def style_targets(options: JohnsonOptions, perceptual: PerceptualNet, device: torch.device) -> Targets:
    """The Gram matrices of every picture in the styles folder; a style is called like its file."""
    paths, bad = readable_pictures(find_pictures([options.styles]))
    if not paths:
        raise ValueError(f"no readable picture in {options.styles}; put the style pictures there ({len(bad)} damaged)")
    names = tuple(path.stem for path in paths)
    if unknown := sorted({name for name, _ in options.style_weights} - set(names)):
        raise ValueError(f"style_weights names {unknown}, which are no styles here; the styles are {list(names)}")
    grams = []
    with torch.no_grad():
        for path in paths:
            picture = style_picture(path, options.style_size).to(device)
            grams.append(style_grams(perceptual.features(picture, options.style_layers)))
    stacked = {layer: torch.cat([gram[layer] for gram in grams]) for layer in options.style_layers}
    return Targets(names, stacked, torch.tensor([options.weight_of(name) for name in names], device=device))


def training_losses(
    model: torch.nn.Module,
    perceptual: PerceptualNet,
    targets: Targets,
    pictures: Tensor,
    style_ids: Tensor,
    step: int,
    options: JohnsonOptions,
) -> Losses:
    """pictures [B, 3, H, W], style_ids [B] → mean losses, and under `styles` the style loss of each sample [B]."""
    net: TransformNet = getattr(model, "module", model)
    style_ids = style_ids.to(pictures.device)
    stable = options.stability_weight > 0 and step >= options.stability_start * options.steps
    frames, vectors = pictures, net.styles[style_ids]
    if stable:
        generator = torch.Generator().manual_seed(hash((options.seed, step, int(style_ids[0]))))
        moved, flow, light = second_frame(pictures, MotionOptions(), generator)
        frames, vectors = torch.cat([pictures, moved]), vectors.repeat(2, 1)
    painted = model(frames, vectors)
    first = painted[: len(pictures)]
    layers = {*options.content_layers, *options.style_layers}
    features = perceptual.features(first, layers)
    with torch.no_grad():
        wanted = perceptual.features(pictures, options.content_layers)
    style = mean_style_loss(features, {layer: gram[style_ids] for layer, gram in targets.grams.items()})
    losses = {
        "content": mean_content_loss({layer: features[layer] for layer in wanted}, wanted).mean(),
        "style": style.mean(),
        "tv": total_variation(first).mean(),
        "range": (first - first.clamp(0, 1)).square().mean(),
    }
    total = options.content_weight * losses["content"] + (targets.weights[style_ids] * style).mean()
    total = total + options.tv_weight * losses["tv"] + options.range_weight * losses["range"]
    if stable:
        losses["stability"] = stability_loss(first + light, painted[len(pictures) :], flow).mean()
        total = total + options.stability_weight * losses["stability"]
    return {**losses, "styles": style.detach(), "total": total}


def learning_rate_factor(step: int, steps: int) -> float:
    """Rises in a straight line for WARM_UP_STEPS, then falls as a half cosine to a hundredth."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm_up * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


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
        raise ValueError(f"no readable picture in {', '.join(map(str, options.content))}; give folders of photos")
    return pictures


def _crop_options(options: JohnsonOptions) -> CropOptions:
    return CropOptions(size=options.size, max_scale=options.max_scale)


def _draw_styles(count: int, options: JohnsonOptions, step: int, rank: int) -> Tensor:
    """[B]: every style equally often, in an order that depends on the seed, the step and the process alone."""
    first = (step * options.batch) % count
    generator = torch.Generator().manual_seed(options.seed + (step * options.batch) // count + 7919 * rank)
    order = torch.cat([torch.randperm(count, generator=generator) for _ in range(options.batch // count + 2)])
    return order[first : first + options.batch]


def _check_finite(losses: Losses, step: int) -> None:
    if not torch.isfinite(losses["total"]):
        shown = ", ".join(f"{name} {float(value):.4g}" for name, value in losses.items() if value.ndim == 0)
        raise FloatingPointError(
            f"step {step}: a loss is not finite ({shown}); lower --learning-rate, or use --precision no, and --resume"
        )


@torch.no_grad()
def _update_average(average: TransformNet, net: TransformNet, decay: float, step: int) -> None:
    """The running average forgets faster in the beginning, when the weights still move far."""
    keep = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.parameters(), net.parameters(), strict=True):
        kept.lerp_(new, 1 - keep)


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
