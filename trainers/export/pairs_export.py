"""The end of a run on painted frames: how near the net comes to them, and the style file."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from trainers.data import to_tensor
from trainers.export.provenance import data_list, provenance
from trainers.export.style_export import write_net
from trainers.figures.psnr import psnr_db
from trainers.pairs import RECIPE, Pair, open_pair
from trainers.run.licence import licence_of
from trainers.run.transform_run import TrainedNet
from trainers.settings.pairs_options import PairsOptions


def write_pairs_net(options: PairsOptions, pairs: Sequence[Pair], trained: TrainedNet) -> dict[str, float]:
    """Measures the net and writes `options.out`; returns the figures."""
    figures = {"agreement_db": agreement(options, pairs, trained)}
    training = provenance(RECIPE, options, trained.history, frames=data_list([options.folder]))
    write_net(options.out, trained, licence_of(options.licence, trained.history), training, figures, {})
    return figures


@torch.no_grad()
def agreement(options: PairsOptions, pairs: Sequence[Pair], trained: TrainedNet) -> float:
    """PSNR over all pairs, of whole frames of `lines` lines, in dB."""
    style, squares = trained.net.styles[:1], []
    for pair in pairs:
        frame, wanted = (to_tensor(each)[None].to(style) for each in open_pair(pair))
        scale = options.lines / min(frame.shape[2:])
        frame, wanted = (
            functional.interpolate(each, scale_factor=scale, mode="bilinear", antialias=True)
            for each in (frame, wanted)
        )
        squares.append((trained.net(frame, style).clamp(0, 1) - wanted).square().mean())
    return round(psnr_db(torch.stack(squares).mean()), 2)
