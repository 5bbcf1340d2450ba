"""The end of a run on two folders: style files of the nets, each with its card."""

from pathlib import Path

import numpy as np

from engines.export.export import export_style, weights_and_styles
from engines.style.card import style_name
from engines.style.styles import NamedStyle
from trainers.cyclegan import RECIPE, TrainedPainters, generator
from trainers.export.provenance import data_list, provenance
from trainers.losses.unpaired_losses import Painter
from trainers.run.licence import licence_of
from trainers.settings.unpaired_options import CycleGanOptions


def write_style_files(options: CycleGanOptions, trained: TrainedPainters) -> None:
    """Writes `options.out`, and `options.back_out` where it is asked for."""
    _write(options.out, trained.there, options, trained)
    if options.back_out is not None and trained.back is not None:
        _write(options.back_out, trained.back, options, trained)


def _write(path: Path, painter: Painter, options: CycleGanOptions, trained: TrainedPainters) -> None:
    family, config = generator(options)
    weights, vectors = weights_and_styles(painter.net)
    training = provenance(
        RECIPE, options, trained.history, loss_network=options.loss_network,
        source_pictures=data_list(options.source), target_pictures=data_list(options.target),
    )  # fmt: skip
    export_style(
        path,
        network=family,
        config=config,
        weights=weights,
        styles=[NamedStyle(style_name(path), np.ascontiguousarray(vectors[0]))],
        name=style_name(path),
        licence=licence_of(options.licence, trained.history),
        training=training,
        figures={name: round(value, 5) for name, value in trained.figures.items()},
    )
