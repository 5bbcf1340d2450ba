"""What an autoencoder is judged by: its pictures drawn again, its latent's information, and what it paints.

The evidence lower bound of Kingma & Welling (2014, arXiv 1312.6114, equation 3) with a Laplace likelihood for colours
and a perceptual term beside it; β weighs the information (Higgins et al. 2017), and each channel holds some for nothing
(free bits: Kingma et al. 2016, arXiv 1606.04934). For painting, the losses of adaptive instance norm
(Huang & Belongie 2017, arXiv 1703.06868), and the identity loss with the weights of LapStyle (2021, arXiv 2104.05376).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engines.networks.vae.net import Vae
from trainers.camera_noise import sensor_noise
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.terms import TINY, content_loss, grid_loss
from trainers.losses.wasserstein import random_directions, random_places, sliced_wasserstein
from trainers.motion import MotionOptions, second_frame
from trainers.run.loop import Losses
from trainers.settings.vae_options import VaeOptions

# Where pictures that are drawn again are compared: from edges to parts of things.
DRAWN_LAYERS = ("relu1_2", "relu2_2", "relu3_1")
# Of the colours beside the features, in the identity loss.
IDENTITY_PIXELS, IDENTITY_FEATURES = 50.0, 1.0
Features = Mapping[str, Tensor]


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """[B, Z, h, w] twice → [B, Z, h, w]: from those normal numbers to standard ones, in nats (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def information(kl: Tensor, factor: int, free: float) -> Tensor:
    """kl [B, Z, h, w] → nats for each of the 3·factor² values that a place stands for, channels below `free` at that.

    What is compared with `free` is a channel's mean over the batch and its places.
    """
    return kl.mean((0, 2, 3)).clamp_min(free).sum() / (3 * factor**2)


class Learner(nn.Module):
    """All that a step asks of the net, in one call, as several processes need it."""

    def __init__(self, net: Vae) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor, noise: Tensor, moved: Tensor | None, paintings: int) -> dict[str, Tensor]:
        """pictures [N, 3, H, W], the last of them `paintings`; noise [N, Z, h, w]; moved [N − paintings, 3, H, W].

        Returns the moments, pictures drawn `sampled` and `plain`, by the latent's means; what is `painted`, the content
        by the paintings' statistics or, without any, plainly; and the moved content painted, `second`.
        """
        net, contents = self.net, len(pictures) - paintings
        moments = net.encode(pictures)
        found = {"mean": moments.mean, "log_variance": moments.log_variance}
        found["sampled"] = net.decode(moments.sample(noise))
        if not paintings and moved is None:
            return found
        found["plain"], statistics = net.decoded_with_statistics(moments.mean)
        style = statistics[contents:] if paintings else None
        found["painted"] = net.decode(moments.mean[:contents], style) if paintings else found["plain"]
        if moved is not None:
            found["second"] = net.decode(net.encode(moved).mean, style)
        return found


