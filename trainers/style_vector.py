"""One picture as a style of a net that is trained already: only the style's vector is learnt, in about a minute.

A net of N styles keeps each as the scales and shifts of its norms, and a new one can be learnt with all else frozen
(Dumoulin et al. 2017, arXiv 1610.07629, section 4). The vector begins as the nearest that is known, such as what a
predictor reads from the picture, and is judged as in Johnson's recipe. Views that are not learnt from tell which vector
was best. With `deep` the net's weights follow, much more slowly than the vector.
"""

import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from engines.errors import NotFinite
from engines.networks.transform.net import TransformNet
from engines.style.card import style_name
from engines.style.file import StyleFile
from trainers.losses.perceptual import PerceptualNet, load_perceptual, torch_device
from trainers.losses.step import Step
from trainers.losses.training_losses import Paintings, paintings_of, training_losses
from trainers.motion import fresh_texture
from trainers.run.adam import Adam
from trainers.run.initial_weights import trained_net
from trainers.run.loop import GRADIENT_NORM, Losses, chance_of, grown_from, loss_precision, update_average
from trainers.run.pace import Pace
from trainers.settings.options import JohnsonOptions
from trainers.settings.style_options import StyleOptions
from trainers.style_views import Arriving, Pixels, StyleViews, photos_in

AVERAGE_DECAY = 0.97
BETAS = 0.9, 0.99
DEEP_SHARE = 1 / 60  # the rate of the net's weights, of the vector's
# With no end in sight: how many checks may bring nothing, and what is nothing.
PATIENCE, BETTER = 6, 0.998

# (steps done, of how many as far as can be told, what gives the vector as it is now)
OnLearnt = Callable[[int, int | None, Callable[[], NDArray[np.float32]]], None]


class StyledNet(nn.Module):
    """A net of its own with the one vector [1, S] that is learnt for it."""

    def __init__(self, net: TransformNet, vector: Tensor, *, deep: bool) -> None:
        super().__init__()
        self.net = deepcopy(net).requires_grad_(deep)
        self.vector = nn.Parameter(vector.detach().clone().reshape(1, -1))

    def forward(self, pictures: Tensor, vectors: Tensor, texture: Tensor | None = None) -> Tensor:
        """As the net's own."""
        painted: Tensor = self.net(pictures, vectors, texture)
        return painted

    def vectors(self, rows: int) -> Tensor:
        """[rows, S]: the vector for each of so many pictures."""
        return self.net.levelled(self.vector).expand(rows, -1)


@dataclass(frozen=True, slots=True)
class LearntStyle:
    """The vector [S], its net, which is another than before only if it was learnt along, and how far it came.

    `before` and `after` are the losses on the views that judge. `joined` is how many views came while it was learnt.
    """

    vector: Tensor
    net: TransformNet
    steps: int
    before: float
    after: float
    joined: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StyleTask:
    """What the style of one picture is learnt from and judged by."""

    paintings: Paintings
    judged: JohnsonOptions
    views: StyleViews

    @classmethod
    def of(
        cls, picture: Path, views: StyleViews, perceptual: PerceptualNet, judged: JohnsonOptions, device: torch.device
    ) -> "StyleTask":
        return cls(paintings_of({style_name(picture): picture}, judged, perceptual, device), judged, views)

    def losses(self, styled: StyledNet, step: int) -> Losses:
        """Those of crops that the step decides, and what views have joined."""
        rng = np.random.default_rng((self.judged.seed, 2, step))
        pictures = self.views.of_step(step, rng).to(styled.vector)
        texture = fresh_texture(pictures.shape, rng, grown_from(styled.net)).to(styled.vector)
        return self._losses(styled, pictures, step, self.judged, texture)

    @torch.no_grad()
    def judge(self, styled: StyledNet) -> float:
        """The mean loss on the views that were held back, joined, with the net's own texture and without noise."""
        clean = replace(self.judged, sensor_noise=0.0, join_share=1.0)
        views = (view.to(styled.vector) for view in self.views.held_back)
        found = [self._losses(styled, view, at, clean)["total"] for at, view in enumerate(views)]
        return float(torch.stack(found).mean())

    def _losses(
        self, styled: StyledNet, pictures: Tensor, number: int, judged: JohnsonOptions, texture: Tensor | None = None
    ) -> Losses:
        ids = torch.zeros(len(pictures), dtype=torch.long, device=pictures.device)
        vectors, chance = styled.vectors(len(pictures)), chance_of(judged.seed, number, 0)
        step = Step(styled, pictures, vectors, ids, chance, texture, directed=styled.net.directed(vectors))
        return training_losses(step, paintings=self.paintings, options=judged)


