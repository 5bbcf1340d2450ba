"""Gatys' recipe (arXiv 1508.06576; CVPR 2016): a picture is painted by moving its own pixels until the losses are low.

Departures from the paper, each of them undone by an option: whole distributions of features in place of Gram matrices
(trainers.losses.wasserstein; `--loss gram`), over several octaves (`--octaves 1`); content counts where the photo has
detail (`--detail-floor 1`); coarse to fine, so that large strokes are laid first (`--least-size` as large as the
picture); what is moved are the bands of a Laplacian pyramid (`--levels 1`) by Adam (`--optimiser lbfgs`); losses
relative to their targets (`--paper-factors`); a total variation and a range loss (`--tv-weight 0 --range-weight 0`);
VGG-19's distillation in place of VGG-19 (`--loss-network vgg19`); begun from the photo, which the paper finds to give
much the same as noise does (`--start noise`).
"""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from engines.errors import BadValue, ImpastoError, NotFinite
from trainers.data import open_picture, style_picture, to_tensor
from trainers.losses.objective import StyleTargets, style_targets
from trainers.losses.perceptual import PerceptualNet, load_perceptual, torch_device
from trainers.losses.terms import TINY
from trainers.optimisation.picture_loss import PictureLoss, generator_of
from trainers.optimisation.picture_run import PictureRun, State
from trainers.optimisation.scales import Scale, from_pyramid, plan_scales, rate_at, to_pyramid
from trainers.settings.gatys_options import STYLE_SCALE, GatysOptions

Pixels = NDArray[np.uint8]
BETAS = (0.9, 0.99)
LBFGS_HISTORY = 10
# A painting that is enlarged further than this has no brush marks to give, and above this size costs memory.
MOST_ENLARGED = 1.5
MOST_STYLE_PX = 1_500_000
NOISE_MEAN, NOISE_DEVIATION, NOISE_STREAM = 0.5, 0.2, 7


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: pixels computed in all iterations so far and in the whole run, size, and the last losses."""

    pixels: int
    all_pixels: int
    scale: Scale
    losses: dict[str, float]


@dataclass(frozen=True, slots=True)
class Painting:
    """The result, uint8 [H, W, 3]; the losses of its last iteration; whether it was stopped before its end."""

    rgb: Pixels
    losses: dict[str, float]
    stopped: bool


OnStep = Callable[[Progress], None]


@contextmanager
def _memory_told() -> Iterator[None]:
    """A GPU that has too little is said in a line of ours."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ImpastoError("the GPU has too little memory for this; give --device cpu, or a smaller --size") from error


@_memory_told()
def paint(
    photo: Pixels,
    options: GatysOptions,
    run: PictureRun,
    *,
    begun: Pixels | None = None,
    on_step: OnStep = lambda progress: None,
    stop: threading.Event | None = None,
) -> Painting:
    """Paints one photo, uint8 [H, W, 3], or goes on with it; `begun` is the net's picture where `start` is net.

    When `stop` is set, the state is saved in the run's folder, for `resume`, and what there is so far is returned.
    Raises NotFinite where a loss is not finite, ImpastoError where a GPU's memory is too small.
    """
    stop = stop or threading.Event()
    device = torch_device(options.device)
    perceptual = load_perceptual(options.loss_network).to(device)
    scales = plan_scales(photo.shape[0], photo.shape[1], options)
    first = 0 if run.resumed is None else run.resumed.scale
    painted, losses = None, dict[str, float]()
    for number, scale in enumerate(scales[first:], start=first):
        content = scaled(photo, scale).to(device)
        loss = picture_loss(content, perceptual, options, number)
        started = _start(content, scale, options, begun) if painted is None else resized(painted, scale)
        bands = [band.requires_grad_() for band in to_pyramid(started, options.levels)]
        painted = None
        optimiser = _optimiser(bands, scale, options)
        step = _resume(run.resumed, bands, optimiser) if number == first else 0
        while step < scale.iterations and not stop.is_set():
            _set_learning_rate(optimiser, rate_at(step, scale))
            # L-BFGS compares gradients, which must not differ by chance.
            chance = (options.seed, number, step if options.optimiser == "adam" else 0)
            losses = _move(bands, optimiser, loss, options, chance)
            step += 1
            on_step(_progress(scales, number, step, losses))
            if step % options.preview_every == 0:
                run.preview(to_pixels(from_pyramid(bands)))
        painted = from_pyramid(bands).detach()
        if number + 1 < len(scales) or step < scale.iterations:
            run.save(number, step, bands, optimiser)
            if stop.is_set():
                return Painting(to_pixels(painted), losses, stopped=True)
    assert painted is not None, "there is at least one scale"
    return Painting(to_pixels(painted), losses, stopped=False)


def picture_loss(content: Tensor, perceptual: PerceptualNet, options: GatysOptions, number: int) -> PictureLoss:
    """What the picture is judged by at one scale; content [1, 3, H, W] is the photo there."""
    targets = _targets(content, perceptual, options, number)
    weights = [weight for _, weight in options.style_images]
    places, weights = shared_places([_mask(path, content) for path in options.masks], weights)
    return PictureLoss(content, perceptual, targets, places, weights, options)


