"""The built-in moving scene: a camera by a lake, with people and lettering, and the exact motion of every pixel."""

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.scene.drawing.camera import Stage
from realtime.scene.drawing.layer import composite
from realtime.scene.motion import Motion, motion
from realtime.scene.world import build_world

__all__ = ["Motion", "Scene"]

MIN_WIDTH, MIN_HEIGHT = 64, 48


class Scene:
    """A world that can be looked at at any moment.

    It is painted once, in some seconds; a frame then takes milliseconds, in any order. The same size and seed always
    give the same pictures. It never ends: the camera sways on, and who leaves on one side comes back on the other.
    Frames below 64x48 pixels are a ValueError.
    """

    def __init__(self, width: int, height: int, *, frame_rate: Fraction = Fraction(30), seed: int = 7) -> None:
        if width < MIN_WIDTH or height < MIN_HEIGHT:
            raise ValueError(f"the scene is at least {MIN_WIDTH}x{MIN_HEIGHT} pixels large, not {width}x{height}")
        if frame_rate <= 0:
            raise ValueError(f"a frame rate is above 0, not {frame_rate}")
        self.width, self.height, self.frame_rate = width, height, frame_rate
        self._layers = build_world(Stage(width, height, seed))

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Frame `index` as (height, width, 3) uint8 RGB."""
        return self.at(self.seconds(index))

    def at(self, seconds: float) -> NDArray[np.uint8]:
        """The picture at a moment as (height, width, 3) uint8 RGB."""
        picture = composite(self._layers, seconds, self.width, self.height)
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB), np.uint8)

    def flow(self, first: int, second: int) -> Motion:
        """Where every pixel of frame `first` lies in frame `second`."""
        return motion(self._layers, self.seconds(first), self.seconds(second), self.width, self.height)

    def seconds(self, index: int) -> float:
        """The moment of a frame."""
        return float(index / self.frame_rate)
