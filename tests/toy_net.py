"""The torch net of the toy family (toy_family.py)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional


class ToyNet(nn.Module):
    """Two convolutions, and between them a scale and a shift for each channel: the style vector [2·channels]."""

    def __init__(self, channels: int, styles: int, remembers: bool = False) -> None:
        super().__init__()
        self.remembers = remembers
        self.first = nn.Conv2d(3, channels, 3, padding=1, padding_mode="reflect")
        self.last = nn.Conv2d(channels, 3, 3, padding=1, padding_mode="reflect")
        self.styles = nn.Parameter(torch.ones(styles, 2 * channels))

    def forward(self, x: Tensor, style: Tensor, state: Mapping[str, Tensor] | None = None) -> object:
        """x [B, 3, H, W] in 0..1, style [B, S] → [B, 3, H, W], and the next state beside it where it remembers."""
        if self.remembers:
            assert state is not None
            return self._paint((x + state["before"]) / 2, style), {"before": x}
        return self._paint(x, style)

    def _paint(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = style[..., None, None].chunk(2, dim=1)
        y: Tensor = self.last(functional.relu(scale * self.first(x) + shift))
        return y


def random_net(channels: int, styles: int) -> ToyNet:
    """With weights for which what it paints is neither flat nor clipped."""
    with torch.random.fork_rng([]):
        torch.manual_seed(4)
        net = ToyNet(channels, styles)
        with torch.no_grad():
            net.styles.add_(0.3 * torch.randn(net.styles.shape))
            net.last.weight *= 0.5
            assert net.last.bias is not None
            net.last.bias.fill_(0.4)
    return net.eval()
