"""Adam (Kingma and Ba 2015, arXiv 1412.6980) for what is learnt beside a picture that plays.

torch.optim.Adam is the same, but what comes with any optimizer of torch's loads its compiler, which takes seconds.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

EPSILON = 1e-8


class Adam:
    """Moves parameters by their gradients; those that have none stay where they are."""

    def __init__(self, parameters: Sequence[Tensor], betas: tuple[float, float]) -> None:
        self._parameters, self._betas = parameters, betas
        self._means, self._squares = ([torch.zeros_like(each) for each in parameters] for _ in range(2))
        self._steps = [torch.zeros(()) for _ in parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step of this learning rate, after which there are no gradients."""
        moved = [at for at, each in enumerate(self._parameters) if each.grad is not None]
        parameters, means, squares, steps = (
            [kept[at] for at in moved] for kept in (self._parameters, self._means, self._squares, self._steps)
        )
        gradients = [each.grad for each in parameters if each.grad is not None]
        beta1, beta2 = self._betas
        adam(
            parameters, gradients, means, squares, [], steps, amsgrad=False, beta1=beta1, beta2=beta2, lr=rate,
            weight_decay=0.0, eps=EPSILON, maximize=False,
        )  # fmt: skip
        for each in self._parameters:
            each.grad = None