class Learner:
    """Learns the styles of pictures, one after the other, for the net of a style file.

    `views` are what it tries them on where the options name no photos: pictures uint8 [H, W, 3]. Those that are
    `arriving` join them, before the first step and at each. BadFile where the file has no transform net, or is damaged.
    """

    def __init__(
        self,
        file: StyleFile,
        options: StyleOptions,
        views: Callable[[], Sequence[Pixels]],
        arriving: Arriving = lambda: (),
    ) -> None:
        self._options = options
        self._device = torch_device()
        self._net = trained_net(file).to(self._device)
        self._perceptual = load_perceptual("5se", loss_precision("auto")).to(self._device)
        self._judged = options.judged(file.card.training.get("settings", {}))
        photos = photos_in(options.content, options.seed) or [Image.fromarray(view) for view in views()]
        self._views = StyleViews(photos, self._judged, arriving)

    def learn(
        self, picture: Path, starts: Sequence[NDArray[np.float32]], stop: threading.Event, on_step: OnLearnt
    ) -> LearntStyle:
        """The style of one picture, from the best of the vectors [S] in `starts`; the best so far once `stop` is set.

        The first of them is tried with each texture alone, too. Raises NotFinite when a loss is not finite.
        """
        task = StyleTask.of(picture, self._views, self._perceptual, self._judged, self._device)
        told = [torch.tensor(start) for start in starts]
        tried = [*told, *_with_one_texture(self._net, told[0])]
        return learn(self._net, tried, task, self._options, stop, on_step)


def learn(
    net: TransformNet,
    starts: Sequence[Tensor],
    task: StyleTask,
    options: StyleOptions,
    stop: threading.Event,
    on_step: OnLearnt,
) -> LearntStyle:
    """As `Learner.learn` does; `net` itself stays as it is."""
    pace = Pace(options.seconds, options.steps, endless=options.polish)
    run = _Run(*_nearest(net, starts, task, deep=options.deep), task, options)
    checked = False
    for step in count():
        share = pace.share(step)
        if stop.is_set() or share >= 1 or (options.polish and run.idle >= PATIENCE):
            break
        run.step(step, options.learning_rate * pace.rate(step, share))
        on_step(step + 1, pace.total(step + 1), run.vector)
        checked = pace.is_check(step + 1)
        if checked:
            run.check()
    if not checked:
        run.check()
    return run.learnt(step)


class _Run:
    """The net that learns, whose loss is `before`, its running average, and what of that was best."""

    def __init__(self, styled: StyledNet, before: float, task: StyleTask, options: StyleOptions) -> None:
        self._styled, self._task, self._deep = styled, task, options.deep
        self._average = deepcopy(styled).requires_grad_(False)
        weights = [value for name, value in styled.named_parameters() if name != "vector" and value.requires_grad]
        self._adams = {share: Adam(learnt, BETAS) for share, learnt in ((1.0, [styled.vector]), (DEEP_SHARE, weights))}
        self.before = self._least = before
        self._best: dict[str, Any] = deepcopy(styled.state_dict())
        self.idle = 0

    def step(self, step: int, rate: float) -> None:
        """One step of this learning rate."""
        losses = self._task.losses(self._styled, step)
        if not torch.isfinite(losses["total"]):
            raise NotFinite(f"step {step}: the loss is not finite; lower --learning-rate")
        torch.autograd.backward(losses["total"])
        nn.utils.clip_grad_norm_(self._styled.parameters(), GRADIENT_NORM)
        for share, adam in self._adams.items():
            adam.step(rate * share)
        if self._deep:
            self._styled.net.level()
        update_average(self._average, self._styled, AVERAGE_DECAY, step)

    @torch.no_grad()
    def vector(self) -> NDArray[np.float32]:
        """The average as it is now."""
        found: NDArray[np.float32] = self._average.vectors(1)[0].float().cpu().numpy()
        return found

    def check(self) -> None:
        """Judges the average, and keeps it where it is the best so far."""
        now = self._task.judge(self._average)
        self.idle = 0 if now < BETTER * self._least else self.idle + 1
        if now < self._least:
            self._least, self._best = now, deepcopy(self._average.state_dict())

    def learnt(self, steps: int) -> LearntStyle:
        self._average.load_state_dict(self._best)
        with torch.no_grad():
            vector = self._average.vectors(1)[0].clone()
        return LearntStyle(vector, self._average.net, steps, self.before, self._least, self._task.views.joined)


def _with_one_texture(net: TransformNet, vector: Tensor) -> list[Tensor]:
    """A vector [S] with each of the net's textures alone, where it has several."""
    at = net.config.shares_at
    alone = torch.eye(at.stop - at.start)
    return [torch.cat([vector[: at.start], shares]) for shares in alone]


@torch.no_grad()
def _nearest(net: TransformNet, starts: Sequence[Tensor], task: StyleTask, *, deep: bool) -> tuple[StyledNet, float]:
    """With that vector of which the views that judge come out best, and their loss."""
    tried = [StyledNet(net, start.to(net.styles), deep=deep) for start in starts]
    judged = [task.judge(styled) for styled in tried]
    best = min(range(len(tried)), key=judged.__getitem__)
    return tried[best], judged[best]
