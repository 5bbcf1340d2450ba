"""What a step of the transform net recipe is judged by: paintings as targets, photos as content, and motion."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engines.errors import BadValue
from engines.networks.join.tensors import box_mean, joined
from engines.networks.picture_graph import WHITE
from trainers.data import by_style_name, style_picture
from trainers.losses.objective import Judged, Objective, style_targets
from trainers.losses.patches import PatchTargets, patch_targets
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.step import PaintedStep, Step
from trainers.losses.terms import (
    comb_loss,
    detail_map,
    grid_loss,
    luma_weave_loss,
    structure_loss,
    tone_loss,
    total_variation,
)
from trainers.losses.wasserstein import DIRECTIONS
from trainers.motion import difference_loss
from trainers.run.loop import Losses, Report, pictures_in
from trainers.settings.options import JohnsonOptions

# The part of a run after which the whole share of the samples is judged joined.
JOINED_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Paintings:
    """What the run aims at: the names of the styles, their weights [N], and what their paintings ask.

    `patches` is what they ask of patches of pixels, where those count.
    """

    names: tuple[str, ...]
    weights: Tensor
    objective: Objective
    patches: PatchTargets | None = None


def find_paintings(options: JohnsonOptions, report: Report) -> dict[str, Path]:
    """The readable pictures in the styles folder, by the names of their styles; that some are damaged is told.

    BadFile where there is none, BadValue where two would be called the same.
    """
    return by_style_name(pictures_in([options.styles], "style pictures", report))


def check_styles(setting: str, given: Iterable[tuple[str, object]], names: Iterable[str]) -> None:
    """BadValue where a setting that is given by styles' names gives something to one that is not there."""
    if unknown := sorted({name for name, _ in given} - set(names)):
        raise BadValue(f"{setting} names {unknown}, which are no styles here; the styles are {list(names)}")


def paintings_of(
    pictures: Mapping[str, Path], options: JohnsonOptions, perceptual: PerceptualNet, device: torch.device
) -> Paintings:
    """The targets of these pictures, by the names of their styles."""
    names = tuple(pictures)
    check_styles("style_weights", options.style_weights, names)
    paintings = [style_picture(path, options.style_size).to(device) for path in pictures.values()]
    targets = style_targets(
        options.loss, paintings, perceptual, options.style_layers, options.octaves, samples=options.samples,
        slices=options.slices, seed=options.seed,
    )  # fmt: skip
    objective = Objective(
        perceptual, targets, options.content_layers, options.style_layers, options.octaves, options.detail_floor
    )
    weights = torch.tensor([options.weight_of(name) for name in names], device=device)
    chance = torch.Generator().manual_seed(options.seed)
    return Paintings(names, weights, objective, patches_of(paintings, options, chance))


def patches_of(
    paintings: Sequence[Tensor], options: JohnsonOptions, chance: torch.Generator, directions: int = DIRECTIONS
) -> PatchTargets | None:
    """What paintings [1, 3, H, W] ask of patches, along so many directions; None where those do not count."""
    if options.patch_weight == 0:
        return None
    return patch_targets(
        paintings, options.octaves, samples=options.samples, slices=options.slices, generator=chance,
        directions=directions,
    )  # fmt: skip


def training_losses(step: Step, *, paintings: Paintings, options: JohnsonOptions) -> Losses:
    """As `StepLosses` has it, with the stability loss where the step is moving.

    The net sees the pictures as a sensor would give them, the losses as they are. A net first learns to paint, and then
    what of that is seen: the share of the samples that are judged joined grows with the part of the run that is over.
    """
    pictures, seen = step.pictures, step.painted(options.sensor_noise)
    share = options.join_share * min(1.0, step.done / JOINED_FROM)
    directed = 1.0 if step.directed is None else step.directed
    bare, shown = seen.first, as_shown(seen, share, step.chance)
    first = shown[: seen.samples]
    judged = paintings.objective.judge(first, pictures, step.style_ids, step.chance)
    losses = {
        "content": judged.content.mean(),
        "style": judged.style.mean(),
        "tv": total_variation(first).mean(),
        "range": (seen.painted - seen.painted.clamp(0, 1)).square().mean(),
        "grid": grid_loss(bare).mean(),
        "comb": comb_loss(bare).mean(),
        "weave": (directed * luma_weave_loss(first, detail_map(pictures, 0.0))).mean(),
        "tone": tone_loss(first, pictures).mean(),
        "structure": structure_loss(first, pictures).mean(),
    }
    total = options.content_weight * losses["content"] + (paintings.weights[step.style_ids] * judged.style).mean()
    total = total + options.tv_weight * losses["tv"] + options.range_weight * losses["range"]
    total = total + options.grid_weight * losses["grid"] + options.comb_weight * losses["comb"]
    total = total + options.weave_weight * losses["weave"]
    total = total + options.tone_weight * losses["tone"] + options.structure_weight * losses["structure"]
    if paintings.patches is not None:
        losses["patches"] = paintings.patches.loss(first, step.style_ids, step.chance).mean()
        total = total + options.patch_weight * losses["patches"]
    if seen.second is not None:
        after = shown[seen.samples :]
        losses["stability"] = seen.second.instability(first, after).mean()
        total = total + options.stability_weight * losses["stability"]
        losses["difference"] = _difference(
            first, after, pictures, seen.second.clean, judged, paintings.objective
        ).mean()
        total = total + options.difference_weight * losses["difference"]
    return {**losses, "styles": judged.style.detach(), "total": total}


def as_shown(seen: PaintedStep, share: float, chance: torch.Generator) -> Tensor:
    """The paintings of that share of the samples, first frames and second, joined with their frames as films are shown.

    But their finest strokes stay as they were painted: the join softens those, and a net that was judged by what is
    left drew a lattice to make up for it.
    """
    bare = seen.painted
    if share == 0:
        return bare
    joins = (torch.rand(seen.samples, 1, 1, 1, generator=chance) < share).repeat(len(bare) // seen.samples, 1, 1, 1)
    difference = joined(WHITE * seen.frames, WHITE * seen.frames, WHITE * bare) / WHITE - bare
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
