"""What a step of the transform net recipe is judged by: paintings as targets, photos as content, and motion."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engines.errors import BadValue
from engines.networks.join.tensors import box_mean, joined
from engines.networks.picture_graph import WHITE
from trainers.camera_noise import sensor_noise
from trainers.data import by_style_name, style_picture
from trainers.losses.objective import Judged, Objective, style_targets
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.terms import (
    comb_loss,
    detail_map,
    grid_loss,
    structure_loss,
    tone_loss,
    total_variation,
    weave_loss,
)
from trainers.motion import MotionOptions, carried, difference_loss, second_frame
from trainers.run.loop import Losses, Paint, Report, pictures_in
from trainers.settings.options import JohnsonOptions

# The part of a run after which the whole share of the samples is judged joined.
JOINED_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Paintings:
    """What the run aims at: the names of the styles, their weights [N], and what their paintings ask."""

    names: tuple[str, ...]
    weights: Tensor
    objective: Objective


def find_paintings(options: JohnsonOptions, report: Report) -> dict[str, Path]:
    """The readable pictures in the styles folder, by the names of their styles; that some are damaged is told.

    BadValue where there is none, or where two would be called the same.
    """
    return by_style_name(pictures_in([options.styles], "style pictures", report))


def paintings_of(
    pictures: Mapping[str, Path], options: JohnsonOptions, perceptual: PerceptualNet, device: torch.device
) -> Paintings:
    """The targets of these pictures, by the names of their styles."""
    names = tuple(pictures)
    if unknown := sorted({name for name, _ in options.style_weights} - set(names)):
        raise BadValue(f"style_weights names {unknown}, which are no styles here; the styles are {list(names)}")
    targets = style_targets(
        options.loss, [style_picture(path, options.style_size).to(device) for path in pictures.values()], perceptual,
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
    done: float = 1.0,
) -> Losses:
    """pictures [B, 3, H, W], their style_ids [B], vectors [B, S] and seed texture [B, 1, P, P] → the mean losses.

    The net sees the pictures as a sensor would give them, the losses as they are. Under `styles` is the style loss of
    each sample [B]. When `moving`, a second frame of each picture is painted too, with the texture carried along, and
    the stability loss is added. A net first learns to paint, and then what of that is seen: the share of the samples
    that are judged joined grows as `done` does, the part of the run that is over.
    """
    frames = pictures + sensor_noise(pictures, options.sensor_noise, chance)
    if moving:
        second = second_frame(pictures, MotionOptions(), chance)
        # One pass for both: instance norm keeps samples apart, and data-parallel training wants a single forward.
        frames, vectors = torch.cat([frames, second.frame]), vectors.repeat(2, 1)
        texture = None if texture is None else torch.cat([texture, carried(texture, second.flow)])
    bare = paint(frames, vectors, texture)
    painted = as_shown(bare, frames, len(pictures), options.join_share * min(1.0, done / JOINED_FROM), chance)
    first = painted[: len(pictures)]
    judged = paintings.objective.judge(first, pictures, style_ids, chance)
    losses = {
        "content": judged.content.mean(),
        "style": judged.style.mean(),
        "tv": total_variation(first).mean(),
        "range": (bare - bare.clamp(0, 1)).square().mean(),
        "grid": grid_loss(bare[: len(pictures)]).mean(),
        "comb": comb_loss(bare[: len(pictures)]).mean(),
        "weave": weave_loss(first, detail_map(pictures, 0.0)).mean(),
        "tone": tone_loss(first, pictures).mean(),
        "structure": structure_loss(first, pictures).mean(),
    }
    total = options.content_weight * losses["content"] + (paintings.weights[style_ids] * judged.style).mean()
    total = total + options.tv_weight * losses["tv"] + options.range_weight * losses["range"]
    total = total + options.grid_weight * losses["grid"] + options.comb_weight * losses["comb"]
    total = total + options.weave_weight * losses["weave"]
    total = total + options.tone_weight * losses["tone"] + options.structure_weight * losses["structure"]
    if moving:
        after = painted[len(pictures) :]
        losses["stability"] = second.instability(first, after).mean()
        total = total + options.stability_weight * losses["stability"]
        losses["difference"] = _difference(first, after, pictures, second.clean, judged, paintings.objective).mean()
        total = total + options.difference_weight * losses["difference"]
    return {**losses, "styles": judged.style.detach(), "total": total}


def as_shown(bare: Tensor, frames: Tensor, samples: int, share: float, chance: torch.Generator) -> Tensor:
    """The paintings of some of the samples, first frames and second, joined with their frames as films are shown.

    But their finest strokes stay as they were painted: the join softens those, and a net that was judged by what is
    left drew a lattice to make up for it.
    """
    if share == 0:
        return bare
    joins = (torch.rand(samples, 1, 1, 1, generator=chance) < share).repeat(len(bare) // samples, 1, 1, 1)
    difference = joined(WHITE * frames, WHITE * frames, WHITE * bare) / WHITE - bare
    return bare + joins.to(bare) * box_mean(box_mean(difference))


def _difference(
    first: Tensor, after: Tensor, pictures: Tensor, pictures_after: Tensor, judged: Judged, objective: Objective
) -> Tensor:
    """[B]: unlike changes in pixels and in the deepest features that content is told by."""
    layer = objective.deepest_layer
    painted_after = objective.perceptual.features(after, [layer])[layer]
    with torch.no_grad():
        plain_after = objective.perceptual.features(pictures_after, [layer])[layer]
    in_features = difference_loss(judged.painted_features, painted_after, judged.photo_features, plain_after)
    return difference_loss(first, after, pictures, pictures_after) + in_features
