"""The run of one transform net of N styles, whatever it is judged by: Johnson's recipe, or another net that it follows.

The learning rate rises, then falls as a cosine; the exported weights are a running average; after every step they are
moved to the nearest with which flat ground comes out flat (`TransformNet.level`); in the last part of a run the second
frames of synthetic motion are painted too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engines.networks.transform.config import PRESETS, TransformConfig
from engines.networks.transform.net import TransformNet
from trainers.data import CropOptions, Crops
from trainers.losses.step import Step, StepLosses
from trainers.run.initial_weights import initial_weights
from trainers.run.loop import (
    Losses,
    OnStep,
    Report,
    chance_of,
    grown_from,
    is_stable,
    learning_rate_factor,
    pictures_in,
    set_learning_rate,
    texture_of,
    update_average,
)
from trainers.run.run_folder import History, Part, RunLabel, sample_pictures, sheet_of
from trainers.run.training_run import Figures, Shown, TrainingOptions, TrainingRun, in_words


@dataclass(frozen=True, slots=True)
class TrainedNet:
    """The averaged net, the names of its styles in the order of its table, and the runs before this one.

    `measured` are the photos for its figures: those of the validation folder, or else all that were learnt from.
    `pictures` are those that the styles were learnt from, by name, where they are of pictures, and `followed` is the
    licence of a net that this one followed.
    """

    net: TransformNet
    styles: tuple[str, ...]
    history: History
    measured: Sequence[Path] = ()
    pictures: Mapping[str, Path] = field(default_factory=dict)
    followed: str = ""


class NetOptions(TrainingOptions, Protocol):
    """What such a run asks of a recipe's settings; see `JohnsonOptions`."""

    @property
    def content(self) -> tuple[Path, ...]: ...
    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def max_scale(self) -> float: ...
    @property
    def misexposed(self) -> float: ...
    @property
    def seed_amplitude(self) -> float | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def average_decay(self) -> float: ...
    @property
    def stability_weight(self) -> float: ...
    @property
    def stability_start(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def initial(self) -> Path | None: ...
    @property
    def validation(self) -> Path | None: ...


def train_net(
    options: NetOptions,
    label: RunLabel,
    losses_on: Callable[[torch.device], StepLosses],
    report: Report = print,
    on_step: OnStep | None = None,
    crops_of: Callable[["NetOptions", Report, int], Crops] | None = None,
    vectors: Tensor | None = None,
    textures: Sequence[tuple[str, str]] = (),
    beside: Sequence[TransformNet] = (),
) -> TrainedNet:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    Its `label` gets the shape of the net.

    `crops_of` gives so many samples, which the losses take apart; crops of the options' photos where it is None. A new
    run's styles begin as `vectors` [N, S], where they are given, and with the `textures` that are named for them. Nets
    that paint `beside` this one grow their strokes from the same textures.

    `on_step(done, running losses)` is called after every step. Raises NotFinite when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    run = TrainingRun(options, report, on_step)
    crops = (crops_of or photo_crops)(options, run.report, run.length)
    run.tell(f"{len(crops.paths)} content pictures")
    measured = crops.paths if options.validation is None else pictures_in([options.validation], "photos", run.report)
    losses_of = losses_on(run.device)
    torch.manual_seed(options.seed)
    styles = label.styles
    net = TransformNet(net_config(options), styles=len(styles))
    average = TransformNet(net.config, styles=len(styles)).to(run.device).requires_grad_(False)
    optimizer: torch.optim.Optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate)
    parts: dict[str, Part] = {"net": net, "average": average, "optimizer": optimizer}
    given = _Given(vectors, tuple(textures))
    begin = partial(_begin, net, average, styles, options, given, crops.paths)
    run.begin(replace(label, shape=net.config.to_dict()), parts, begin)
    model, optimizer = run.prepare(net, optimizer)

    def learn(step: int, batch: Tensor) -> dict[str, float]:
        set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
        drawn = options.seed, step, run.rank
        style_ids = _styles_of(*drawn, len(styles), options.batch).to(run.device)
        texture = texture_of(*drawn, batch.shape, grown_from(net, *beside)).to(run.device)
        vectors = net.styles[style_ids]
        losses = losses_of(
            Step(
                model, batch.to(run.device), vectors, style_ids, chance_of(*drawn), texture,
                moving=is_stable(step, options), done=step / options.steps, directed=net.directed(vectors),
            )
        )  # fmt: skip
        run.descend(losses, step, optimizer, clipped=model)
        net.level()
        update_average(average, net, options.average_decay, step)
        return _told(losses, styles, style_ids)

    run.follow(run.fed(crops), learn, Shown(lambda: _sheet(average, crops.paths), losses_in_words))
    average.level()  # of a run that began before nets were levelled, the average is not yet
    return TrainedNet(average, styles, run.history, measured, followed=run.followed)


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What is known of the styles before the run: their vectors [N, S], and textures by the names of some."""

    vectors: Tensor | None
    textures: tuple[tuple[str, str], ...]


def _begin(
    net: TransformNet,
    average: TransformNet,
    styles: tuple[str, ...],
    options: NetOptions,
    given: _Given,
    content: Sequence[Path],
) -> History:
    """The weights of a new run, random or from `options.initial`; the runs that made those."""
    history: History = []
    if options.initial is not None:
        begun = initial_weights(options.initial, net.config, styles, content, given.vectors)
        net.load_state_dict(begun.tensors)
        history = begun.history
    elif given.vectors is not None:
        net.styles.data.copy_(given.vectors)
    for style, texture in given.textures:
        net.begin_with_texture(styles.index(style), texture)
    net.level()
    average.load_state_dict(net.state_dict())
    return history


def _told(losses: Losses, names: tuple[str, ...], style_ids: Tensor) -> dict[str, float]:
    """For the log: every loss, and the style loss of every style in the batch."""
    values = {name: float(value.detach()) for name, value in losses.items() if value.ndim == 0}
    by_style = zip(style_ids.tolist(), losses["styles"].tolist(), strict=True)
    return values | {f"style/{names[style]}": value for style, value in by_style}


@torch.no_grad()
def _sheet(net: TransformNet, paths: list[Path]) -> Tensor:
    """Some content pictures side by side, and below them a row for each style."""
    pictures = sample_pictures(paths).to(net.styles.device)
    return sheet_of([pictures, *(net(pictures, row.expand(len(pictures), -1)) for row in net.styles)])


def losses_in_words(losses: Figures) -> str:
    """One line: the losses of the run, then the style loss of every style."""
    styles = [f"{name.removeprefix('style/')} {value:.3g}" for name, value in losses.items() if "/" in name]
    return f"{in_words(losses)} (style: {', '.join(styles)})"


def _styles_of(seed: int, step: int, rank: int, count: int, batch: int) -> Tensor:
    """[B]: of `count` styles, every one once in each round of so many samples."""

    def style(number: int) -> int:
        order = np.random.default_rng((seed, 3, rank, number // count)).permutation(count)
        return int(order[number % count])

    return torch.tensor([style(number) for number in range(step * batch, (step + 1) * batch)])


def net_config(options: NetOptions) -> TransformConfig:
    """The preset, with the run's own seed amplitude where it has one."""
    preset = PRESETS[options.network]
    return preset if options.seed_amplitude is None else replace(preset, seed_amplitude=options.seed_amplitude)


def photo_crops(options: NetOptions, report: Report, length: int) -> Crops:
    """Of the photos in the options' folders."""
    pictures = pictures_in(options.content, "photos", report)
    crops = CropOptions(options.sizes, options.max_scale, misexposed=options.misexposed)
    return Crops(pictures, crops, options.seed, length)
