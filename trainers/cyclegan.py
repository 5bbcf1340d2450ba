"""CycleGAN (Zhu et al. 2017, arXiv 1703.10593): a net that learns a domain from two folders, no picture of which match.

Or, with `method` contrast, its one-sided sequel CUT (Park et al. 2020, arXiv 2007.15651), at half the cost. Departures
from both: the nets are of any family here, a slim one among them that may begin with a style of the gallery; least
squares, a pool and random crops whose colours are left alone for both; the exported weights are a running average; in
the last part of a run a stability loss on synthetic motion; the photos are seen with a sensor's noise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engines.networks.family import open_family
from engines.networks.transform.config import PRESETS, TEXTURES
from engines.style.card import style_name
from engines.style.file import check_writable
from trainers.data import CropOptions, Crops
from trainers.figures.unpaired_figures import Jury, figures_in_words
from trainers.losses.adversarial import PatchContrast, PatchDiscriminator, PicturePool, judge_loss
from trainers.losses.unpaired_losses import Nets, Painter, encoded, encoder_layers, painters_losses
from trainers.run.initial_weights import begin_with
from trainers.run.loop import (
    Losses,
    OnStep,
    Report,
    chance_of,
    grown_from,
    is_stable,
    pictures_in,
    set_learning_rate,
    texture_of,
    update_average,
)
from trainers.run.run_folder import History, Part, RunLabel, sample_pictures, sheet_of
from trainers.run.training_run import Shown, TrainingRun
from trainers.settings.unpaired_options import RESNETS, CycleGanOptions

RECIPE = "cyclegan"
BETAS = (0.5, 0.999)
VARIED = 1.2  # pictures are scaled to a short side of up to so many times what was asked for
PROBE_PX = 64


@dataclass(frozen=True, slots=True)
class TrainedPainters:
    """The averaged nets, the one back only where there is one, figures, and the runs before this one."""

    there: Painter
    back: Painter | None
    figures: dict[str, float]
    history: History


def train(options: CycleGanOptions, report: Report = print, on_step: OnStep | None = None) -> TrainedPainters:
    """Trains, or goes on with, one run, whose checkpoints, sheets and logs are in `options.run_folder`.

    `on_step(done, running losses)` is called after every step. Raises NotFinite when a loss is not finite and
    Interrupted after a Ctrl-C, when the checkpoint is saved.
    """
    run = TrainingRun(options, report, on_step)
    if run.main and options.back_out is not None:
        check_writable(options.back_out)
    photos = pictures_in(options.source, "photos", run.report)
    paintings = pictures_in(options.target, "paintings", run.report)
    measured = photos if options.validation is None else pictures_in([options.validation], "photos", run.report)
    run.tell(f"{len(photos)} pictures to learn from and {len(paintings)} to learn to paint like")
    contest = _Contest(options, run)
    label = RunLabel(RECIPE, (style_name(options.out),), generator(options)[1])
    run.begin(label, contest.parts, partial(contest.begin, photos))
    contest.prepare()
    jury = Jury(options, measured, paintings, run.device) if run.main else None
    measure = None if jury is None else partial(jury.figures, contest.averages)
    feed = zip(*map(run.fed, _domains(photos, paintings, options, run.length)), strict=True)
    sheet = partial(_sheet, contest.averages, photos, paintings)
    run.follow(feed, contest.learn, Shown(sheet, measure=measure, figures_in_words=figures_in_words))
    return TrainedPainters(contest.averages.there, contest.averages.back, measure() if measure else {}, run.history)


class _Contest:
    """The nets, what makes them learn, and the running averages of those that paint."""

    def __init__(self, options: CycleGanOptions, run: TrainingRun) -> None:
        torch.manual_seed(options.seed)
        self.options, self._run = options, run
        self.nets, self.averages = make_nets(options), make_nets(options)
        for net in self.averages.named().values():
            net.to(run.device).requires_grad_(False)
        self._grown_from = grown_from(*(net.net for net in self.nets.painters if isinstance(net, Painter)))
        self._learning = self.nets
        self._painters, self._judges = (_adam(each, options) for each in (self.nets.painters, self.nets.judges))
        self._pools = [PicturePool(options.pool) for _ in self.nets.judges]

    @property
    def parts(self) -> dict[str, Part]:
        """All that a checkpoint holds, but for the scaler."""
        averages = {f"{name} average": net for name, net in self.averages.named().items() if isinstance(net, Painter)}
        pools = {f"pool {number}": pool for number, pool in enumerate(self._pools)}
        optimizers = {"painters optimizer": self._painters, "judges optimizer": self._judges}
        return {**self.nets.named(), **averages, **pools, **optimizers}

    def begin(self, photos: Sequence[Path]) -> History:
        """The weights of a new run, random or from `options.initial`; the runs that made those."""
        given = self.options.initial
        history = [] if given is None else begin_with(given, self.nets.there.net, photos)
        for average, net in _averaged(self.averages, self.nets):
            net.level()
            average.load_state_dict(net.state_dict())
        return history

    def prepare(self) -> None:
        """Brings all to the device, and together with the other processes."""
        named, prepare = self.nets.named(), self._run.accelerator.prepare
        *modules, self._painters, self._judges = prepare(*named.values(), self._painters, self._judges)
        self._learning = Nets(**dict(zip(named, modules, strict=True)))
        self._run.keep(self.parts)

    def learn(self, step: int, batch: tuple[Tensor, ...]) -> dict[str, float]:
        """One step of the painters against frozen judges, and one of the judges; tells every loss."""
        options, drawn = self.options, (self.options.seed, step, self._run.rank)
        photos, paintings = (each.to(self._run.device) for each in batch)
        for optimizer in (self._painters, self._judges):
            set_learning_rate(optimizer, options.learning_rate * learning_rate_factor(step, options.steps))
        self._freeze_judges(frozen=True)
        painted = painters_losses(
            self._learning, photos, paintings, options, chance=chance_of(*drawn),
            texture=texture_of(*drawn, photos.shape, self._grown_from).to(photos.device),
            moving=is_stable(step, options),
        )  # fmt: skip
        self._run.descend(painted.losses, step, self._painters, clipped=None)
        self._freeze_judges(frozen=False)
        judged = self._judged((paintings, photos), (painted.there, painted.back), step)
        self._run.descend(judged, step, self._judges, clipped=None)
        for average, net in _averaged(self.averages, self.nets):
            net.level()
            update_average(average, net, options.average_decay, step)
        told = {**painted.losses, **{name: value for name, value in judged.items() if name != "total"}}
        return {name: float(value.detach()) for name, value in told.items()}

    def _freeze_judges(self, *, frozen: bool) -> None:
        for judge in self.nets.judges:
            judge.requires_grad_(not frozen)

    def _judged(self, real: Sequence[Tensor], painted: Sequence[Tensor | None], step: int) -> Losses:
        """What the judges make small, of real pictures and of painted ones from the pools."""
        chance, losses = np.random.default_rng((self.options.seed, 7, self._run.rank, step)), Losses()
        contestants = zip(("judge", "judge_back"), self._learning.judges, real, painted, self._pools, strict=False)
        for name, judge, theirs, ours, pool in contestants:
            if ours is not None:
                losses[name] = judge_loss(judge(theirs), judge(pool(ours, chance)))
        return losses | {"total": torch.stack(list(losses.values())).sum()}


def learning_rate_factor(step: int, steps: int) -> float:
    """1 in the first half, then in a straight line to 0 (the paper, section 4)."""
    return min(1.0, 2 * (steps - step) / steps)


def make_nets(options: CycleGanOptions) -> Nets:
    """The nets of the method with random weights."""
    family, config = generator(options)
    there = Painter(open_family(family).net(config, 1))
    if options.method == "contrast":
        contrast = PatchContrast(_channels(there))
        return Nets(there, PatchDiscriminator(options.judge_width), contrast=contrast)
    back = Painter(open_family(family).net(config, 1))
    return Nets(there, PatchDiscriminator(options.judge_width), back, PatchDiscriminator(options.judge_width))


def generator(options: CycleGanOptions) -> tuple[str, dict[str, object]]:
    """The family and the config of the nets that paint; resnets enlarge without a checkerboard."""
    if options.network in RESNETS:
        blocks = int(options.network.removeprefix("resnet"))
        return "resnet_generator", {"width": options.width, "blocks": blocks, "upsampling": "resize"}
    return "transform", PRESETS[options.network].to_dict()


@torch.no_grad()
def _channels(painter: Painter) -> list[int]:
    """Of the layers that tell a place."""
    probe = torch.zeros(1, 3, PROBE_PX, PROBE_PX)
    texture = torch.zeros(1, len(TEXTURES), PROBE_PX, PROBE_PX)
    return [found.shape[1] for found in encoded(painter, probe, texture, encoder_layers(painter.net))]


def _adam(nets: list[nn.Module], options: CycleGanOptions) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for net in nets for p in net.parameters()], lr=options.learning_rate, betas=BETAS)


def _averaged(averages: Nets, nets: Nets) -> Iterator[tuple[Painter, Painter]]:
    yield averages.there, nets.there
    if averages.back is not None and nets.back is not None:
        yield averages.back, nets.back


def _domains(photos: list[Path], paintings: list[Path], options: CycleGanOptions, length: int) -> Iterator[Crops]:
    """Crops of both folders at scales of their own."""
    for number, (paths, lines) in enumerate(((photos, options.lines), (paintings, options.stroke * options.lines))):
        least = max(1.0, lines / options.size)
        crops = CropOptions((options.size,), max_scale=VARIED * least, min_scale=least, jitter=0.0)
        yield Crops(paths, crops, 2 * options.seed + number, length)


@torch.no_grad()
def _sheet(nets: Nets, photos: list[Path], paintings: list[Path]) -> Tensor:
    """Some photos, as painted, and painted back; with a net back also some paintings, as photos, and painted again."""
    device = next(nets.there.parameters()).device
    photo = sample_pictures(photos).to(device)
    painted = nets.there(photo)
    if nets.back is None:
        return sheet_of([photo, painted])
    painting = sample_pictures(paintings)[: len(photo)].to(device)
    unpainted = nets.back(painting)
    rows = [photo, painted, nets.back(painted), painting, unpainted, nets.there(unpainted)]
    return sheet_of([row for row in rows if len(row) == len(photo)])
