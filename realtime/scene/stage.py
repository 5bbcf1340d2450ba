"""What every painter needs to know: the frame's size, how finely to paint, and a seed of its own."""

from dataclasses import dataclass

import numpy as np

MAX_ZOOM = 1.1  # the camera's, see camera.pose_at


@dataclass(frozen=True, slots=True)
class Stage:
    """The frame's size in pixels and the seed of the whole scene."""

    width: int
    height: int
    seed: int

    @property
    def pixels_per_unit(self) -> float:
        """Density of textures in pixels a frame height."""
        return self.height * MAX_ZOOM

    @property
    def supersample(self) -> int:
        return 2 if self.height <= 720 else 1

    @property
    def spread(self) -> float:
        """What to multiply places across the picture by, so that narrow frames still hold the cast."""
        return min(1.15, max(0.45, self.width / self.height * 9 / 16))

    def rng(self, name: str) -> np.random.Generator:
        """A stream of chance of its own for each thing, so that a change to one leaves the others as they are."""
        return np.random.default_rng([self.seed, *name.encode()])
