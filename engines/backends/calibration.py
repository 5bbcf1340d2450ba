"""Frames to calibrate 8-bit engines on: the user's own, or bundled pictures.

Ranges are measured on them, and which layers keep their floats is chosen by them. None of them is a golden frame, so
that the gate judges an engine on pictures that it was not fitted to.
"""

from pathlib import Path

import numpy as np

from engines.pictures import PictureSet
from engines.spec import Calibration

CALIBRATION = PictureSet(
    Path(__file__).with_name("pictures"),
    ("shapes.png", "doorway.jpg", "people.jpg", "glare.jpg", "dusk.png", "wall.png", "static.png", "lake.jpg"),
    wall="wall",
)
# Layers are chosen by these too, but ranges are not measured on them. Burnt out beside black makes the ranges so wide
# that all else is painted in coarser steps: measured on the doorway, the gallery was 1 dB farther from fp32, there too.
NOT_MEASURED = ("doorway", "wall", "static")
MEASURED_SIZE = (180, 320)


def calibration_frames(calibration: Calibration | None) -> np.ndarray:
    """The frames to measure ranges on, uint8 [N, H, W, 3] RGB."""
    if calibration is not None:
        return calibration.frames
    measured = [name for name in CALIBRATION.names if name not in NOT_MEASURED]
    return np.stack([CALIBRATION.frame(name, *MEASURED_SIZE) for name in measured])
