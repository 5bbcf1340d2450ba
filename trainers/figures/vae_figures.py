"""What an autoencoder has learnt, in numbers: how well it draws, what its latent holds, how it paints, how still."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engines.networks.vae.net import Moments, Vae
from trainers.data import evenly, style_picture
from trainers.figures.psnr import psnr_db
from trainers.losses.vae_losses import Judge, kl_divergence, moments_distance
from trainers.motion import MotionOptions, second_frame

MOST_PICTURES = 24
# A channel whose mean varies less from place to place is not in use (Burda et al. 2016, arXiv 1509.00519).
LEAST_VARIANCE = 0.01


@torch.no_grad()
def measured(
    net: Vae, *, size: int, pictures: Sequence[Path], paintings: Sequence[Path], judge: Judge
) -> dict[str, float]:
    """Figures on some of the pictures, and of the paintings where there are any, their long sides of `size` pixels.

    `psnr_db` and `perceptual` are of pictures drawn by the latent's means, `active_units` the channels in use of
    `channels`, `kl` the latent's nats at a place and `kl/NN` those of each channel; `style` is how far what is painted
    stays from the paintings by means and deviations; `stability` the mean absolute change (0..1) that synthetic motion
    leaves after it is taken back.
    """
    device, sums, moments = net.styles.device, dict[str, list[float]](), list[Moments]()
    aims = [style_picture(path, size).to(device) for path in evenly(paintings, MOST_PICTURES)]
    for number, path in enumerate(evenly(pictures, MOST_PICTURES)):
        picture = style_picture(path, size).to(device)
        moments.append(net.encode(picture))
        aim = aims[number % len(aims)] if aims else None
        for name, value in _of_one(net, picture, aim, judge, number):
            sums.setdefault(name, []).append(value)
    return {**{name: sum(values) / len(values) for name, values in sums.items()}, **latent_figures(moments)}


def latent_figures(moments: Sequence[Moments]) -> dict[str, float]:
    """What the latents of these pictures hold, all their places together."""
    mean, log_variance = (
        torch.cat([getattr(each, part).transpose(0, 1).flatten(1) for each in moments], dim=1)
        for part in ("mean", "log_variance")
    )
    nats = kl_divergence(mean, log_variance).mean(1)
    active = mean.var(dim=1) > LEAST_VARIANCE
    whole = {"active_units": float(active.sum()), "channels": float(len(nats)), "kl": float(nats.sum())}
    return {**whole, **{f"kl/{channel:02}": float(value) for channel, value in enumerate(nats)}}


def _of_one(net: Vae, picture: Tensor, aim: Tensor | None, judge: Judge, number: int) -> Iterator[tuple[str, float]]:
    """Of a picture [1, 3, H, W], painted like `aim` where there is one."""
    own = net.statistics(picture)
    drawn = net(picture, own).clamp(0, 1)
    yield "psnr_db", psnr_db((drawn - picture).square().mean())
    yield "perceptual", float(judge.feature_distance(drawn, picture))
    style = own if aim is None else net.statistics(aim)
    after = second_frame(picture, MotionOptions(), torch.Generator().manual_seed(number))
    first, second = (net(frame, style).clamp(0, 1) for frame in (picture, after.frame))
    yield "stability", float(after.instability(first, second))
    if aim is not None:
        ours, theirs = (judge.perceptual.features(each, judge.options.style_layers) for each in (first, aim))
        yield "style", float(torch.stack([moments_distance(ours[layer], theirs[layer]) for layer in theirs]).mean())
