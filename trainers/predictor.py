"""The style predictor's recipe, after Ghiasi et al. 2017 (arXiv 1705.06830), with the transform net frozen.

A gallery keeps its named styles bit for bit and learns to take any other picture. What is painted by the vector that
the predictor tells is judged as in Johnson's recipe, against the very painting that was read. Paintings are multiplied
by turning their hues, flips, crops and sizes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional

from engines.errors import Interrupted
from engines.networks.transform.net import TransformNet
from engines.style.styles import StyleFile, load_style
from trainers.data import CropOptions, Crops
from trainers.losses.objective import Objective
from trainers.losses.perceptual import load_perceptual
from trainers.losses.read_paintings import ReadPaintings
from trainers.losses.training_losses import Paintings, training_losses
from trainers.motion import fresh_texture
from trainers.run.loop import (
    OnStep,
    Report,
    accelerator_for,
    chance_of,
    check_finite,
    fed,
    in_any_process,
    interrupts,
    pictures_in,
    run_length,
    set_learning_rate,
    silent,
    update_average,
)
from trainers.run.run_folder import Checkpoint, Part, RunFolder, sample_pictures, sheet_of
from trainers.run.transform_run import GRADIENT_NORM, learning_rate_factor
from trainers.settings.options import STROKE_REFERENCE_PX
from trainers.settings.predictor_options import PredictorOptions
from trainers.style_predictor import StylePredictor, as_read, frozen_net, read_picture, turned

RECIPE = "predictor"
MEASURED_PAINTINGS = 256
SHOWN_PAINTINGS = 4


@dataclass(frozen=True, slots=True)
class TrainedPredictor:
    """The averaged predictor, and the style file that it is for."""

    predictor: StylePredictor
    file: StyleFile


def train(options: PredictorOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedPredictor:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises BadFile where the style file has no transform
    net, FloatingPointError when a loss is not finite, and Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    accelerator = accelerator_for(options.precision)
    main, device = accelerator.is_main_process, accelerator.device
    report = report if main else silent
    file = load_style(str(options.net))
    net = frozen_net(file).to(device)
    photos = pictures_in(options.content, "photos", report)
    paintings = pictures_in(options.paintings, "paintings", report)
    report(f"{len(photos)} photos, {len(paintings)} paintings; checkpoints, sheets and logs in {options.run_folder}")
    perceptual = load_perceptual("5se").to(device)
    torch.manual_seed(options.seed)
    predictor = StylePredictor(perceptual, net.styles, options.width).to(device)
    average = StylePredictor(perceptual, net.styles, options.width).to(device).requires_grad_(False)
    optimizer = torch.optim.Adam(predictor.parameters(), lr=options.learning_rate)
    parts: dict[str, Part] = {"predictor": predictor, "average": average, "optimizer": optimizer}
    if accelerator.scaler is not None:
        parts["scaler"] = accelerator.scaler
    folder = RunFolder(options, RECIPE, (file.card.name,), main=main)

    def begin() -> list[dict[str, object]]:
        read = paintings[:: max(1, len(paintings) // MEASURED_PAINTINGS)]
        predictor.measure(torch.cat([predictor.statistics(read_picture(path).to(device)) for path in read]))
        average.load_state_dict(predictor.state_dict())
        return []

    start = folder.restore(parts, begin)
    if folder.changed:
        report(f"resumed at step {start} with other settings: {folder.changed}")
    model, optimizer = accelerator.prepare(predictor, optimizer)
    parts["optimizer"] = optimizer
    judged = options.losses(str(file.card.training.get("settings", {}).get("network", "fast")))
    look = partial(_sheet, net, average, photos, paintings if options.validation is None else _of(options.validation))
    with interrupts() as interrupted, folder:
        for step, (photo, painting) in enumerate(_feed(photos, paintings, options, start, accelerator), start=start):
            set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
            chance = chance_of(options.seed, step, accelerator.process_index)
            photo, painting = photo.to(device), turned(painting, options.turned_hues, chance).to(device)
            aims = ReadPaintings.of(
                painting, perceptual, judged.style_layers, judged.octaves, judged.samples, judged.slices
            )
            objective = Objective(
                perceptual, aims, judged.content_layers, judged.style_layers, judged.octaves, judged.detail_floor
            )
            weights = torch.full((len(photo),), judged.style_weight, device=device)
            losses = training_losses(
                net, net.levelled(model(as_read(painting, options.stroke))), photo,
                torch.arange(len(photo), device=device), paintings=Paintings((), weights, objective), options=judged,
                chance=chance, texture=_texture(photo.shape, options.seed, step, accelerator.process_index).to(device),
            )  # fmt: skip
            check_finite(losses, step, accelerator)
            optimizer.zero_grad(set_to_none=True)
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
            update_average(average, predictor, options.average_decay, step)
            folder.log(step, {name: float(value.detach()) for name, value in losses.items() if value.ndim == 0})
            if on_step is not None and main:
                on_step(step + 1, folder.running_losses)
            stopping = in_any_process(accelerator, interrupted.is_set())
            if folder.keep(Checkpoint(step + 1, parts), look, stopping=stopping):
                report(f"step {step + 1} of {options.steps}: {_shown(folder.running_losses)}")
            if stopping:
                raise Interrupted(f"stopped at step {step + 1} of {options.steps}; resume goes on")
    accelerator.wait_for_everyone()  # a process that leaves first takes the others' connections with it
    accelerator.end_training()
    return TrainedPredictor(average, file)


def _of(folder: Path) -> list[Path]:
    return pictures_in([folder], "paintings", silent)


def _feed(
    photos: list[Path], paintings: list[Path], options: PredictorOptions, start: int, accelerator: Accelerator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of photos, each with one of paintings."""
    of_photos = CropOptions((options.size,), 1.6, misexposed=0.1)
    # A painting's short side is some 0.7 of its long one, which is 640 pixels for stroke 1.
    middle = max(1.0, 0.7 * options.stroke * STROKE_REFERENCE_PX / options.painting_size)
    of_paintings = replace(of_photos, sizes=(options.painting_size,), misexposed=0.0, max_scale=1.3 * middle)
    length = run_length(options, accelerator)
    crops = (
        Crops(photos, of_photos, 2 * options.seed, length),
        Crops(paintings, of_paintings, 2 * options.seed + 1, length),
    )
    return zip(*(fed(each, options, start, accelerator) for each in crops), strict=True)


def _texture(crops: torch.Size, seed: int, step: int, rank: int) -> Tensor:
    return fresh_texture(crops, np.random.default_rng((seed, 5, rank, step)))


def _shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in losses.items())


@torch.no_grad()
def _sheet(net: TransformNet, predictor: StylePredictor, photos: Sequence[Path], paintings: Sequence[Path]) -> Tensor:
    """Some photos; then for some paintings a row: the painting, and the photos but the first painted like it."""
    pictures = sample_pictures(photos).to(net.styles)
    size = pictures.shape[-2:]
    rows = [pictures]
    for path in paintings[:: max(1, len(paintings) // SHOWN_PAINTINGS)][:SHOWN_PAINTINGS]:
        read = read_picture(path).to(pictures)
        vector = net.levelled(predictor(read))
        painted = net(pictures[1:], vector.expand(len(pictures) - 1, -1)).clamp(0, 1)
        rows.append(torch.cat([functional.interpolate(read, size, mode="bilinear", antialias=True), painted]))
    return sheet_of(rows)
