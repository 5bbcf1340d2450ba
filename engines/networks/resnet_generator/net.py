"""The ResNet generator of CycleGAN in torch (arXiv 1703.10593, appendix 7.2, after Johnson's net)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.networks.resnet_generator.config import OUTER_KERNEL, RESIZE, SIZE_MULTIPLE, ResnetGeneratorConfig
from engines.networks.transform.net import COLOURS, NormOffsets, PaddedConv


class ResnetGenerator(nn.Module):
    """A picture of one domain in, the picture as of the other domain out; both are RGB in 0..1.

    Inside it is the paper's net, which works in −1..1 and ends in a tanh: what comes out is always within 0..1.

    The norms have no weights of their own. Their scales and shifts are rows of the table `styles` [N, S], 1 and 0 where
    no checkpoint said otherwise: a buffer, which an optimiser does not see. Convolutions before a norm have no bias,
    for the norm takes it away. Weights are named after their place: `down.0` is the stem, `blocks`, `up`, `head`.
    """

    styles: Tensor

    def __init__(self, config: ResnetGeneratorConfig, styles: int = 1) -> None:
        super().__init__()
        self.config = config
        full, half, quarter = config.widths
        offsets = NormOffsets()
        self.down = nn.ModuleList([PaddedConv(COLOURS, full, OUTER_KERNEL)])
        self.down.extend(nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in pairwise(config.widths))
        self.down_norms = nn.ModuleList(offsets.norm(width) for width in config.widths)
        self.blocks = nn.ModuleList(offsets.block(quarter) for _ in range(config.blocks))
        self.up = nn.ModuleList(_doubling(a, b, config.upsampling) for a, b in ((quarter, half), (half, full)))
        self.up_norms = nn.ModuleList(offsets.norm(width) for width in (half, full))
        self.head = PaddedConv(full, COLOURS, OUTER_KERNEL, bias=True)
        self.register_buffer("styles", self.neutral_style().repeat(styles, 1))

    def neutral_style(self) -> Tensor:
        """[S]: every scale 1 and every shift 0, the paper's norms."""
        pairs = [torch.cat([torch.ones(c), torch.zeros(c)]) for c in self.config.norm_channels]
        return torch.cat(pairs)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """x [B, 3, H, W], RGB in 0..1, H and W ≥ 16; style [B, S] or the table's first row → [B, 3, H, W] in 0..1."""
        height, width = x.shape[-2:]
        style = self.styles[:1] if style is None else style
        x = functional.pad(x, (0, -width % SIZE_MULTIPLE, 0, -height % SIZE_MULTIPLE), mode="reflect")
        x = 2 * x - 1
        for conv, norm in zip(self.down, self.down_norms, strict=True):
            x = functional.relu(norm(conv(x), style))
        for block in self.blocks:
            x = block(x, style)
        for conv, norm in zip(self.up, self.up_norms, strict=True):
            x = functional.relu(norm(conv(x), style))
        return (torch.tanh(self.head(x))[..., :height, :width] + 1) / 2


class ResizeConv(PaddedConv):
    """Nearest ×2, then a 3×3 convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C', 2H, 2W]"""
        return super().forward(functional.interpolate(x, scale_factor=2, mode="nearest"))


def _doubling(channels_in: int, channels_out: int, upsampling: str) -> nn.Module:
    """What doubles the sides of a map; its weights stand in `weight` either way."""
    if upsampling == RESIZE:
        return ResizeConv(channels_in, channels_out, 3)
    return nn.ConvTranspose2d(channels_in, channels_out, 3, 2, 1, output_padding=1, bias=False)
