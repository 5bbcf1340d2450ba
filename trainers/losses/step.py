"""What a step of training has its net paint, as every recipe of transform nets judges it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.camera_noise import sensor_noise
from trainers.motion import MotionOptions, SecondFrame, carried, second_frame
from trainers.run.loop import Losses, Paint


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Pictures [B, 3, H, W] for `paint`, their style_ids [B], vectors [B, S] and seed textures [B, K, P, P].

    When `moving`, a second frame of each picture is painted too. `done` is the part of the run that is over, and
    `directed` [B] how much of each one's strokes has a direction; all of them where it is None.
    """

    paint: Paint
    pictures: Tensor
    vectors: Tensor
    style_ids: Tensor
    chance: torch.Generator
    texture: Tensor | None = None
    moving: bool = False
    done: float = 1.0
    directed: Tensor | None = None

    def painted(self, noise: float) -> "PaintedStep":
        """What the net makes of the pictures as a sensor with that much noise gives them; see `MotionOptions`."""
        frames = self.pictures + sensor_noise(self.pictures, noise, self.chance)
        if not self.moving:
            return PaintedStep(frames, self.paint(frames, self.vectors, self.texture), len(frames))
        second = second_frame(self.pictures, MotionOptions(), self.chance)
        texture = None if self.texture is None else torch.cat([self.texture, carried(self.texture, second.flow)])
        # One pass for both: instance norm keeps samples apart, and data-parallel training wants a single forward.
        both = torch.cat([frames, second.frame])
        return PaintedStep(both, self.paint(both, self.vectors.repeat(2, 1), texture), len(frames), second)


@dataclass(frozen=True, slots=True, eq=False)
class PaintedStep:
    """The frames that a net saw and what it painted of them, [B, 3, H, W] each, or [2B, 3, H, W] with second frames.

    `samples` is B, and `second` how the second frames moved, where there are any.
    """

    frames: Tensor
    painted: Tensor
    samples: int
    second: SecondFrame | None = None

    @property
    def first(self) -> Tensor:
        """What was painted of the pictures themselves, [B, 3, H, W]."""
        return self.painted[: self.samples]


# The mean losses of a step: under `total` what the net makes small, under `styles` the loss of each sample [B].
StepLosses = Callable[[Step], Losses]
