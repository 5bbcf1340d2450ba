"""A fully convolutional variational autoencoder (Kingma & Welling, arXiv 1312.6114) that can paint in torch.

Its decoder is of convolutions, ReLUs and nearest doublings. At some depths of it stands adaptive instance norm (Huang &
Belongie, arXiv 1703.06868): the picture's features take the means and deviations that a painting's features have there.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.networks.resnet_generator.net import ResizeConv
from engines.networks.transform.config import NORM_EPSILON
from engines.networks.transform.net import COLOURS, PaddedConv
from engines.networks.vae.config import STEM_KERNEL, VaeConfig

GREY = 0.5
# A new net tells its means and hardly any noise: it learns to draw before it learns to bear some.
FIRST_LOG_VARIANCE = -4.0
# So small a deviation, and so large a one, that nothing is gained beyond, in logarithms of the variance.
LOG_VARIANCES = (-12.0, 8.0)


@dataclass(frozen=True, slots=True)
class Moments:
    """What a picture's latent may be: independent normal numbers, [B, Z, h, w] each."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """One of them, by normal numbers of the same shape: the reparameterisation of section 2.4."""
        return self.mean + (0.5 * self.log_variance).exp() * noise


class AdaptiveNorm(nn.Module):
    """The style's deviations s and means m for the picture's (AdaIN), but for what is flat, which stays calmer.

    z = s·√(1 + share) · (x − µ)/√(σ² + share·s²) + m: where the picture has the style's deviations it has them still,
    so that its own statistics leave it alone, and nothing is enlarged more than √(1 + 1/share) times.
    """

    def __init__(self, channels: int, end: int, share: float) -> None:
        """The norm's deviations and means are the last 2·channels of a style vector before `end`."""
        super().__init__()
        self.share = share
        self.deviations_at = slice(end - 2 * channels, end - channels)
        self.means_at = slice(end - channels, end)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [B, C, H, W], style [B, S] → [B, C, H, W]."""
        deviations = style[:, self.deviations_at, None, None].clamp_min(NORM_EPSILON**0.5)
        normed = functional.instance_norm(x / deviations, eps=self.share)
        painted: Tensor = normed * (deviations * (1 + self.share) ** 0.5) + style[:, self.means_at, None, None]
        return painted


class Vae(nn.Module):
    """Picture and style vector in, painted picture out; `encode` and `decode` are its halves.

    Weights are named after their place: `down` and `deep` lead to `moments`, whose first half are the means; `up` and
    `drawn` lead from the latent to `head`. The table `styles` [N, S] is a buffer, which an optimiser does not see.
    """

    styles: Tensor

    def __init__(self, config: VaeConfig, styles: int = 1) -> None:
        super().__init__()
        self.config = config
        first, last = config.widths[0], config.widths[-1]
        self.down = nn.ModuleList([PaddedConv(COLOURS, first, STEM_KERNEL, stride=2, bias=True)])
        self.down.extend(PaddedConv(a, b, 3, stride=2, bias=True) for a, b in pairwise(config.widths))
        self.deep = nn.ModuleList(PaddedConv(last, last, 3, bias=True) for _ in range(config.blocks))
        self.moments = PaddedConv(last, 2 * config.latent, 1, bias=True)
        self.up = nn.ModuleList([PaddedConv(config.latent, last, 3, bias=True)])
        self.up.extend(_doubling(a, b) for a, b in pairwise(config.depths))
        self.drawn = nn.ModuleList(PaddedConv(last, last, 3, bias=True) for _ in range(config.blocks))
        self.head = _doubling(first, COLOURS)
        ends = accumulate(2 * channels for channels in config.norm_channels)
        norms = map(AdaptiveNorm, config.norm_channels, ends, repeat(config.variance_share))
        self.norms = nn.ModuleDict({str(depth): norm for depth, norm in zip(config.statistics, norms, strict=True)})
        self.register_buffer("styles", self.neutral_style().repeat(styles, 1))
        self._begin()

    def neutral_style(self) -> Tensor:
        """[S]: every deviation 1 and every mean 0, or a latent as it is."""
        pairs = [torch.cat([torch.ones(c), torch.zeros(c)]) for c in self.config.norm_channels]
        return torch.cat(pairs) if pairs else torch.ones(1)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """x [B, 3, H, W], RGB in 0..1, H and W ≥ 16; style [B, S] or the table's first row → [B, 3, H, W], not clamped.

        By the means of the latent: nothing is drawn by chance.
        """
        height, width = x.shape[-2:]
        style = self.styles[:1] if style is None else style
        mean = self.encode(x).mean
        if not self.config.statistics:
            return self.decode(mean * style[:, :, None, None])[..., :height, :width]
        return self.decode(mean, style)[..., :height, :width]

    def encode(self, x: Tensor) -> Moments:
        """x [B, 3, H, W], RGB in 0..1 → the moments of its latent, sides divided by `factor` and rounded up."""
        factor = self.config.factor
        x = functional.pad(x, (0, -x.shape[-1] % factor, 0, -x.shape[-2] % factor), mode="reflect") - GREY
        for conv in (*self.down, *self.deep):
            x = functional.relu(conv(x))
        mean, log_variance = self.moments(x).chunk(2, dim=1)
        return Moments(mean, log_variance.clamp(*LOG_VARIANCES))

    def decode(self, latent: Tensor, style: Tensor | None = None) -> Tensor:
        """latent [B, Z, h, w] → [B, 3, factor·h, factor·w]; with a style [B, S] by its means and deviations."""
        return self._decoded(latent, style, {})

    def decoded_with_statistics(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """As `decode` without a style, and the style vectors [B, S] of which it would paint the same picture.

        Which is so because a feature map that takes its own deviations and means is what it was.
        """
        found: dict[int, Tensor] = {}
        picture = self._decoded(latent, None, found)
        rows = [found[depth] for depth in self.config.statistics]
        return picture, torch.cat(rows, dim=1) if rows else self.neutral_style().to(latent).expand(len(latent), -1)

    def statistics(self, x: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] → their style vectors [B, S]."""
        return self.decoded_with_statistics(self.encode(x).mean)[1]

    def _decoded(self, x: Tensor, style: Tensor | None, found: dict[int, Tensor]) -> Tensor:
        """`found` takes the deviations and means of every depth that has any."""
        for depth, conv in enumerate(self.up):
            x = conv(x)
            if depth in self.config.statistics:
                found[depth] = deviations_and_means(x)
                x = x if style is None else self.norms[str(depth)](x, style)
            x = functional.relu(x)
            for drawn in self.drawn if depth == 0 else ():
                x = functional.relu(drawn(x))
        picture: Tensor = self.head(x) + GREY
        return picture

    @torch.no_grad()
    def _begin(self) -> None:
        """Weights of a new net: features keep their size from layer to layer (He et al., arXiv 1502.01852)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                _bias(module).zero_()
        self.moments.weight *= 0.5
        self.moments.weight[self.config.latent :] *= 0.1
        _bias(self.moments)[self.config.latent :] = FIRST_LOG_VARIANCE
        self.head.weight *= 0.2


def deviations_and_means(features: Tensor) -> Tensor:
    """[B, C, h, w] → [B, 2·C], as an instance norm that takes them gives the features back."""
    variance, mean = torch.var_mean(features, dim=(2, 3), unbiased=False)
    return torch.cat([(variance + NORM_EPSILON).sqrt(), mean], dim=1)


def _doubling(channels_in: int, channels_out: int) -> ResizeConv:
    return ResizeConv(channels_in, channels_out, 3, bias=True)


def _bias(module: nn.Conv2d) -> Tensor:
    assert module.bias is not None
    return module.bias
