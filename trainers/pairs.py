"""A net for a shot, from some of its frames and what somebody painted of them, by hand or by optimisation.

Few-shot training after Texler et al. 2020 (arXiv 2004.14489): crops of the frames in, the same crops of the paintings
as the target, in pixels and in features. In place of their adversary stands the distribution of the painting's features
(trainers.losses.wasserstein): where strokes lie is not to be foreseen from a frame, and a mean of all places is grey.
The net begins as one that paints already, in the style that is nearest, and so needs minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engines.errors import BadFile, BadValue
from engines.style.card import style_name
from trainers.data import CropOptions, Crops, find_pictures, open_picture, random_crop, to_tensor
from trainers.losses.following_losses import following_losses
from trainers.losses.objective import octave_layers, octaves_of
from trainers.losses.perceptual import PerceptualNet, load_perceptual
from trainers.losses.step import Step, StepLosses
from trainers.losses.vae_losses import distribution_distance
from trainers.run.loop import Losses, OnStep, Report, loss_precision
from trainers.run.run_folder import RunLabel
from trainers.run.transform_run import NetOptions, TrainedNet, train_net
from trainers.settings.options import ALL_STYLE_LAYERS
from trainers.settings.pairs_options import PairsOptions

RECIPE = "pairs"
PAINTED = ("-painted", "_painted")
MOST_ASPECT_OFF = 0.02
OCTAVES, PLACES, SLICES = 2, 2048, 12


@dataclass(frozen=True, slots=True)
class Pair:
    """A frame and what was painted of it."""

    frame: Path
    painted: Path


def find_pairs(folder: Path) -> list[Pair]:
    """`12.png` and `12-painted.png` (or `_painted`) are a pair, of any kinds of pictures; other frames are left out.

    BadValue where there is none, or where several have one name; BadFile where the two have another shape.
    """
    paths = find_pictures([folder])
    frames: dict[Path, Path] = {}
    for path in paths:
        if not path.stem.endswith(PAINTED) and frames.setdefault(path.with_suffix(""), path) != path:
            raise BadValue(f"{frames[path.with_suffix('')]} and {path.name} have one name; keep one of them")
    painted: dict[Path, Path] = {}
    for path in paths:
        for ending in PAINTED:
            frame = frames.get(path.with_name(path.stem.removesuffix(ending)))
            if path.stem.endswith(ending) and frame is not None and painted.setdefault(frame, path) != path:
                raise BadValue(f"{painted[frame]} and {path.name} are both of {frame.name}; keep one of them")
    pairs = [Pair(frame, path) for frame, path in painted.items()]
    if not pairs:
        raise BadValue(f"no painted frame in {folder}; beside 12.png put what is painted of it, as 12-painted.png")
    for pair in pairs:
        _check_shapes(pair)
    return pairs


def train(
    options: PairsOptions,
    pairs: Sequence[Pair],
    vector: Tensor | None = None,
    report: Report = print,
    on_step: OnStep | None = None,
) -> TrainedNet:
    """As `train_net` does, with one style, that of the painted frames; `vector` [S] is what it begins with."""

    def losses_on(device: torch.device) -> StepLosses:
        perceptual = load_perceptual("5se", loss_precision(options.precision))
        return partial(pair_losses, options=options, perceptual=perceptual.to(device))

    def crops_of(settings: NetOptions, report: Report, length: int) -> Crops:
        scale = settings.max_scale
        return PairCrops(pairs, CropOptions(settings.sizes, scale, min_scale=scale, jitter=0.0), settings.seed, length)

    return train_net(
        options, RunLabel(RECIPE, (style_name(options.out),)), losses_on, report, on_step, crops_of,
        None if vector is None else vector[None],
    )  # fmt: skip


class PairCrops(Crops):
    """Sample (n, size) is [6, size, size]: the crop of a frame, and below it the same one of its painting."""

    def __init__(self, pairs: Sequence[Pair], options: CropOptions, seed: int, length: int) -> None:
        super().__init__([pair.frame for pair in pairs], options, seed, length)
        self._painted = {pair.frame: pair.painted for pair in pairs}

    def crop(self, number: int, size: int) -> Tensor:
        frame = self.path_of(number)
        both = open_pair(Pair(frame, self._painted[frame]))
        crops = [random_crop(each, size, self.options, np.random.default_rng((self.seed, 2, number))) for each in both]
        return torch.cat([to_tensor(crop) for crop in crops])


def open_pair(pair: Pair) -> tuple[Image.Image, Image.Image]:
    """Both at the frame's size."""
    frame, painted = open_picture(pair.frame), open_picture(pair.painted)
    same = painted.size == frame.size
    return frame, painted if same else painted.resize(frame.size, Image.Resampling.LANCZOS)


def pair_losses(step: Step, *, options: PairsOptions, perceptual: PerceptualNet) -> Losses:
    """As `StepLosses` has it; the step's pictures [B, 6, H, W] are frames with their paintings."""
    frames, wanted = step.pictures.chunk(2, dim=1)
    losses, painted = following_losses(replace(step, pictures=frames), wanted, options=options, perceptual=perceptual)
    losses["brush"] = _brush(painted, wanted, perceptual, step.chance)
    return {**losses, "total": losses["total"] + options.brush_weight * losses["brush"]}


def _brush(painted: Tensor, wanted: Tensor, perceptual: PerceptualNet, chance: torch.Generator) -> Tensor:
    """How far the distributions of features are apart, in some octaves."""
    found = []
    for octave, (ours, theirs) in enumerate(
        zip(octaves_of(painted, OCTAVES), octaves_of(wanted, OCTAVES), strict=True)
    ):
        layers = octave_layers(ALL_STYLE_LAYERS, octave)
        features = perceptual.features(ours, layers)
        with torch.no_grad():
            aims = perceptual.features(theirs, layers)
        found += [
            distribution_distance(features[layer], aims[layer], PLACES, SLICES, chance).mean() for layer in layers
        ]
    return torch.stack(found).mean()


def _check_shapes(pair: Pair) -> None:
    frame, painted = open_picture(pair.frame), open_picture(pair.painted)
    ratio = painted.width * frame.height / (painted.height * frame.width)
    if abs(ratio - 1) > MOST_ASPECT_OFF:
        raise BadFile(
            f"{pair.painted} is {painted.width}x{painted.height} and {pair.frame.name} {frame.width}x{frame.height}; "
            "paint the whole frame, in its shape"
        )
