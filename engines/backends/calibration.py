"""Frames to calibrate 8-bit engines on: the user's own, or moments of the built-in scene.

None of them is a golden frame, so that the gate judges an engine on pictures that it was not fitted to.
"""

from collections.abc import Iterator

import numpy as np

from engines.spec import Calibration

SCENE_SIZE = (320, 180)
# Moments in seconds, and what the light is multiplied by: a net meets dark rooms and bright windows as well.
MOMENTS = ((0.0, 1.0), (3.0, 1.0), (7.0, 1.0), (12.0, 1.0), (5.0, 0.2), (9.0, 1.8))


def calibration_frames(calibration: Calibration | None) -> np.ndarray:
    """uint8 [N, H, W, 3] RGB; drawing the scene takes a second or two."""
    return calibration.frames if calibration is not None else np.stack(list(_scene_frames()))


def _scene_frames() -> Iterator[np.ndarray]:
    from realtime.scene import Scene

    scene = Scene(*SCENE_SIZE)
    for seconds, light in MOMENTS:
        yield np.clip(scene.at(seconds) * light, 0, 255).astype(np.uint8)
