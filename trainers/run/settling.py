"""What a net's norms measured made into weights and style vectors: a start for a net whose norms are settled.

After training, norms measure much the same in every photo: in a `fine` net of seventeen styles the deviations behind
the way down differ by 5 to 15 % between photos. So the settled net paints nearly as the other before its first step.
"""

from dataclasses import replace

import torch
from torch import Tensor

from engines.networks.transform.config import NORM_EPSILON, SETTLED_GAIN
from engines.networks.transform.net import StyledNorm, TransformNet


@torch.no_grad()
def settled_weights(net: TransformNet, pictures: Tensor) -> dict[str, Tensor]:
    """The state dict of a settled net that paints the pictures [P, 3, H, W] about as `net`, whose norms measure, does.

    What each norm measures in a style is the mean over the pictures. A convolution's channels are brought to the
    deviation that settled norms expect; what a style's own differ by goes into its scales, their means into its shifts.
    Of one style and one picture it is exact.
    """
    own = TransformNet(replace(net.config, settled=True), len(net.styles)).to(net.styles)
    own.load_state_dict(net.state_dict())
    measured = [_measured(net, pictures, style) for style in net.styles]
    for (conv, norm), (_, free) in zip(own.normed_convolutions(), net.normed_convolutions(), strict=True):
        means, deviations = (torch.stack([of_style[free][part] for of_style in measured]) for part in (0, 1))
        usual = deviations.log().mean(0).exp()
        conv.weight /= SETTLED_GAIN * usual[:, None, None, None]
        scales = own.styles[:, norm.scale_at].clone()
        own.styles[:, norm.scale_at] = scales * usual / deviations
        own.styles[:, norm.shift_at] -= scales * means / deviations
    return own.state_dict()


def _measured(net: TransformNet, pictures: Tensor, style: Tensor) -> dict[StyledNorm, tuple[Tensor, Tensor]]:
    """Of every norm after the way down: mean and deviation [C] of what comes into it, in this style [S]."""
    found: dict[StyledNorm, tuple[Tensor, Tensor]] = {}

    def measure(norm: StyledNorm, inputs: tuple[Tensor, ...]) -> None:
        variances, means = torch.var_mean(inputs[0], dim=(2, 3), correction=0)
        found[norm] = means.mean(0), (variances.mean(0) + NORM_EPSILON).sqrt()

    hooks = [norm.register_forward_pre_hook(measure) for _, norm in net.normed_convolutions()]
    net(pictures, style.expand(len(pictures), -1))
    for hook in hooks:
        hook.remove()
    return found
