"""The image transform net of Johnson et al. 2016 (arXiv 1603.08155) with conditional instance norm.

One net holds N styles: a style is only the scales and shifts of the norms (Dumoulin et al. 2017,
arXiv 1610.07629), kept as one row of the table `TransformNet.styles`. N = 1 is the classic net.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.networks.transform.config import NORM_EPSILON, SETTLED_GAIN, STREAKS, TEXTURES, TransformConfig
from engines.networks.transform.seed_texture import seed_texture

COLOURS = 3


class PaddedConv(nn.Conv2d):
    """A convolution after reflection padding; it has a bias only where no norm follows, whose shift does as well."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, bias: bool = False
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, kernel // 2, padding_mode="reflect", bias=bias)


class StyledNorm(nn.Module):
    """Conditional instance norm: z = scale · (x − µ)/√(σ² + ε) + shift (arXiv 1610.07629, equation 5).

    One that is `settled` measures no picture: z = scale · SETTLED_GAIN · x + shift.
    """

    def __init__(self, channels: int, offset: int, *, settled: bool = False) -> None:
        super().__init__()
        self.channels = channels
        self.settled = settled
        self.scale_at = slice(offset, offset + channels)
        self.shift_at = slice(offset + channels, offset + 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [B, C, H, W], style [B, S] → [B, C, H, W]."""
        normed = SETTLED_GAIN * x if self.settled else functional.instance_norm(x, eps=NORM_EPSILON)
        return self.styled(normed, style)

    def styled(self, x: Tensor, style: Tensor) -> Tensor:
        """The style's scale and shift alone, without the norm."""
        return x * style[:, self.scale_at, None, None] + style[:, self.shift_at, None, None]


class ResidualBlock(nn.Module):
    """conv, norm, ReLU, conv, norm, and the input added (Johnson's supplement, without the last ReLU)."""

    def __init__(self, channels: int, offset: int, *, settled: bool = False) -> None:
        super().__init__()
        self.conv1 = PaddedConv(channels, channels, 3)
        self.norm1 = StyledNorm(channels, offset, settled=settled)
        self.conv2 = PaddedConv(channels, channels, 3)
        self.norm2 = StyledNorm(channels, offset + 2 * channels, settled=settled)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y: Tensor = functional.relu(self.norm1(self.conv1(x), style))
        y = self.norm2(self.conv2(y), style)
        return x + y


class TransformNet(nn.Module):
    """Picture and style vector in, stylized picture out.

    `styles` [N, S] is the table of the styles that the net was trained with. Weights are named after their place:
    `down.0` is the stem, `blocks`, `up`, `refine`, `head`, and `detail`.
    """

    def __init__(self, config: TransformConfig, styles: int = 1) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        offsets = NormOffsets()
        self.down = nn.ModuleList([PaddedConv(config.picture_channels, widths[0], config.stem_kernel)])
        self.down.extend(PaddedConv(a, b, 3, stride=2) for a, b in itertools.pairwise(widths))
        self.down_norms = nn.ModuleList(offsets.norm(width) for width in widths)
        offsets.settled = config.settled
        self.blocks = nn.ModuleList(offsets.block(widths[-1]) for _ in range(config.blocks))
        self.up = nn.ModuleList()
        self.up_norms = nn.ModuleList()
        self.refine = nn.ModuleList()
        for level, (a, b) in enumerate(itertools.pairwise(widths[::-1])):
            self.up.append(PaddedConv(a, b, 3))
            self.up_norms.append(offsets.norm(b))
            if level == 0:
                self.refine.extend(offsets.block(b) for _ in range(config.refine_blocks))
        self.head = PaddedConv(widths[0], config.picture_channels, config.head_kernel, bias=True)
        if config.detail:
            self.detail = PaddedConv(config.picture_channels, config.picture_channels, 1)
            self.detail_style = offsets.norm(config.picture_channels)
        # Written into zeros: on the meta device to copy an expanded one would load sympy, which takes a second.
        self.styles = nn.Parameter(torch.zeros(styles, config.style_size).copy_(self.neutral_style()))
        for conv, _ in self.normed_convolutions() if config.settled else ():
            # What comes out has the deviation of what comes in. On the meta device normal_ would load torch's compiler.
            bound = (3 / conv.weight[0].numel()) ** 0.5 / SETTLED_GAIN
            nn.init.uniform_(conv.weight, -bound, bound)

    def neutral_style(self) -> Tensor:
        """[S]: every scale 1, every shift 0, and as much of every texture."""
        style = torch.zeros(self.config.style_size)
        start = 0
        # In place: on the meta device torch.cat would load torch's compiler, which takes seconds.
        for count in self.config.norm_channels:
            style[start : start + count] = 1
            start += 2 * count
        style[start:] = self.config.even_share
        return style

    def normed_convolutions(self) -> Iterator[tuple[PaddedConv, StyledNorm]]:
        """The convolutions after the way down, each with the norm behind it."""
        for block in self.modules():
            if isinstance(block, ResidualBlock):
                yield block.conv1, block.norm1
                yield block.conv2, block.norm2
        for conv, norm in zip(self.up, self.up_norms, strict=True):
            if isinstance(conv, PaddedConv) and isinstance(norm, StyledNorm):  # which all of them are
                yield conv, norm

    @torch.no_grad()
    def level(self) -> None:
        """Moves the weights, in place, to the nearest with which flat ground comes out flat.

        The head writes the f×f pixels of a block by weights of their own. Where what it reads is the same all around,
        they have to agree, or a grid lies on skies and walls. For each colour the places of a block get the mean of
        what they had: of the biases, of the sums over a kernel, and for `detail` of the sums over the colours read and
        of the style's scales and shifts. A net with `unshuffle` 1 stays as it is.
        """
        places = self.config.unshuffle**2
        self.head.weight -= _unevenness(self.head.weight.mean((2, 3), keepdim=True), places)
        if self.head.bias is not None:
            self.head.bias -= _unevenness(self.head.bias, places)
        if self.config.detail:
            by_colour = self.detail.weight.view(COLOURS * places, COLOURS, places, 1, 1)
            by_colour -= _unevenness(by_colour.mean(2, keepdim=True), places)
            self.styles.copy_(self.levelled(self.styles))

    def levelled(self, vectors: Tensor) -> Tensor:
        """[B, S]: the nearest style vectors with which flat ground comes out flat, as in `level`."""
        if not self.config.detail:
            return vectors
        even = vectors.clone()
        for part in (self.detail_style.scale_at, self.detail_style.shift_at):
            even[:, part] = vectors[:, part] - _unevenness(vectors[:, part].T, self.config.unshuffle**2).T
        return even

    def forward(self, x: Tensor, style: Tensor, texture: Tensor | None = None) -> Tensor:
        """x [B, 3, H, W], RGB in 0..1, H and W ≥ 16; style [B, S] → [B, 3, H, W], not clamped.

        `texture` [B, K, H', W'], each of deviation 1, at the padded size or larger, are taken for the fixed seed
        textures: all that are known, in their order.
        """
        height, width = x.shape[-2:]
        x = functional.pad(x, _padding_to_multiple(height, width, self.config.size_multiple), mode="reflect")
        picture = functional.pixel_unshuffle(x, self.config.unshuffle)
        x = functional.pixel_unshuffle(self._seeded(x, style, texture), self.config.unshuffle)
        beside: Tensor | None = None  # what the lowest level goes down from; held only where it is asked for again
        for conv, norm in zip(self.down, self.down_norms, strict=True):
            beside = x if self.config.skip else None
            x = functional.relu(norm(conv(x), style))
        for block in self.blocks:
            x = block(x, style)
        for level, (conv, norm) in enumerate(zip(self.up, self.up_norms, strict=True)):
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = norm(conv(x), style)
            x = x + beside if beside is not None and level == 0 else functional.relu(x)
            if level == 0:
                for block in self.refine:
                    x = block(x, style)
        x = self.head(x)
        if self.config.detail:
            x = x + self.detail_style.styled(self.detail(picture), style)
        x = functional.pixel_shuffle(x, self.config.unshuffle)
        return x[..., :height, :width]

    def shares(self, style: Tensor) -> Tensor:
        """[B, S] → [B, K]: how much of each texture that is known these styles take."""
        shares = style.new_zeros(len(style), len(TEXTURES))
        own = own_shares(self.config, style)
        return shares.index_copy(1, torch.tensor(self._own_textures, device=style.device), own)

    @torch.no_grad()
    def begin_with_texture(self, row: int, texture: str) -> None:
        """Gives a style of the table this texture alone; ValueError where the net has it not."""
        own = self.config.textures
        if texture not in own:
            raise ValueError(f"the net has no texture {texture!r}; it has {', '.join(own)}")
        if len(own) > 1:
            self.styles[row, self.config.shares_at] = torch.tensor([float(name == texture) for name in own])

    @torch.no_grad()
    def directed(self, style: Tensor) -> Tensor:
        """[B, S] → [B]: the part of the strength of these styles' textures that lies in streaks; 1 without any."""
        if not self.config.seed_amplitude:
            return style.new_ones(len(style))
        strength = self.shares(style).square()
        streaks = strength[:, [TEXTURES.index(name) for name in STREAKS]].sum(1)
        return streaks / strength.sum(1).clamp_min(1e-6)

    def _seeded(self, x: Tensor, style: Tensor, texture: Tensor | None) -> Tensor:
        """The padded picture with the texture from which strokes grow."""
        if not self.config.seed_amplitude:
            return x
        height, width = x.shape[-2:]
        if texture is None:
            fixed = np.stack([seed_texture(name, height, width) for name in self.config.textures])
            own = torch.from_numpy(fixed)[None].to(x)
        else:
            own = texture[:, self._own_textures, :height, :width]
        shares = self.config.seed_amplitude * own_shares(self.config, style)[..., None, None]
        return x + (shares * own).sum(1, keepdim=True)

    @property
    def _own_textures(self) -> list[int]:
        """The places of the net's textures among all that are known."""
        return [TEXTURES.index(name) for name in self.config.textures]


class NormOffsets:
    """Hands out the places of the norms in the style vector, one after the other."""

    def __init__(self) -> None:
        self.next = 0
        self.settled = False

    def norm(self, channels: int) -> StyledNorm:
        offset, self.next = self.next, self.next + 2 * channels
        return StyledNorm(channels, offset, settled=self.settled)

    def block(self, channels: int) -> ResidualBlock:
        offset, self.next = self.next, self.next + 4 * channels
        return ResidualBlock(channels, offset, settled=self.settled)


def own_shares(config: TransformConfig, style: Tensor) -> Tensor:
    """[B, S] → [B, N]: how much of each of the net's textures these styles take."""
    told = style[:, config.shares_at]
    return told if told.shape[1] else style.new_full((len(style), 1), config.even_share)


def _unevenness(values: Tensor, places: int) -> Tensor:
    """By how much values [3·places, …] differ from their mean over the places of a block."""
    by_place = values.reshape(COLOURS, places, *values.shape[1:])
    return (by_place - by_place.mean(1, keepdim=True)).reshape(values.shape)


def _padding_to_multiple(height: int, width: int, multiple: int) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) as `functional.pad` takes it; only right and bottom grow."""
    return (0, -width % multiple, 0, -height % multiple)
