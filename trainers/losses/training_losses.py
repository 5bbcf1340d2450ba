"""What a step of the transform net recipe is judged by: paintings as targets, photos as content, and motion."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engines.errors import BadValue
from trainers.camera_noise import sensor_noise
from trainers.data import find_pictures, readable_pictures, style_picture
from trainers.losses.objective import Objective, style_targets
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.terms import comb_loss, grid_loss, structure_loss, tone_loss, total_variation
from trainers.motion import MotionOptions, SecondFrame, carried, difference_loss, second_frame
from trainers.run.loop import Losses, Paint
from trainers.settings.options import JohnsonOptions


@dataclass(frozen=True, slots=True)
class Paintings:
    """What the run aims at: the names of the styles, their weights [N], and what their paintings ask."""

    names: tuple[str, ...]
    weights: Tensor
    objective: Objective


def find_paintings(options: JohnsonOptions) -> list[Path]:
    """The readable pictures in the styles folder; BadValue where there is none."""
    paths, bad = readable_pictures(find_pictures([options.styles]))
    if not paths:
        raise BadValue(f"no readable picture in {options.styles}; put the style pictures there ({len(bad)} damaged)")
    return paths


def read_paintings(options: JohnsonOptions, perceptual: PerceptualNet, device: torch.device) -> Paintings:
    """The targets of every picture in the styles folder; a style is called like its file."""
    paths = find_paintings(options)
    names = tuple(path.stem for path in paths)
    if unknown := sorted({name for name, _ in options.style_weights} - set(names)):
        raise BadValue(f"style_weights names {unknown}, which are no styles here; the styles are {list(names)}")
    return paintings_of(paths, options, perceptual, device)


def paintings_of(
    paths: Sequence[Path], options: JohnsonOptions, perceptual: PerceptualNet, device: torch.device
) -> Paintings:
    """The targets of these pictures."""
    names = tuple(path.stem for path in paths)
    targets = style_targets(
        options.loss, [style_picture(path, options.style_size).to(device) for path in paths], perceptual,
        options.style_layers, options.octaves, samples=options.samples, slices=options.slices, seed=options.seed,
    )  # fmt: skip
    objective = Objective(
        perceptual, targets, options.content_layers, options.style_layers, options.octaves, options.detail_floor
    )
    return Paintings(names, torch.tensor([options.weight_of(name) for name in names], device=device), objective)


def training_losses(
    paint: Paint,
    vectors: Tensor,
    pictures: Tensor,
    style_ids: Tensor,
    *,
    paintings: Paintings,
    options: JohnsonOptions,
    chance: torch.Generator,
    texture: Tensor | None = None,
    moving: bool = False,
) -> Losses:
    """pictures [B, 3, H, W], their style_ids [B], vectors [B, S] and seed texture [B, 1, P, P] → the mean losses.

    The net sees the pictures as a sensor would give them, the losses as they are. Under `styles` is the style loss of
    each sample [B]. When `moving`, a second frame of each picture is painted too,
    with the texture carried along, and the stability loss is added.
    """
    frames = pictures + sensor_noise(pictures, options.sensor_noise, chance)
    if moving:
        second = second_frame(pictures, MotionOptions(), chance)
        # One pass for both: instance norm keeps samples apart, and data-parallel training wants a single forward.
        frames, vectors = torch.cat([frames, second.frame]), vectors.repeat(2, 1)
        texture = None if texture is None else torch.cat([texture, carried(texture, second.flow)])
    painted = paint(frames, vectors, texture)
    first = painted[: len(pictures)]
    content, style = paintings.objective.losses(first, pictures, style_ids, chance)
    losses = {
        "content": content.mean(),
        "style": style.mean(),
        "tv": total_variation(first).mean(),
        "range": (first - first.clamp(0, 1)).square().mean(),
        "grid": grid_loss(first).mean(),
        "comb": comb_loss(first).mean(),
        "tone": tone_loss(first, pictures).mean(),
        "structure": structure_loss(first, pictures).mean(),
    }
    total = options.content_weight * losses["content"] + (paintings.weights[style_ids] * style).mean()
    total = total + options.tv_weight * losses["tv"] + options.range_weight * losses["range"]
    total = total + options.grid_weight * losses["grid"] + options.comb_weight * losses["comb"]
    total = total + options.tone_weight * losses["tone"] + options.structure_weight * losses["structure"]
    if moving:
        losses["stability"] = second.instability(first, painted[len(pictures) :]).mean()
        total = total + options.stability_weight * losses["stability"]
        losses["difference"] = _difference(painted, pictures, second, paintings.objective).mean()
        total = total + options.difference_weight * losses["difference"]
    return {**losses, "styles": style.detach(), "total": total}


def _difference(painted: Tensor, pictures: Tensor, second: SecondFrame, objective: Objective) -> Tensor:
    """[B]: unlike changes in pixels and in the deepest features that content is told by."""
    layer = objective.content_layers[-1]
    first, after = painted.chunk(2)
    found = objective.perceptual.features(painted, [layer])[layer].chunk(2)
    with torch.no_grad():
        plain = objective.perceptual.features(torch.cat([pictures, second.clean]), [layer])[layer].chunk(2)
    return difference_loss(first, after, pictures, second.clean) + difference_loss(*found, *plain)
