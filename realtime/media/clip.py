"""What a file sink needs to know of the clip it writes: its clock, shape, colours and all that is not the picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type

from realtime.frames.frame import Pixels
from realtime.media.colour.rgb import ColourTags
from realtime.media.file_reader import FileReader
from realtime.media.streams import FALLBACK_RATE

# Written by muxers and encoders about themselves, or about the stream that is replaced.
NOT_KEPT = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "alpha_mode", "rotate"}


@dataclass(frozen=True, slots=True)
class Clip:
    """The facts of a clip that is read or written. Sizes are (width, height) in pixels as coded, before any rotation.

    `time_base` is the exact length of a tick in seconds; `frame_rate` is nominal, and None where frames come at any
    time. `display_matrix` holds FFmpeg's nine integers, empty for none. `frames` is an estimate. `path` is the file it
    comes from, None where that cannot be opened again. `reader` has the file open, whose other streams, metadata and
    chapters belong to the clip.
    """

    size: tuple[int, int]
    time_base: Fraction
    frame_rate: Fraction | None = None
    tags: ColourTags = field(default_factory=ColourTags)
    pixel_aspect: Fraction | None = None
    display_matrix: tuple[int, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    frames: int | None = None
    path: Path | None = None
    reader: FileReader | None = field(default=None, compare=False, repr=False)

    @property
    def encoder_rate(self) -> Fraction:
        """A frame rate for the encoder's bit budget; the real times are in the frames."""
        rate = self.frame_rate or FALLBACK_RATE
        return rate if 1 <= rate <= 1000 else FALLBACK_RATE

    @property
    def lies_on_its_side(self) -> bool:
        """Whether players turn the picture by a quarter."""
        matrix = self.display_matrix
        return bool(matrix) and abs(matrix[1]) > abs(matrix[0])

    def scaled(self, height: int | None) -> "Clip":
        """The clip, which is upright, at another height; the width follows the aspect and both are even."""
        if height is None:
            return self
        width, rows = self.size
        seen = _even(height)
        return replace(self, size=(_even(width * seen / rows), seen))

    def with_square_pixels(self) -> "Clip":
        """The clip, which is upright, as wide as it is seen, at the same height."""
        aspect = self.pixel_aspect
        if not aspect or aspect == 1:
            return self
        width, rows = self.size
        return replace(self, size=(_even(width * float(aspect)), rows), pixel_aspect=None)

    def upright(self) -> "Clip":
        """The clip after its pictures went through `turn_upright`."""
        if not self.lies_on_its_side:
            return replace(self, display_matrix=())
        aspect = 1 / self.pixel_aspect if self.pixel_aspect else None
        return replace(self, size=self.size[::-1], pixel_aspect=aspect, display_matrix=())


def turn_upright(pixels: Pixels, display_matrix: tuple[int, ...]) -> Pixels:
    """[H, W, 3] or a plane [H, W] as it is seen, by quarter turns and mirroring: the matrix takes (x, y) to
    (ax + cy, bx + dy)."""
    if not display_matrix:
        return pixels
    a, b, _, c, d, *_ = display_matrix
    if abs(b) > abs(a):
        pixels, a, d = np.asarray(cv2.transpose(pixels), np.uint8), c, b
    for axis, backwards in enumerate((d < 0, a < 0)):
        pixels = np.asarray(cv2.flip(pixels, axis), np.uint8) if backwards else pixels
    return pixels


def display_matrix(frame: av.VideoFrame) -> tuple[int, ...]:
    """FFmpeg's nine 32-bit integers that turn or mirror the picture, empty where a frame has none."""
    side_data: Any = frame.side_data
    matrix = [item for item in side_data if item.type == Type.DISPLAYMATRIX]
    return tuple(memoryview(bytes(matrix[0])).cast("i")) if matrix else ()


def kept_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """What a file or stream says of itself that holds for its painted copy too.

    MP4 reads back as `name` what is written as `title`, and an English `location` as `location-eng` too.
    """
    kept = {key: value for key, value in metadata.items() if key.lower() not in NOT_KEPT}
    kept = {key: value for key, value in kept.items() if kept.get(key.rpartition("-")[0]) != value}
    if "name" in kept:
        kept.setdefault("title", kept.pop("name"))
    return kept


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))
