"""The image transform net of Johnson et al. 2016 (arXiv 1603.08155) with conditional instance norm.

One net holds N styles: a style is only the scales and shifts of the norms (Dumoulin et al. 2017,
arXiv 1610.07629), kept as one row of the table `TransformNet.styles`. N = 1 is the classic net.
"""

import itertools
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class TransformConfig:
    """The shape of a transform net.

    `widths` are the channels of the levels, the first at the stem's resolution and each next at half of it.
    `blocks` are residual blocks at the lowest resolution; `refine_blocks` follow the first upsampling, where they
    draw detail that the lowest resolution cannot carry. With `unshuffle` f the stem reads pixel_unshuffle(f) of the
    picture and the head writes through pixel_shuffle(f), so that nothing is computed at full resolution.
    """

    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 5
    refine_blocks: int = 0
    unshuffle: int = 1
    stem_kernel: int = 9
    head_kernel: int = 9

    def __post_init__(self) -> None:
        if self.unshuffle not in (1, 2, 4):
            raise ValueError(f"unshuffle is {self.unshuffle}; choose 1, 2 or 4")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths are {self.widths}; give one positive number of channels for each level")
        for name in ("stem_kernel", "head_kernel"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} is {getattr(self, name)}; choose an odd size")
        if self.refine_blocks and len(self.widths) < 2:
            raise ValueError("refine_blocks need at least two widths, since they follow the first upsampling")

    @property
    def size_multiple(self) -> int:
        """Height and width are padded to a multiple of this many pixels."""
        return self.unshuffle << (len(self.widths) - 1)

    @property
    def norm_channels(self) -> tuple[int, ...]:
        """Channels of every norm, in the order in which the picture meets them."""
        down, up = self.widths, self.widths[-2::-1]
        after_first_up = [up[0]] * (2 * self.refine_blocks) if up else []
        return (*down, *[down[-1]] * (2 * self.blocks), *up[:1], *after_first_up, *up[1:])

    @property
    def style_size(self) -> int:
        """Length S of a style vector: a scale and a shift for each channel of each norm."""
        return 2 * sum(self.norm_channels)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown transform net settings {unknown}; this version knows {sorted(known)}")
        return cls(**{**values, "widths": tuple(values["widths"])})


PRESETS = {
    "paper": TransformConfig(),
    "fast": TransformConfig(widths=(16, 40), blocks=3, unshuffle=2, stem_kernel=3, head_kernel=3),
    "ultra": TransformConfig(widths=(32,), blocks=4, unshuffle=4, stem_kernel=3, head_kernel=3),
}


class PaddedConv(nn.Conv2d):
    """A convolution after reflection padding; it has a bias only where no norm follows to take it away."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, bias: bool = False
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, kernel // 2, padding_mode="reflect", bias=bias)


class StyledNorm(nn.Module):
    """Conditional instance norm: z = scale · (x − µ)/√(σ² + ε) + shift (arXiv 1610.07629, equation 5)."""

    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.channels = channels
        self.scale_at = slice(offset, offset + channels)
        self.shift_at = slice(offset + channels, offset + 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [B, C, H, W], style [B, S] → [B, C, H, W]."""
        scale = style[:, self.scale_at, None, None]
        shift = style[:, self.shift_at, None, None]
        return functional.instance_norm(x, eps=NORM_EPSILON) * scale + shift


class ResidualBlock(nn.Module):
    """conv, norm, ReLU, conv, norm, and the input added (Johnson's supplement, without the last ReLU)."""

    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.conv1 = PaddedConv(channels, channels, 3)
        self.norm1 = StyledNorm(channels, offset)
        self.conv2 = PaddedConv(channels, channels, 3)
        self.norm2 = StyledNorm(channels, offset + 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y: Tensor = functional.relu(self.norm1(self.conv1(x), style))
        y = self.norm2(self.conv2(y), style)
        return x + y


class TransformNet(nn.Module):
    """Picture and style vector in, stylized picture out.

    `styles` [N, S] is the table of the styles that the net was trained with. Weights are named after their place:
    `down.0` is the stem, `blocks`, `up`, `refine`, and `head`.
    """

    def __init__(self, config: TransformConfig, styles: int = 1) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        offsets = _NormOffsets()
        picture_channels = 3 * config.unshuffle**2
        self.down = nn.ModuleList([PaddedConv(picture_channels, widths[0], config.stem_kernel)])
        self.down.extend(PaddedConv(a, b, 3, stride=2) for a, b in itertools.pairwise(widths))
        self.down_norms = nn.ModuleList(offsets.norm(width) for width in widths)
        self.blocks = nn.ModuleList(offsets.block(widths[-1]) for _ in range(config.blocks))
        self.up = nn.ModuleList()
        self.up_norms = nn.ModuleList()
        self.refine = nn.ModuleList()
        for level, (a, b) in enumerate(itertools.pairwise(widths[::-1])):
            self.up.append(PaddedConv(a, b, 3))
            self.up_norms.append(offsets.norm(b))
            if level == 0:
                self.refine.extend(offsets.block(b) for _ in range(config.refine_blocks))
        self.head = PaddedConv(widths[0], picture_channels, config.head_kernel, bias=True)
        self.styles = nn.Parameter(self.neutral_style().repeat(styles, 1))

    def neutral_style(self) -> Tensor:
        """[S]: every scale 1 and every shift 0."""
        pairs = [torch.cat([torch.ones(c), torch.zeros(c)]) for c in self.config.norm_channels]
        return torch.cat(pairs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [B, 3, H, W], RGB in 0..1, H and W ≥ 16; style [B, S] → [B, 3, H, W], not clamped."""
        height, width = x.shape[-2:]
        x = functional.pad(x, _padding_to_multiple(height, width, self.config.size_multiple), mode="reflect")
        x = functional.pixel_unshuffle(x, self.config.unshuffle)
        for conv, norm in zip(self.down, self.down_norms, strict=True):
            x = functional.relu(norm(conv(x), style))
        for block in self.blocks:
            x = block(x, style)
        for level, (conv, norm) in enumerate(zip(self.up, self.up_norms, strict=True)):
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = functional.relu(norm(conv(x), style))
            if level == 0:
                for block in self.refine:
                    x = block(x, style)
        x = functional.pixel_shuffle(self.head(x), self.config.unshuffle)
        return x[..., :height, :width]


class _NormOffsets:
    """Hands out the places of the norms in the style vector, one after the other."""

    def __init__(self) -> None:
        self.next = 0

    def norm(self, channels: int) -> StyledNorm:
        offset, self.next = self.next, self.next + 2 * channels
        return StyledNorm(channels, offset)

    def block(self, channels: int) -> ResidualBlock:
        offset, self.next = self.next, self.next + 4 * channels
        return ResidualBlock(channels, offset)


def _padding_to_multiple(height: int, width: int, multiple: int) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) as `functional.pad` takes it; only right and bottom grow."""
    return (0, -width % multiple, 0, -height % multiple)
