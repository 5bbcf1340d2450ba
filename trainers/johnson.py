"""Johnson's recipe (2016, arXiv 1603.08155): a transform net that paints in one pass, here with N styles in one net.

Departures from the paper: conditional instance norm (arXiv 1610.07629) in place of batch norm; whole distributions of
features in place of Gram matrices (trainers.losses.wasserstein), over several octaves, and of patches of pixels
against fringes of colour (trainers.losses.patches); content counts where the photo has detail; strokes grow from
seed textures (seed_texture.py of the net), cut anew in every step; losses relative to their targets; in the last part
of the run a stability loss on synthetic motion (trainers.motion) against flicker; a range loss that keeps the
unclamped output in 0..1; grid, comb, weave and tone losses against dots, lattices and halos, and a structure loss for
what is as small as eyes (trainers.losses.terms). A net of another shape may begin by painting what a trained one of
the same styles paints (trainers.losses.following_losses). How the run goes is in trainers.run.transform_run.
"""

from dataclasses import replace
from functools import partial

import torch

from engines.errors import BadValue
from engines.networks.transform.net import TransformNet
from engines.style.styles import StyleFile, load_style
from trainers.losses.following_losses import BeginnersWeights, FollowedFirst
from trainers.losses.perceptual import load_perceptual
from trainers.losses.step import StepLosses
from trainers.losses.training_losses import check_styles, find_paintings, paintings_of, training_losses
from trainers.run.initial_weights import trained_net
from trainers.run.loop import OnStep, Report, loss_precision
from trainers.run.run_folder import RunLabel
from trainers.run.transform_run import TrainedNet, train_net
from trainers.settings.options import JohnsonOptions

RECIPE = "johnson"


def train(options: JohnsonOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedNet:
    """As `train_net` does, with a style for every picture in the folder of styles."""

    pictures = find_paintings(options, report)
    names = tuple(pictures)
    check_styles("textures", options.textures, names)
    followed = None if options.follow is None else load_style(str(options.follow))
    teacher = None if followed is None else _teacher(followed, names)

    def losses_on(device: torch.device) -> StepLosses:
        perceptual = load_perceptual(options.loss_network, loss_precision(options.precision)).to(device)
        paintings = paintings_of(pictures, options, perceptual, device)
        judged = partial(training_losses, paintings=paintings, options=options)
        if teacher is None:
            return judged
        weights = BeginnersWeights(
            options.sensor_noise, options.range_weight, options.grid_weight, options.stability_weight
        )
        return FollowedFirst(teacher.to(device), perceptual, weights, options.follow_until, judged)

    label = RunLabel(RECIPE, names, followed="" if followed is None else followed.card.licence)
    beside = () if teacher is None else (teacher,)
    trained = train_net(options, label, losses_on, report, on_step, textures=options.textures, beside=beside)
    return replace(trained, pictures=pictures)


def _teacher(file: StyleFile, names: tuple[str, ...]) -> TransformNet:
    """The net of a style file, its styles in the order of these names; BadValue where it lacks one."""
    if missing := sorted(set(names) - set(file.card.names)):
        told = f"--follow {file.path} has no style {missing[0]!r}"
        raise BadValue(f"{told}; leave that painting out, or follow another net")
    net = trained_net(file)
    net.styles.data = net.styles.data[[file.card.names.index(name) for name in names]]
    return net.requires_grad_(False).eval()
