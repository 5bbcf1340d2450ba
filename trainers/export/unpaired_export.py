"""The end of a run on two folders: style files of the nets, each with its card."""

from pathlib import Path
from typing import Any

import numpy as np

from engines.export.export import export_style, weights_and_styles
from engines.style.styles import NamedStyle
from trainers.cyclegan import RECIPE, TrainedPainters, generator
from trainers.export.style_export import data_list, travelling, typed_command
from trainers.losses.unpaired_losses import Painter
from trainers.settings.unpaired_options import CycleGanOptions


def write_style_files(options: CycleGanOptions, trained: TrainedPainters) -> None:
    """Writes `options.out`, and `options.back_out` where it is asked for."""
    _write(options.out, trained.there, options, trained)
    if options.back_out is not None and trained.back is not None:
        _write(options.back_out, trained.back, options, trained)


def _write(path: Path, painter: Painter, options: CycleGanOptions, trained: TrainedPainters) -> None:
    family, config = generator(options)
    weights, vectors = weights_and_styles(painter.net)
    export_style(
        path,
        network=family,
        config=config,
        weights=weights,
        styles=[NamedStyle(path.stem, np.ascontiguousarray(vectors[0]))],
        name=path.stem,
        licence=options.licence,
        training=_training(options, trained),
        figures={name: round(value, 5) for name, value in trained.figures.items()},
    )


def _training(options: CycleGanOptions, trained: TrainedPainters) -> dict[str, Any]:
    """How the nets were made."""
    return {
        "recipe": RECIPE,
        "command": typed_command(),
        "steps": options.steps,
        "settings": travelling(options.to_dict()),
        "earlier_runs": [{**run, "settings": travelling(run.get("settings", {}))} for run in trained.history],
        "loss_network": options.loss_network,
        "source_pictures": data_list(options.source),
        "target_pictures": data_list(options.target),
    }
