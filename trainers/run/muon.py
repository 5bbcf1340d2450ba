"""An optimiser for matrices: every direction in which one can change is learnt at the same pace.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) takes the orthogonal matrix that is nearest to the running
mean of the gradients, as large as a step of Adam's (Liu et al. 2025, arXiv 2502.16982). What a predictor is told goes
mostly along few directions, which Adam learns, and the many others late. `torch.optim.Muon` is of torch 2.9 and leaves
offsets to another optimiser, of which a checkpoint would then hold two.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
BETAS = (0.9, 0.999)
EPSILON = 1e-8
# As large as a usual step of Adam's: the root mean square of its entries, over the rate.
STEP_RMS = 0.2
# Of the quintic that brings singular values between 0.7 and 1.2, and how often it is taken.
QUINTIC = (3.4445, -4.7750, 2.0315)
PASSES = 5


class Muon(torch.optim.Optimizer):
    """Muon for parameters that are matrices, Adam (arXiv 1412.6980) for all others."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Takes one step along the gradients; no `closure` is called."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    change = self._of_matrix if parameter.ndim == 2 else self._of_vector
                    parameter.sub_(change(parameter, parameter.grad), alpha=group["lr"])

    def _of_matrix(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        mean = self._kept(parameter, "mean").lerp_(gradient, 1 - MOMENTUM)
        step: Tensor = orthogonal(gradient.lerp(mean, MOMENTUM)) * (STEP_RMS * max(parameter.shape) ** 0.5)
        return step

    def _of_vector(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        steps = self._kept(parameter, "steps", torch.zeros(())).add_(1)
        mean = self._kept(parameter, "mean").lerp_(gradient, 1 - BETAS[0])
        square = self._kept(parameter, "square").lerp_(gradient.square(), 1 - BETAS[1])
        step: Tensor = (mean / (1 - BETAS[0] ** steps)) / ((square / (1 - BETAS[1] ** steps)).sqrt() + EPSILON)
        return step

    def _kept(self, parameter: Tensor, name: str, like: Tensor | None = None) -> Tensor:
        kept: Tensor = self.state[parameter].setdefault(name, torch.zeros_like(parameter if like is None else like))
        return kept


def orthogonal(matrix: Tensor) -> Tensor:
    """[M, N] with the same singular vectors, and singular values of about 1 (Newton and Schulz's iteration)."""
    a, b, c = QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / wide.norm().clamp_min(1e-7)
    for _ in range(PASSES):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    found: Tensor = x if matrix.shape[0] <= matrix.shape[1] else x.T
    return found
