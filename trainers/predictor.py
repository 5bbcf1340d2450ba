"""The style predictor's recipe, after Ghiasi et al. 2017 (arXiv 1705.06830), with the transform net frozen.

A gallery keeps its named styles bit for bit and learns to take any other picture. What is painted by the vector that
the predictor tells is judged as in Johnson's recipe, against the very painting that was read. Paintings are multiplied
by turning their hues, flips, crops and sizes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from engines.errors import BadValue
from engines.networks.transform.net import TransformNet
from engines.style.styles import StyleFile, load_style
from trainers.data import CropOptions, Crops, evenly
from trainers.losses.objective import Objective
from trainers.losses.perceptual import PerceptualNet, load_perceptual
from trainers.losses.read_paintings import ReadPaintings
from trainers.losses.step import Step
from trainers.losses.training_losses import Paintings, patches_of, training_losses
from trainers.run.loop import (
    Losses,
    OnStep,
    Report,
    chance_of,
    grown_from,
    learning_rate_factor,
    loss_precision,
    pictures_in,
    set_learning_rate,
    texture_of,
    update_average,
)
from trainers.run.muon import Muon
from trainers.run.run_folder import History, Part, RunLabel, sample_pictures, sheet_of
from trainers.run.training_run import Shown, TrainingRun
from trainers.settings.options import STROKE_REFERENCE_PX, JohnsonOptions
from trainers.settings.predictor_options import PredictorOptions
from trainers.style_predictor import StylePredictor, as_read, begin_as, frozen_net, read_picture, turned

RECIPE = "predictor"
LEAST_PAINTINGS, MEASURED_PAINTINGS = 2, 256
SHOWN_PAINTINGS = 4


@dataclass(frozen=True, slots=True)
class TrainedPredictor:
    """The averaged predictor, the style file that it is for, and the runs before this one."""

    predictor: StylePredictor
    file: StyleFile
    history: History


def train(options: PredictorOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedPredictor:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises BadFile where the style file has no transform
    net, NotFinite when a loss is not finite, and Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    run = TrainingRun(options, report, on_step)
    file = load_style(str(options.net))
    net = frozen_net(file).to(run.device)
    photos = pictures_in(options.content, "photos", run.report)
    paintings = pictures_in(options.paintings, "paintings", run.report)
    unseen = paintings if options.validation is None else pictures_in([options.validation], "paintings", run.report)
    run.tell(f"{len(photos)} photos and {len(paintings)} paintings")
    perceptual = load_perceptual("5se").to(run.device)
    torch.manual_seed(options.seed)
    shape = perceptual, net.styles, options.width, net.config.shares_at
    predictor = StylePredictor(*shape).to(run.device)
    average = StylePredictor(*shape).to(run.device).requires_grad_(False)
    optimizer: torch.optim.Optimizer = Muon(predictor.parameters(), lr=options.learning_rate)

    def begin() -> History:
        read = evenly(paintings, MEASURED_PAINTINGS)
        history: History = []
        if options.initial is None:
            if len(paintings) < LEAST_PAINTINGS:
                raise BadValue(f"{paintings[0]} is the only painting; give {LEAST_PAINTINGS} or more, or --initial")
            predictor.measure(torch.cat([predictor.statistics(read_picture(path).to(run.device)) for path in read]))
        else:
            history = begin_as(options.initial, predictor)
        average.load_state_dict(predictor.state_dict())
        return history

    parts: dict[str, Part] = {"predictor": predictor, "average": average, "optimizer": optimizer}
    run.begin(RunLabel(RECIPE, (file.card.name,)), parts, begin)
    model, optimizer = run.prepare(predictor, optimizer)
    # Apart from what reads, which is exact.
    judging = load_perceptual("5se", loss_precision(options.precision)).to(run.device)
    judge = _Judge(net, judging, options.losses(file.card.training.get("settings", {})))

    def learn(step: int, batch: tuple[Tensor, Tensor]) -> dict[str, float]:
        set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
        chance = chance_of(options.seed, step, run.rank)
        photo, painting = batch[0].to(run.device), turned(batch[1], options.turned_hues, chance).to(run.device)
        texture = texture_of(options.seed, step, run.rank, photo.shape, grown_from(net)).to(run.device)
        losses = judge.losses(model(as_read(painting, options.stroke)), photo, painting, texture, chance)
        run.descend(losses, step, optimizer, clipped=model)
        update_average(average, predictor, options.average_decay, step)
        return {name: float(value.detach()) for name, value in losses.items() if value.ndim == 0}

    sheet = partial(_sheet, net, average, photos, evenly(unseen, SHOWN_PAINTINGS))
    run.follow(_feed(photos, paintings, options, run), learn, Shown(sheet))
    return TrainedPredictor(average, file, run.history)


@dataclass(frozen=True, slots=True)
class _Judge:
    """What a net paints by the vectors that were read, against the very paintings that they were read from."""

    net: TransformNet
    perceptual: PerceptualNet
    options: JohnsonOptions

    def losses(
        self, vectors: Tensor, photo: Tensor, painting: Tensor, texture: Tensor, chance: torch.Generator
    ) -> Losses:
        """Of vectors [B, S], photos [B, 3, H, W], paintings [B, 3, h, w] and textures; see `StepLosses`."""
        judged = self.options
        aims = ReadPaintings.of(
            painting, self.perceptual, judged.style_layers, judged.octaves, judged.samples, judged.slices
        )
        octaves = len(aims.octaves)  # small paintings have room for fewer than photos have
        objective = Objective(
            self.perceptual, aims, judged.content_layers, judged.style_layers, octaves, judged.detail_floor
        )
        weights = torch.full((len(photo),), judged.style_weight, device=photo.device)
        own_style = torch.arange(len(photo), device=photo.device)
        levelled = self.net.levelled(vectors)
        step = Step(self.net, photo, levelled, own_style, chance, texture, directed=self.net.directed(levelled))
        patches = patches_of([*painting[:, None]], judged, chance, judged.slices)
        return training_losses(step, paintings=Paintings((), weights, objective, patches), options=judged)


def _feed(
    photos: list[Path], paintings: list[Path], options: PredictorOptions, run: TrainingRun
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of photos, each with one of paintings."""
    of_photos = CropOptions((options.size,), 1.6, misexposed=0.1)
    # A painting's short side is some 0.7 of its long one, which is 640 pixels for stroke 1.
    middle = max(1.0, 0.7 * options.stroke * STROKE_REFERENCE_PX / options.painting_size)
    of_paintings = replace(of_photos, sizes=(options.painting_size,), misexposed=0.0, max_scale=1.3 * middle)
    crops = (
        Crops(photos, of_photos, 2 * options.seed, run.length),
        Crops(paintings, of_paintings, 2 * options.seed + 1, run.length),
    )
    return zip(*map(run.fed, crops), strict=True)


@torch.no_grad()
def _sheet(net: TransformNet, predictor: StylePredictor, photos: Sequence[Path], paintings: Sequence[Path]) -> Tensor:
    """Some photos; then for each painting a row: the painting, and the photos but the first painted like it."""
    pictures = sample_pictures(photos).to(net.styles)
    if len(pictures) == 1:
        pictures = pictures.expand(2, -1, -1, -1)  # for there to be one below the place of the paintings
    size = pictures.shape[-2:]
    rows = [pictures]
    for path in paintings:
        read = read_picture(path).to(pictures)
        vector = net.levelled(predictor(read))
        painted = net(pictures[1:], vector.expand(len(pictures) - 1, -1)).clamp(0, 1)
        rows.append(torch.cat([functional.interpolate(read, size, mode="bilinear", antialias=True), painted]))
    return sheet_of(rows)
