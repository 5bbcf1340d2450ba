"""What tells pictures of one domain from painted ones, and what both sides of that contest are judged by.

The discriminator is CycleGAN's (Zhu et al. 2017, arXiv 1703.10593, section 4 and appendix 7.2), the loss that of least
squares (Mao et al. 2017, arXiv 1611.04076), the pool of earlier pictures Shrivastava's (2017, arXiv 1612.07828).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL, SLOPE = 4, 0.2
MOST_WIDENING = 8
NORMAL_DEVIATION = 0.02  # of the weights in the beginning


class PatchDiscriminator(nn.Module):
    """70×70 PatchGAN: for every patch of that size, how much it looks like a picture of the domain (1) or painted (0).

    C64-C128-C256-C512 for `width` 64: convolutions 4×4, the first three of stride 2, instance norm in all but the
    first, leaky ReLU, and one last convolution to a map of verdicts.
    """

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [width * min(2**level, MOST_WIDENING) for level in range(layers + 1)]
        stages: list[nn.Module] = [nn.Conv2d(3, widths[0], KERNEL, 2, 1), nn.LeakyReLU(SLOPE)]
        for level in range(1, layers + 1):
            stride = 2 if level < layers else 1
            stages += [
                nn.Conv2d(widths[level - 1], widths[level], KERNEL, stride, 1, bias=False),
                nn.InstanceNorm2d(widths[level]),
                nn.LeakyReLU(SLOPE),
            ]
        self.net = nn.Sequential(*stages, nn.Conv2d(widths[-1], 1, KERNEL, 1, 1))
        self.net.apply(_begin)

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, 3, H, W], RGB 0..1, at least 32 pixels → [B, 1, h, w], h about H / 8."""
        verdicts: Tensor = self.net(2 * pictures - 1)
        return verdicts


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, NORMAL_DEVIATION)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def painter_loss(verdicts: Tensor) -> Tensor:
    """Verdicts on painted pictures → E[(D(G(x)) − 1)²], what G makes small (CycleGAN, section 4)."""
    return (verdicts - 1).square().mean()


def judge_loss(real: Tensor, painted: Tensor) -> Tensor:
    """Verdicts on real and on painted pictures → ½ E[(D(y) − 1)²] + ½ E[D(G(x))²], what D makes small.

    The half slows D down beside G, as the paper does.
    """
    return ((real - 1).square().mean() + painted.square().mean()) / 2


class PicturePool:
    """The last painted pictures, from which a judge is shown earlier ones too, so that it does not chase the newest.

    Half of what goes in comes out at once; the other half changes places with a picture from before. `size` 0 keeps
    none.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[Tensor] = []

    def __call__(self, pictures: Tensor, chance: np.random.Generator) -> Tensor:
        """[B, 3, H, W] → as many; those of other sizes from before are forgotten."""
        self._kept = [kept for kept in self._kept if kept.shape == pictures.shape[1:]]
        return torch.stack([self._exchanged(picture, chance) for picture in pictures.detach()])

    def _exchanged(self, picture: Tensor, chance: np.random.Generator) -> Tensor:
        if len(self._kept) < self.size:
            self._kept.append(picture)
            return picture
        if self.size == 0 or chance.random() < 0.5:
            return picture
        place = int(chance.integers(self.size))
        earlier, self._kept[place] = self._kept[place], picture
        return earlier.to(picture.device)  # a checkpoint is read into main memory

    def state_dict(self) -> dict[str, Any]:
        """The pictures, for a checkpoint."""
        return {"kept": list(self._kept)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes them up again."""
        self._kept = list(state_dict["kept"])


class PatchContrast(nn.Module):
    """What one place of a painted picture has in common with the same place of the photo, and not with others.

    PatchNCE of CUT (Park et al. 2020, arXiv 2007.15651, equations 3 and 4): features of the painter's own first layers
    at random places, brought by a head of two layers to unit length, tell from which of the photo's places each painted
    place comes. `channels` are those of the layers.
    """

    temperature = 0.07

    def __init__(self, channels: Sequence[int], units: int = 256) -> None:
        super().__init__()
        heads = (nn.Sequential(nn.Linear(c, units), nn.ReLU(), nn.Linear(units, units)) for c in channels)
        self.heads = nn.ModuleList(heads)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0.0, NORMAL_DEVIATION)
                nn.init.zeros_(module.bias)

    def forward(
        self, painted: Sequence[Tensor], photos: Sequence[Tensor], places: int, chance: torch.Generator
    ) -> Tensor:
        """Features of the layers, [B, C, h, w] each, of painted pictures and of their photos → the mean loss."""
        parts = []
        for head, ours, theirs in zip(self.heads, painted, photos, strict=True):
            at = torch.randperm(ours.shape[2] * ours.shape[3], generator=chance)[:places].to(ours.device)
            query, key = (functional.normalize(head(_at_places(each, at)), dim=2) for each in (ours, theirs))
            parts.append(patch_nce(query, key.detach(), self.temperature))
        return torch.stack(parts).mean()


def patch_nce(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """[B, P, U] twice, of unit length → −log of the softmax share of the same place among all P of the picture."""
    likeness = query @ key.transpose(1, 2) / temperature
    same = torch.arange(likeness.shape[1], device=likeness.device).repeat(len(likeness))
    return functional.cross_entropy(likeness.flatten(0, 1), same)


def _at_places(features: Tensor, places: Tensor) -> Tensor:
    """[B, C, h, w] → [B, P, C]."""
    return features.flatten(2)[:, :, places].transpose(1, 2)
