"""The transform net as a family of networks."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from engines.networks.family import Config, NetworkFamily
from engines.networks.picture_graph import WHITE
from engines.networks.transform.config import TEXTURES, TransformConfig
from engines.networks.transform.graph import build_model
from engines.networks.transform.pytorch_example import read_pytorch_example
from engines.networks.transform.seed_texture import STEPS

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engines.kernels.instance_norm import Norm
    from engines.networks.transform.half_net import HalfNet
    from engines.networks.transform.net import TransformNet

FLOAT_BYTES = 4


def widest_bytes_per_px(config: Config) -> float:
    """8(a + b)/u² of the net's widest stage: from a channels to b, both at 1/u of the picture.

    For a stem of b channels that is the stage which the upsampling before the head enters. Measured with OpenCV 5 at
    640x360, 1280x720 and 1920x1080, the picture included (gate/memory.py): 150 bytes a pixel for `fast` (162 by the
    formula), 89 for a net of u = 4 (90), 234 for one of widths 8, 16, 32 (242), 808 for the paper's (818). Of several
    textures each one, and their sum, lies beside: 202 for a `fast` of four (202), 189 for a `fine` (184).
    """
    net = TransformConfig.from_dict(config)
    levels = [(net.picture_channels, net.widths[0]), *pairwise(net.widths)]
    blocks = [(net.unshuffle << max(0, level - 1)) ** 2 for level in range(len(levels))]
    widest = max(2 * FLOAT_BYTES * sum(pair) / block for pair, block in zip(levels, blocks, strict=True))
    return widest + (2 * FLOAT_BYTES * (len(net.textures) + 1) if len(net.textures) > 1 else 0)


def seed_levels(config: Config, style: np.ndarray) -> tuple[float, ...]:
    """Of a step of each seed texture; a net with `detail` shows the picture itself, and the texture would be seen."""
    net = TransformConfig.from_dict(config)
    if net.detail or not net.seed_amplitude:
        return ()
    told = [float(share) for share in style[net.shares_at]] or [net.even_share]
    shares = dict(zip(net.textures, told, strict=True))
    return tuple(shares.get(name, 0.0) * net.seed_amplitude * WHITE / STEPS for name in TEXTURES)


def texture_shares(config: Config) -> dict[str, int]:
    """Nowhere, where strokes grow from one texture or from none."""
    net = TransformConfig.from_dict(config)
    told = range(net.style_size)[net.shares_at] if net.seed_amplitude else ()
    return dict(zip(net.textures, told, strict=False))


def _net(config: Config, styles: int) -> "TransformNet":
    from engines.networks.transform.net import TransformNet

    return TransformNet(TransformConfig.from_dict(config), styles)


def _half_net(
    config: Config, weights: "Mapping[str, Tensor]", size: tuple[int, int], *, dtype: "torch.dtype", norm: "Norm"
) -> "HalfNet":
    from engines.networks.transform.half_net import HalfNet

    return HalfNet(TransformConfig.from_dict(config), weights, size, dtype=dtype, norm=norm)


FAMILY = NetworkFamily(
    net=_net,
    graph=build_model,
    title="transform net",
    size_multiple=lambda config: TransformConfig.from_dict(config).size_multiple,
    bytes_per_px=widest_bytes_per_px,
    half_net=_half_net,
    import_tensors=read_pytorch_example,
    seed_levels=seed_levels,
    texture_shares=texture_shares,
)
