"""What a painting makes of a photo's colours, wherever in the picture: so that new ground can be told in its paint."""

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import RGB_TO_LUMA, Pixels
from realtime.painting.motion import Field, Plane, grid


def blended(photo: Pixels, painted: Pixels, strength: float, keep_colour: float) -> Pixels:
    """As the nets' graphs do it: the change counts as luma alone where the colour is kept."""
    change = painted.astype(np.float32) - photo
    luma = change @ RGB_TO_LUMA
    mixed = photo + strength * ((1 - keep_colour) * change + keep_colour * luma[..., None])
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


BINS = 32
BIN_BITS = 3
# Colours are told by those within so many bins, else within more.
REACHES = (1.2, 3.0)
LEAST_COUNT = 1.0
KEPT_CHROMA = 0.6
# Paint that was made for another place is laid on more thinly.
THINNER = 0.7
# Cells of the local grid, in pixels and in steps of luma; below so many pixels one counts little.
CELL_PX = 24
LEVELS, LEVEL_BITS = 8, 5
LEAST_CELL_COUNT = 4.0


class Palette:
    """Colours of the photo → colours of the painting, fitted on one picture and its painting, uint8 [H, W, 3].

    `answer` [3] says by how much each colour of the painting changes where the photo's luma does. Colours that the
    photo has not are told by it alone, with a part of their own chroma: a red car stays to be seen in a grey street.
    """

    def __init__(self, photo: Pixels, painting: Pixels) -> None:
        luma = photo @ RGB_TO_LUMA
        away = luma - luma.mean()
        variance = max(1.0, float((away * away).mean()))
        self.answer = np.asarray((away[..., None] * painting).mean((0, 1)) / variance, np.float32)
        slopes = np.outer(self.answer, RGB_TO_LUMA) + KEPT_CHROMA * (np.eye(3) - RGB_TO_LUMA)
        begin = painting.mean((0, 1)) - slopes @ photo.mean((0, 1))
        self._extrapolation = np.column_stack([slopes, begin]).astype(np.float32)
        left = painting - self._extrapolated(photo)
        table = _summed(_cells(photo), left, BINS**3).reshape(BINS, BINS, BINS, 4)
        told = np.zeros((BINS, BINS, BINS, 3), np.float32)
        for reach in reversed(REACHES):
            spread = _spread(table, (reach,) * 3)
            certain = spread[..., 3:] / (spread[..., 3:] + LEAST_COUNT)
            told += certain * (spread[..., :3] / np.maximum(spread[..., 3:], 1e-6) - told)
        self._table = told.reshape(-1, 3)

    def __call__(self, photo: Pixels) -> NDArray[np.float32]:
        """float32 [H, W, 3], 0..255 and a little beyond."""
        return np.asarray(self._extrapolated(photo) + self._table[_cells(photo)], np.float32)

    def _extrapolated(self, photo: Pixels) -> NDArray[np.float32]:
        return np.asarray(cv2.transform(photo.astype(np.float32), self._extrapolation), np.float32)


class LocalPalette:
    """What the palette leaves over, by place and luma: a wall and a shirt of one colour are painted differently.

    A bilateral grid (Chen, Paris, Durand 2007), coarse in both. All three are small; `luma` is the photo's.
    """

    def __init__(self, palette: Palette, photo: Pixels, painting: Pixels, luma: NDArray[np.uint8]) -> None:
        left = painting.astype(np.float32) - palette(photo)
        self._height, self._width = (1 + side // CELL_PX for side in luma.shape)
        size = self._height * self._width * LEVELS
        table = _summed(self._cells(grid(luma.shape), luma), left, size)
        spread = _spread(table.reshape(self._height, self._width, LEVELS, 4), (1.5, 1.5, 0.7)).reshape(size, 4)
        self._table = spread[:, :3] / (spread[:, 3:] + LEAST_CELL_COUNT)

    def __call__(self, places: Field, luma: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 [h, w, 3] for a frame's luma [h, w] that lies at these places [h, w, 2] of the key frame."""
        left = self._table[self._cells(places, luma)]
        return np.asarray(cv2.GaussianBlur(left, (0, 0), CELL_PX / 4), np.float32)

    def _cells(self, places: Field, luma: NDArray[np.uint8]) -> NDArray[np.int32]:
        at = (places / CELL_PX).astype(np.int32)
        x, y = at[..., 0].clip(0, self._width - 1), at[..., 1].clip(0, self._height - 1)
        return np.asarray((y * self._width + x) * LEVELS + (luma >> LEVEL_BITS), np.int32)


def strokes(painting: Pixels, told: NDArray[np.float32], luma: Plane) -> NDArray[np.int16]:
    """What brushes add to the colours, [H, W, 3]: fine, and not where the photo has edges of its own."""
    left = painting.astype(np.float32) - told
    sigma = 0.015 * max(luma.shape)
    fine = left - cv2.GaussianBlur(left, (0, 0), sigma)
    across, down = (cv2.Sobel(luma, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    edges = cv2.GaussianBlur(cv2.magnitude(across, down), (0, 0), 0.25 * sigma)
    return np.rint(THINNER * fine / (1 + (edges / 8)[..., None] ** 2)).clip(-255, 255).astype(np.int16)


def _summed(cells: NDArray[np.int32], values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """[size, 4]: sums of the three values over each cell's pixels, and how many those are."""
    flat = cells.ravel()
    sums = [np.bincount(flat, values[..., c].ravel(), size) for c in range(3)]
    return np.stack([*sums, np.bincount(flat, minlength=size)], -1).astype(np.float32)


def _cells(photo: Pixels) -> NDArray[np.int32]:
    parts = (photo >> BIN_BITS).astype(np.int32)
    return np.asarray((parts[..., 0] * BINS + parts[..., 1]) * BINS + parts[..., 2], np.int32)


def _spread(table: NDArray[np.float32], reaches: tuple[float, ...]) -> NDArray[np.float32]:
    """A Gaussian along each of the three first axes of [A, B, C, 4]."""
    for reach in reaches:
        flat = cv2.GaussianBlur(
            table.reshape(len(table), -1),
            (1, 2 * round(3 * reach) + 1),
            0,
            sigmaY=reach,
            borderType=cv2.BORDER_CONSTANT,
        )
        table = np.ascontiguousarray(flat.reshape(table.shape).transpose(1, 2, 0, 3))
    return table
