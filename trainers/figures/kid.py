"""Kernel Inception Distance (Bińkowski et al. 2018, arXiv 1801.01401) by features of a loss network at hand.

The network is not Inception, so figures are comparable only among themselves: they tell whether a run gets better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.losses.perceptual import PerceptualNet

LAYERS = ("relu2_2", "relu3_4", "relu4_1")
SUBSETS, MOST_IN_SUBSET = 50, 100
DEGREE = 3
LEAST_SCALE = 0.1
MOST_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """The mean over random halves of the pictures, and its standard error: how far another draw of as many would be.

    That is the deviation over the halves, undivided, for halves of a sample differ from it about as much as samples of
    its size differ from each other's mean (half-sampling, McCarthy 1969). Of subsets of less than half it is too large.
    """

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.error:.3f}"


@torch.no_grad()
def features_of(pictures: Sequence[Tensor], network: PerceptualNet) -> np.ndarray:
    """Pictures [3, H, W], RGB 0..1 → float64 [N, C]: means and deviations of the layers' features over the picture."""
    return np.stack([_features(picture[None], network) for picture in pictures])


def _features(picture: Tensor, network: PerceptualNet) -> np.ndarray:
    found = network.features(picture, list(LAYERS))
    parts = [part for layer in LAYERS for part in (found[layer].mean((2, 3)), found[layer].std((2, 3)))]
    return torch.cat(parts, dim=1)[0].double().cpu().numpy()


def kernel_distance(ours: np.ndarray, theirs: np.ndarray, seed: int = 0) -> KernelDistance:
    """Features [N, C] and [M, C], N and M ≥ 2 → the distance of their distributions.

    Every feature is counted from its mean in `theirs` in deviations there, so that none rules by its scale, and three
    of them are the most, or a single one would make the distance. One that never varies, as a loss network has many, is
    counted in a tenth of what is usual. Subsets are half of what there is, or MOST_IN_SUBSET.
    """
    mean, scale = theirs.mean(axis=0), theirs.std(axis=0)
    usual = np.median(scale[scale > 0]) if scale.any() else 1.0  # of equal pictures nothing varies
    scale = np.maximum(scale, LEAST_SCALE * usual)
    ours, theirs = (np.clip((each - mean) / scale, -MOST_DEVIATIONS, MOST_DEVIATIONS) for each in (ours, theirs))
    size = max(2, min(len(ours) // 2, len(theirs) // 2, MOST_IN_SUBSET))
    chance = np.random.default_rng(seed)
    draws = [
        squared_mmd(ours[chance.permutation(len(ours))[:size]], theirs[chance.permutation(len(theirs))[:size]])
        for _ in range(SUBSETS)
    ]
    return KernelDistance(float(np.mean(draws)), float(np.std(draws, ddof=1)))


def squared_mmd(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The unbiased squared maximum mean discrepancy by the kernel (x·y / C + 1)³ (the paper's equations 3 and 4)."""
    own, other, across = (_kernel(a, b) for a, b in ((ours, ours), (theirs, theirs), (ours, theirs)))
    return float(_mean_of_pairs(own) + _mean_of_pairs(other) - 2 * across.mean())


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** DEGREE)


def _mean_of_pairs(kernel: np.ndarray) -> float:
    """Over all pairs of two different pictures."""
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
