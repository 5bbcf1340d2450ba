"""How steady the painted picture is: the warping error on the built-in scene, whose motion is known exactly.

E_warp (Lai et al. 2018, arXiv 1808.00449): a painted frame is moved back onto the one before it along the motion of
the *input*, and what still differs is flicker. It counts where both frames show the same thing, neither covered nor
blended.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.bench.inputs.subject import Subject
from realtime.frames.frame import Frame, Pixels
from realtime.painting.stylizer import Stylizer
from realtime.scene import Motion, Scene

PAIRS = 12
FRAMES_BETWEEN_PAIRS = 15


@dataclass(frozen=True, slots=True)
class Stability:
    """Mean squared errors of colours in 0..1; `ratio` is how many times the input's own error the painted one is."""

    e_warp: float
    e_warp_of_input: float

    @property
    def ratio(self) -> float:
        return self.e_warp / self.e_warp_of_input


def warping_error(first: Pixels, second: Pixels, motion: Motion) -> float:
    """Mean squared difference, colours in 0..1, of two frames [H, W, 3] after the motion is taken back."""
    height, width = first.shape[:2]
    rows, columns = np.indices((height, width), np.float32)
    x, y = columns + motion.flow[..., 0], rows + motion.flow[..., 1]
    moved = cv2.remap(second, x, y, cv2.INTER_LINEAR)
    difference = (moved.astype(np.float32) - first)[motion.certain] / 255
    return float(np.mean(np.square(difference), dtype=np.float64))


def plain_stability(subject: Subject) -> Stability:
    """How steady the net's own paintings are: at steadiness 0, for a steady hand would begin anew with every pair."""
    plain = Stylizer(subject.stylizer.engine, subject.stylizer.controls, style=subject.style)
    return measure_stability(plain, Scene(*subject.combination.size))


def measure_stability(stylizer: Stylizer, scene: Scene, run_up: int = 0) -> Stability:
    """Paints pairs of neighbouring frames of the scene, at its full size.

    Who remembers what was painted, as a steady hand does, needs a `run_up` of as many frames before each pair.
    """
    painted, plain = [], []
    for number in range(0, PAIRS * FRAMES_BETWEEN_PAIRS, FRAMES_BETWEEN_PAIRS):
        motion = scene.flow(number, number + 1)
        frames = [_of_scene(scene, index) for index in range(number - run_up, number + 2)]
        stylizer.begin_anew()
        *_, first, second = (stylizer(frame).data for frame in frames)
        painted.append(warping_error(first, second, motion))
        plain.append(warping_error(frames[-2].data, frames[-1].data, motion))
    return Stability(float(np.mean(painted)), float(np.mean(plain)))


def _of_scene(scene: Scene, number: int) -> Frame:
    return Frame(scene.frame(number), scene.seconds(number), 0.0)
