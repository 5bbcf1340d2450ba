"""The bundled pictures for calibration and the gate, how they come to an engine's size, and how near two pictures are.

A .png holds its noise pixel by pixel, and interpolation would smooth that away: of such a picture the smaller frame
takes every so many-th pixel, and the larger one goes on in its mirror image. A .jpg is a camera's view and is
interpolated; the noise of the set's wall is laid over it at the frame's own scale. tests/make_engine_pictures.py makes
the files. OpenCV is imported when a frame is asked for: backends that need figures alone start without it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.errors import INSTALL_AGAIN, ImpastoError

GRAIN = 0.75  # of the wall's noise, whose deviation is 2
VALUES_AT_ONCE = 1 << 20  # of a comparison, so that a large picture is not held as floats too


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures of one folder. `files` are their names, those that find most first; `wall` is a flat one with noise."""

    folder: Path
    files: tuple[str, ...]
    wall: str

    @property
    def names(self) -> list[str]:
        """Without the suffix."""
        return [Path(file).stem for file in self.files]

    def path(self, name: str) -> Path:
        """The file of the picture of that name."""
        return self.folder / self.files[self.names.index(name)]

    def frame(self, name: str, height: int, width: int) -> np.ndarray:
        """That picture as a frame uint8 [height, width, 3] RGB; ImpastoError where its file is gone or damaged."""
        path = self.path(name)
        if path.suffix == ".png":
            return _mirrored(read_picture(path), height, width)
        frame = _interpolated(read_picture(path), height, width)
        return _with_grain(frame, _mirrored(read_picture(self.path(self.wall)), height, width))


def read_picture(path: Path) -> np.ndarray:
    """uint8 [H, W, 3] RGB; ImpastoError where the file is gone or damaged."""
    import cv2

    try:
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
    except (OSError, cv2.error):
        picture = None
    if picture is None:
        raise ImpastoError(f"{path} is gone or damaged; {INSTALL_AGAIN}")
    return np.asarray(picture, np.uint8)


def _mirrored(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = (_places(*sides) for sides in zip(picture.shape[:2], (height, width), strict=True))
    return np.take(np.take(picture, rows, axis=0), columns, axis=1)


def _places(side: int, wanted: int) -> np.ndarray:
    """Which pixels of a side make one of another length: every so many-th, or all of them to and fro."""
    if wanted <= side:
        return np.arange(wanted) * side // wanted
    there_and_back = np.arange(wanted) % (2 * side)
    return np.minimum(there_and_back, 2 * side - 1 - there_and_back)


def _interpolated(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    way = cv2.INTER_AREA if height * width < picture.shape[0] * picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def _with_grain(frame: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """The frame and the wall's noise; in place, for a frame of a camera's full size fills the memory as it is."""
    import cv2

    return np.asarray(cv2.addWeighted(frame, 1, wall, GRAIN, -GRAIN * float(wall.mean()), dst=frame), np.uint8)


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures in dB; infinite where they are equal."""
    total = sum(float(np.square(part).sum(dtype=np.float64)) for part in differences(found, wanted))
    return math.inf if total == 0 else 10 * math.log10(255**2 * found.size / total)


def differences(found: np.ndarray, wanted: np.ndarray) -> Iterator[np.ndarray]:
    """Of all values, float32, a part at a time."""
    one, other = found.reshape(-1), wanted.reshape(-1)
    for start in range(0, one.size, VALUES_AT_ONCE):
        part = slice(start, start + VALUES_AT_ONCE)
        yield one[part].astype(np.float32) - other[part]