@dataclass(frozen=True, slots=True)
class Judge:
    """The loss network, and what it is asked."""

    perceptual: PerceptualNet
    options: VaeOptions

    def losses(
        self, learner: nn.Module, latent: tuple[int, int], content: Tensor, paintings: Tensor | None,
        *, chance: torch.Generator, moving: bool, share: float,
    ) -> Losses:  # fmt: skip
        """content and paintings [B, 3, H, W] → every loss, under `total` what is made small.

        `latent` are the latent's channels and its factor; β counts by its `share`.
        """
        options, (channels, factor) = self.options, latent
        pictures = content if paintings is None else torch.cat([content, paintings])
        seen = content + sensor_noise(content, options.sensor_noise, chance)
        seen = seen if paintings is None else torch.cat([seen, paintings])
        noise = torch.randn(_latent_shape(pictures, channels, factor), generator=chance).to(content)
        after = second_frame(content, MotionOptions(), chance) if moving else None
        drawn = learner(seen, noise, None if after is None else after.frame, 0 if paintings is None else len(paintings))
        targets = self._targets(pictures, painted=paintings is not None)
        losses = self._drawing(drawn, pictures, targets, factor, share)
        if paintings is not None:
            losses = self._painting(losses, drawn, pictures, targets, len(content), chance)
        if after is not None:
            losses["stability"] = after.instability(drawn["painted"][: len(content)], drawn["second"]).mean()
            losses["total"] = losses["total"] + options.stability_weight * losses["stability"]
        return losses

    @torch.no_grad()
    def _targets(self, pictures: Tensor, *, painted: bool) -> Features:
        """All that is asked of the pictures themselves, in one pass."""
        painting = (*self.options.style_layers, *self.options.content_layers) if painted else ()
        return self.perceptual.features(pictures, {*DRAWN_LAYERS, *painting})

    def _drawing(
        self, drawn: Mapping[str, Tensor], pictures: Tensor, targets: Features, factor: int, share: float
    ) -> Losses:
        """Of pictures drawn from samples of their latents."""
        options, sampled = self.options, drawn["sampled"]
        kl = information(kl_divergence(drawn["mean"], drawn["log_variance"]), factor, options.free_bits)
        losses = {
            "pixels": (sampled - pictures).abs().mean(),
            "perceptual": self._drawn_distance(sampled, targets),
            "kl": kl,
            "range": (sampled - sampled.clamp(0, 1)).square().mean(),
            "grid": grid_loss(sampled).mean(),
        }
        total = options.pixel_weight * losses["pixels"] + options.perceptual_weight * losses["perceptual"]
        total = total + share * options.beta * kl + options.range_weight * losses["range"]
        return {**losses, "total": total + options.grid_weight * losses["grid"]}

    def _painting(
        self, losses: Losses, drawn: Mapping[str, Tensor], pictures: Tensor, targets: Features, contents: int,
        chance: torch.Generator,
    ) -> Losses:  # fmt: skip
        """Of content painted by the statistics of paintings, and of all painted by their own, which is `plain`."""
        options, painted, plain = self.options, drawn["painted"], drawn["plain"]
        ours = self.perceptual.features(painted, {*options.style_layers, *options.content_layers})
        kept = {layer: targets[layer][:contents] for layer in options.content_layers}
        aims = {layer: targets[layer][contents:] for layer in options.style_layers}
        told = {
            "content": torch.stack([content_loss(ours[layer], kept[layer]).mean() for layer in kept]).mean(),
            "style": self._style(ours, aims, chance).mean(),
            "identity": IDENTITY_PIXELS * content_loss(plain, pictures).mean()
            + IDENTITY_FEATURES * self._drawn_distance(plain, targets),
        }
        total = losses["total"] + options.content_weight * told["content"] + options.style_weight * told["style"]
        total = total + options.identity_weight * told["identity"]
        total = total + options.range_weight * (painted - painted.clamp(0, 1)).square().mean()
        return {**losses, **told, "total": total + options.grid_weight * grid_loss(painted).mean()}

    def feature_distance(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Relative, the mean over the pictures and the layers."""
        return self._drawn_distance(ours, self._targets(theirs, painted=False))

    def _drawn_distance(self, ours: Tensor, targets: Features) -> Tensor:
        found = self.perceptual.features(ours, DRAWN_LAYERS)
        return torch.stack([content_loss(found[layer], targets[layer]).mean() for layer in found]).mean()

    def _style(self, ours: Features, theirs: Features, chance: torch.Generator) -> Tensor:
        """[B], the mean over the layers."""
        options = self.options
        if options.style_loss == "moments":
            return torch.stack([moments_distance(ours[layer], aim) for layer, aim in theirs.items()]).mean(0)
        parts = [
            distribution_distance(ours[layer], aim, options.samples, options.slices, chance)
            for layer, aim in theirs.items()
        ]
        return torch.stack(parts).mean(0)


def moments_distance(features: Tensor, aims: Tensor) -> Tensor:
    """[B, C, h, w] twice, of any sides → [B]: of means and deviations, relative to the aim's (AdaIN, equation 13)."""
    ours, theirs = (torch.cat(torch.std_mean(each, (2, 3), unbiased=False), dim=1) for each in (features, aims))
    return (ours - theirs).square().sum(1) / theirs.square().sum(1).clamp_min(TINY)


def distribution_distance(
    features: Tensor, aims: Tensor, samples: int, slices: int, generator: torch.Generator
) -> Tensor:
    """[B, C, h, w] twice, of any sides → [B]: the sliced Wasserstein distance, relative to the aim's mean square."""
    ours, theirs = (random_places(each, samples, generator) for each in (features, aims))
    directions = random_directions(slices, features.shape[1], generator).to(features)
    ordered = (directions @ theirs).sort(dim=-1).values
    return sliced_wasserstein(directions @ ours, ordered) / theirs.square().mean((1, 2)).clamp_min(TINY)


def _latent_shape(pictures: Tensor, channels: int, factor: int) -> tuple[int, ...]:
    return (len(pictures), channels, *(-(-side // factor) for side in pictures.shape[-2:]))
