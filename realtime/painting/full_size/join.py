"""Full-size pictures joined with the painting of their small copy: as planes, or in RGB."""

import cv2
import numpy as np

from engines.spec import Controls
from realtime.frames.frame import Pixels
from realtime.frames.planes import Plane, Planes
from realtime.media.colour.small_copy import small_copy
from realtime.painting.full_size.guided_join import Floats, Guide, Scratch, enlarged

RGB_TO_LUMA = np.array([[0.299, 0.587, 0.114]])  # ITU-R BT.601, as OpenCV's grey


class Join:
    """Paints full-size pictures by what was painted of small copies.

    `small` is the copy and `painted` what the net made of it at full strength with the style's colours, both uint8
    [h, w, 3] RGB; `controls` says how much of that is taken, and how far the picture keeps its colours. At strength 0
    the picture comes back as it was. Any number of threads may join at once.
    """

    def __init__(self) -> None:
        self._scratch = Scratch()

    def planes(self, full: Planes, small: Pixels, painted: Pixels, controls: Controls) -> Planes:
        """The painted planes, of the shapes that `full` has."""
        if controls.strength == 0:
            return full
        guide = Guide(_row(small, full.from_rgb[0]), self._scratch)
        painting = _row(painted, full.from_rgb[0])
        if full.luma.shape == painting.shape:
            luma = guide.at_its_size(painting)
        else:
            luma = enlarged(guide.coefficients(painting, own_detail=True), full.luma, self._scratch)
        share = controls.strength * (1 - controls.keep_colour)
        chroma = full.chroma if share == 0 else self._chroma(full, small, painted, share)
        return Planes(_mixed(full.luma, luma, controls.strength), chroma, full.to_rgb, full.from_rgb)

    def _chroma(self, full: Planes, small: Pixels, painted: Pixels, share: float) -> tuple[Plane, Plane]:
        """Of half the painting's size, as chroma is in films."""
        size = (small.shape[1] + 1) // 2, (small.shape[0] + 1) // 2
        small, painted = small_copy(small, size), small_copy(painted, size)
        guide = Guide(_row(small, full.from_rgb[0]), self._scratch)
        paintings = (_row(painted, row) for row in full.from_rgb[1:])
        height, width = full.chroma[0].shape
        if (width, height) == size:
            channels = [guide.at_its_size(painting) for painting in paintings]
        else:
            luma = small_copy(full.luma, (width, height))
            channels = [enlarged(guide.coefficients(painting), luma, self._scratch) for painting in paintings]
        blue, red = (_mixed(was, now, share) for was, now in zip(full.chroma, channels, strict=True))
        return blue, red

    def rgb(self, full: Pixels, small: Pixels, painted: Pixels, controls: Controls) -> Pixels:
        """The painted picture, uint8 [H, W, 3], a new array."""
        if controls.strength == 0:
            return full.copy()
        guide = Guide(_row(small, RGB_TO_LUMA), self._scratch)
        paintings = (painted[..., number].astype(np.float32) for number in range(3))
        if full.shape == painted.shape:
            channels = [guide.at_its_size(painting) for painting in paintings]
        else:
            luma = np.asarray(cv2.cvtColor(full, cv2.COLOR_RGB2GRAY), np.uint8)
            more = guide.lost_detail(_row(painted, RGB_TO_LUMA))
            channels = [enlarged(guide.coefficients(each, more), luma, self._scratch) for each in paintings]
        whole = np.asarray(cv2.merge(channels), np.uint8)
        if controls.keep_colour > 0:
            whole = _with_colours_of(full, whole, controls.keep_colour)
        return _mixed(full, whole, controls.strength)


def _row(rgb: Pixels, weights: "np.ndarray") -> Floats:
    """One row of a matrix 3×3 or 3×4 applied to RGB: float32 [h, w]."""
    return np.asarray(cv2.transform(rgb.astype(np.float32), weights.reshape(1, -1)), np.float32)


def _mixed(was: "np.ndarray", now: "np.ndarray", share: float) -> Pixels:
    return now if share == 1 else np.asarray(cv2.addWeighted(was, 1 - share, now, share, 0), np.uint8)


def _with_colours_of(full: Pixels, painted: Pixels, share: float) -> Pixels:
    """The painting's luma with the picture's chroma, as far as `share` says."""
    ours, its = (cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb) for each in (painted, full))
    mixed = cv2.addWeighted(ours, 1 - share, its, share, 0)
    mixed[..., 0] = ours[..., 0]
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB), np.uint8)
