"""Johnson's recipe (2016, arXiv 1603.08155): a transform net that paints in one pass, here with N styles in one net.

Departures from the paper: conditional instance norm (arXiv 1610.07629) in place of batch norm; whole distributions of
features in place of Gram matrices (trainers.losses.wasserstein), over several octaves; content counts where the photo
has detail; strokes grow from a seed texture (seed_texture.py of the net), drawn anew in every step; losses relative to
their targets; in the last part of the run a stability loss on synthetic motion (trainers.motion) against flicker; a
range loss that keeps the unclamped output in 0..1; grid, comb and tone losses against dots and halos
(trainers.losses.terms). How the run goes is in trainers.run.transform_run.
"""

from functools import partial

import torch

from trainers.losses.perceptual import load_perceptual
from trainers.losses.training_losses import find_paintings, read_paintings, training_losses
from trainers.run.loop import OnStep, Report, loss_precision
from trainers.run.transform_run import StepLosses, TrainedNet, train_net
from trainers.settings.options import JohnsonOptions

RECIPE = "johnson"


def train(options: JohnsonOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedNet:
    """As `train_net` does, with a style for every picture in the folder of styles."""

    def losses_on(device: torch.device) -> StepLosses:
        perceptual = load_perceptual(options.loss_network).to(device)
        perceptual.precision = loss_precision(options.precision)
        paintings = read_paintings(options, perceptual, device)
        return partial(training_losses, paintings=paintings, options=options)

    names = tuple(path.stem for path in find_paintings(options))
    return train_net(options, RECIPE, names, losses_on, report, on_step)