def _targets(content: Tensor, perceptual: PerceptualNet, options: GatysOptions, number: int) -> StyleTargets:
    """The paintings at the size that gives strokes of `stroke`, as far as they have that many pixels."""
    wanted = STYLE_SCALE * options.stroke * max(content.shape[-2:])
    paintings = [
        style_picture(path, style_long_side(path, wanted)).to(content.device) for path, _ in options.style_images
    ]
    return style_targets(
        options.loss, paintings, perceptual, options.style_layers, options.octaves,
        samples=options.samples, slices=options.slices, seed=options.seed + number, paper=options.paper_factors,
    )  # fmt: skip


def style_long_side(path: Path, wanted: float) -> int:
    """The long side at which a painting is compared."""
    size = open_picture(path).size
    most = max(size) * min(MOST_ENLARGED, math.sqrt(MOST_STYLE_PX / (size[0] * size[1])))
    return round(min(wanted, most))


def shared_places(masks: Sequence[Tensor], weights: Sequence[float]) -> tuple[list[Tensor | None], list[float]]:
    """Masks [1, 1, H, W] and weights of the styles → where each style counts how much, their sum at most 1.

    Without masks every style is everywhere. Where masks overlap, the styles share the place by their weights.
    """
    if not masks:
        return [None] * len(weights), [weight / sum(weights) for weight in weights]
    weighed = [mask * weight for mask, weight in zip(masks, weights, strict=True)]
    total, covered = torch.stack(weighed).sum(0), torch.stack(list(masks)).sum(0).clamp(max=1)
    return [covered * part / total.clamp_min(TINY) for part in weighed], [1.0] * len(weights)


def _mask(path: Path, content: Tensor) -> Tensor:
    """[1, 1, H, W], 1 where the mask is white, 0 where it is black or transparent."""
    height, width = content.shape[-2:]
    picture = open_picture(path, under="black").convert("L").resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(picture, dtype=np.float32))[None, None].to(content.device) / 255


def _start(content: Tensor, scale: Scale, options: GatysOptions, begun: Pixels | None) -> Tensor:
    """[1, 3, H, W]: what the first scale begins with; `content` is the photo there."""
    if options.start == "noise":
        noise = torch.randn(content.shape, generator=generator_of(options.seed, NOISE_STREAM))
        return (NOISE_MEAN + NOISE_DEVIATION * noise).to(content.device)
    if options.start == "net":
        if begun is None:
            raise BadValue("start is 'net' and there is no picture of a net; give one as begun")
        return scaled(begun, scale).to(content.device)
    return content.clone()  # it is moved


def _optimiser(bands: list[Tensor], scale: Scale, options: GatysOptions) -> torch.optim.Optimizer:
    if options.optimiser == "adam":
        return torch.optim.Adam(bands, lr=scale.learning_rate, betas=BETAS)
    return torch.optim.LBFGS(
        bands, max_iter=1, history_size=LBFGS_HISTORY, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip


def _set_learning_rate(optimiser: torch.optim.Optimizer, value: float) -> None:
    """Of Adam; L-BFGS finds its steps by line search."""
    if isinstance(optimiser, torch.optim.Adam):
        for group in optimiser.param_groups:
            group["lr"] = value


def _move(
    bands: list[Tensor],
    optimiser: torch.optim.Optimizer,
    loss: PictureLoss,
    options: GatysOptions,
    chance: tuple[int, ...],
) -> dict[str, float]:
    """One iteration; the losses before it."""
    told: list[dict[str, float]] = []

    def closure() -> float:
        optimiser.zero_grad(set_to_none=True)
        parts = loss(from_pyramid(bands), chance)
        total = weighed(parts, options)
        total.backward()  # type: ignore[no-untyped-call]
        told.append({name: float(value.detach()) for name, value in {**parts, "total": total}.items()})
        return told[-1]["total"]

    optimiser.step(closure)
    if not math.isfinite(told[0]["total"]):
        raise NotFinite(f"a loss is not finite ({_shown(told[0])}); lower --learning-rate or the weights")
    return told[0]


def weighed(parts: dict[str, Tensor], options: GatysOptions) -> Tensor:
    """α L_content + β L_style (Gatys 2016, equation 7), with total variation and range."""
    return (
        options.content_weight * parts["content"]
        + options.style_weight * parts["style"]
        + options.tv_weight * parts["tv"]
        + options.range_weight * parts["range"]
    )


def _resume(state: State | None, bands: list[Tensor], optimiser: torch.optim.Optimizer) -> int:
    """Puts the saved values where they were; the step to go on with."""
    if state is None:
        return 0
    with torch.no_grad():
        for band, saved in zip(bands, state.bands, strict=True):
            band.copy_(saved)
    optimiser.load_state_dict(state.optimiser)
    return state.step


def _progress(scales: list[Scale], number: int, done: int, losses: dict[str, float]) -> Progress:
    costs = [scale.iterations * scale.pixels for scale in scales]
    return Progress(sum(costs[:number]) + done * scales[number].pixels, sum(costs), scales[number], losses)


def scaled(photo: Pixels, scale: Scale) -> Tensor:
    """[1, 3, H, W], 0..1."""
    picture = Image.fromarray(photo).resize((scale.width, scale.height), Image.Resampling.LANCZOS)
    return to_tensor(picture)[None]


def resized(painted: Tensor, scale: Scale) -> Tensor:
    """[1, 3, H, W] from one scale to the next."""
    return functional.interpolate(painted, size=(scale.height, scale.width), mode="bicubic", align_corners=False)


def to_pixels(painted: Tensor) -> Pixels:
    """[1, 3, H, W] → uint8 [H, W, 3]."""
    pixels: Pixels = (painted.detach()[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(pixels)


def _shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in losses.items())
