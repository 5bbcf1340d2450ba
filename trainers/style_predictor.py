"""A net that reads a picture and tells the style vector by which a transform net paints like it.

After Ghiasi et al. 2017 (arXiv 1705.06830), with the transform net frozen: a gallery keeps its named styles bit for bit
and learns to take any other picture. The predictor sees means and deviations of the features of a loss network, by
which styles are told anyway (AdaIN, arXiv 1703.06868), and a small perceptron makes a vector of them. What it paints is
judged as in Johnson's recipe, against the very painting that was read. Paintings are multiplied by turning their hues,
flips, crops and sizes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from engines.errors import Interrupted
from engines.networks.transform.net import TransformNet
from engines.style.styles import StyleFile, load_style
from trainers.data import CropOptions, Crops, batches, style_picture
from trainers.losses.objective import Features, Objective, octave_layers, octaves_of
from trainers.losses.perceptual import PerceptualNet, load_perceptual
from trainers.losses.training_losses import Paintings, training_losses
from trainers.losses.vae_losses import distribution_distance
from trainers.motion import fresh_texture
from trainers.run.initial_weights import trained_net
from trainers.run.loop import (
    OnStep,
    Report,
    accelerator_for,
    chance_of,
    check_finite,
    in_any_process,
    interrupts,
    pictures_in,
    set_learning_rate,
    silent,
    update_average,
)
from trainers.run.run_folder import Checkpoint, Part, RunFolder, sample_pictures, sheet_of
from trainers.run.transform_run import GRADIENT_NORM, learning_rate_factor
from trainers.settings.options import ALL_STYLE_LAYERS, STROKE_REFERENCE_PX
from trainers.settings.predictor_options import PredictorOptions

RECIPE = "predictor"
# The long side of a picture that is read, and of a painting of stroke 1.4: a crop is read at the same part of its size.
READ_PX = 512
MEASURED_PAINTINGS = 256
SHOWN_PAINTINGS = 4
# YIQ: luma, and the plane in which hues turn.
TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


class StylePredictor(nn.Module):
    """Statistics of a picture → a style vector [B, S], around the mean of the vectors that the net was trained with."""

    mean: Tensor
    deviation: Tensor
    middle: Tensor
    spread: Tensor

    def __init__(self, perceptual: PerceptualNet, vectors: Tensor, width: int) -> None:
        super().__init__()
        # Not a part of the state: it travels with the package.
        self._perceptual = (perceptual,)
        self.layers = tuple(layer for layer in ALL_STYLE_LAYERS if layer in perceptual.names)
        count = len(self.statistics(torch.zeros(1, 3, 64, 64, device=vectors.device))[0])
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("deviation", torch.ones(count))
        self.register_buffer("middle", vectors.mean(0))
        self.register_buffer("spread", vectors.std(0).clamp_min(0.05))
        last = nn.Linear(width, vectors.shape[1])
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)
        inner = nn.Linear(count, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        self.perceptron = nn.Sequential(*inner, last)

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures [B, 3, H, W], RGB 0..1, of the size at which they are read → [B, S]."""
        told = (self.statistics(pictures) - self.mean) / self.deviation
        vector: Tensor = self.middle + self.spread * self.perceptron(told)
        return vector

    @property
    def perceptual(self) -> PerceptualNet:
        """The loss network by which pictures are read."""
        return self._perceptual[0]

    @torch.no_grad()
    def statistics(self, pictures: Tensor) -> Tensor:
        """[B, F]: of every channel of every layer the mean, and the deviation over the picture."""
        found = self.perceptual.features(pictures, self.layers)
        told = [torch.cat(torch.std_mean(found[layer], (2, 3), unbiased=False), dim=1) for layer in self.layers]
        return torch.cat(told, dim=1)

    @torch.no_grad()
    def measure(self, statistics: Tensor) -> None:
        """[N, F] of pictures such as are read: over them what the perceptron is told has mean 0 and deviation 1."""
        deviation, mean = torch.std_mean(statistics, 0)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp_min(1e-4))


@dataclass(frozen=True, slots=True)
class ReadPaintings:
    """The style loss against the paintings of one step [B, 3, H, W], of which each is one style: a `StyleLoss`."""

    octaves: Sequence[Features]
    samples: int
    slices: int

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        paintings: Tensor,
        perceptual: PerceptualNet,
        layers: Sequence[str],
        octaves: int,
        samples: int,
        slices: int,
    ) -> "ReadPaintings":
        found = [
            perceptual.features(smaller, octave_layers(layers, octave))
            for octave, smaller in enumerate(octaves_of(paintings, octaves))
        ]
        return cls(found, samples, slices)

    def loss(self, octave: int, features: Features, style_ids: Tensor, generator: torch.Generator) -> Tensor:
        """As `StyleLoss` has it."""
        parts = [
            distribution_distance(features[layer], aim[style_ids], self.samples, self.slices, generator)
            for layer, aim in self.octaves[octave].items()
        ]
        return torch.stack(parts).mean(0)


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


def frozen_net(file: StyleFile) -> TransformNet:
    """The style file's net; BadFile where it has no transform net, or is damaged."""
    return trained_net(file).requires_grad_(False).eval()


def turned(paintings: Tensor, share: float, chance: torch.Generator) -> Tensor:
    """Paintings [B, 3, H, W], a share of them in other hues: turned by any angle about the axis of greys."""
    to_yiq = torch.tensor(TO_YIQ).to(paintings)
    chosen, angle = torch.rand(2, len(paintings), generator=chance)
    angle = torch.where(chosen < share, angle * 2 * torch.pi, torch.zeros_like(angle)).to(paintings)
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return torch.einsum("bij,bjhw->bihw", matrix, paintings).clamp(0, 1)


def as_read(paintings: Tensor, stroke: float) -> Tensor:
    """Crops of paintings at the size of their strokes → at the size at which whole pictures are read."""
    scale = READ_PX / (stroke * STROKE_REFERENCE_PX)
    return functional.interpolate(paintings, scale_factor=scale, mode="bilinear", antialias=True)


def read_picture(path: Path) -> Tensor:
    """[1, 3, H, W]: a picture as it is read."""
    return style_picture(path, READ_PX)


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
    length = options.steps * options.batch * accelerator.num_processes
    feeds = (
        batches(
            Crops(paths, crops, 2 * options.seed + number, length), options.batch, start=start, stop=options.steps,
            rank=accelerator.process_index, processes=accelerator.num_processes, workers=options.workers,
        )
        for number, (paths, crops) in enumerate(((photos, of_photos), (paintings, of_paintings)))
    )  # fmt: skip
    return zip(*feeds, strict=True)


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
