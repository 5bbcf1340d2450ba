"""A frame between the net and its full size."""

from dataclasses import dataclass

from engines.spec import Controls
from realtime.frames.frame import Frame, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A frame, the copy of it that the net was given, what came out, and the controls that hold for the whole."""

    frame: Frame
    small: Pixels
    pixels: Pixels
    controls: Controls
