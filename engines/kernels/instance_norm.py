"""What follows a convolution in our nets, in torch's operations: the meaning of the fused kernel, and its stand-in.

    z = scale · (x − µ) / √(σ² + ε) + shift,  then ReLU, then the residual added, then the rim of the next convolution

with µ and σ² over the pixels of one picture and channel: conditional instance norm (Dumoulin et al. 2017, arXiv
1610.07629, equation 5). ε is one number per channel, because the weights before it are rescaled channel by channel.

torch's own instance_norm turns an NHWC map to NCHW and back at every layer. Here it stays NHWC throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engines.kernels.map_layout import PLAIN, MapLayout, pack, unpack


@dataclass(frozen=True, slots=True)
class NormPass:
    """One such pass: where its map is read and written, whether it has a ReLU, and how its residual lies."""

    source: MapLayout = PLAIN
    target: MapLayout = PLAIN
    relu: bool = True
    residual: MapLayout = PLAIN


# (x, scale [C], shift [C], epsilon [C], residual, pass) → the next convolution's buffer
Norm = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor | None, NormPass], Tensor]


def torch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: Tensor, residual: Tensor | None, step: NormPass
) -> Tensor:
    """The buffer x in `step.source` → the buffer in `step.target`, of the same type; computed in fp32 at least.

    `scale`, `shift` and `epsilon` are [C]; `residual` is a buffer in `step.residual`, or None.
    """
    maps = unpack(x, step.source)
    wide = maps.to(torch.promote_types(maps.dtype, torch.float32))
    variance, mean = torch.var_mean(wide, dim=(1, 2), keepdim=True, correction=0)
    normed = (wide - mean) * (scale * torch.rsqrt(variance + epsilon)) + shift
    if step.relu:
        normed = normed.relu()
    if residual is not None:
        normed = normed + unpack(residual, step.residual)
    return pack(normed.to(x.dtype), step.target)
