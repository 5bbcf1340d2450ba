"""Full-size pictures joined with the painting of their small copy: as planes, or in RGB."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engines.spec import Controls
from realtime.frames.frame import RGB_TO_LUMA, Frame, Matrix, Pixels, Plane, Planes
from realtime.media.colour.rgb import BT601, from_rgb_matrix, to_rgb_matrix
from realtime.media.colour.small_copy import small_copy
from realtime.painting.full_size.guided_join import Floats, Guide, Scratch, enlarged

I420 = to_rgb_matrix(BT601, full=False), from_rgb_matrix(BT601, full=False)  # OpenCV's


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
        copy, painting = (_codes(rgb, full.from_rgb) for rgb in (small, painted))
        luma = self._luma(full, copy[0], painting[0])
        share = controls.strength * (1 - controls.keep_colour)
        chroma = full.chroma if share == 0 else self._chroma(full, copy[0], painting[1:], share)
        return Planes(_mixed(full.luma, luma, controls.strength), chroma, full.to_rgb, full.from_rgb)

    def _luma(self, full: Planes, copy: Plane, painting: Plane) -> Plane:
        guide = Guide(copy.astype(np.float32), self._scratch)
        if full.luma.shape == painting.shape:
            return guide.at_its_size(painting.astype(np.float32))
        return enlarged(guide.coefficients(painting.astype(np.float32), own_detail=True), full.luma, self._scratch)

    def _chroma(self, full: Planes, copy: Plane, paintings: Sequence[Plane], share: float) -> tuple[Plane, Plane]:
        """Of half the painting's size, as chroma is in films."""
        size = (copy.shape[1] + 1) // 2, (copy.shape[0] + 1) // 2
        guide = Guide(small_copy(copy, size).astype(np.float32), self._scratch)
        halves = (small_copy(painting, size).astype(np.float32) for painting in paintings)
        height, width = full.chroma[0].shape
        if (width, height) == size:
            channels = [guide.at_its_size(half) for half in halves]
        else:
            luma = small_copy(full.luma, (width, height))
            channels = [enlarged(guide.coefficients(half), luma, self._scratch) for half in halves]
        blue, red = (_mixed(was, now, share) for was, now in zip(full.chroma, channels, strict=True))
        return blue, red

    def moving(self, full: Pixels, small: Pixels, painted: Pixels, controls: Controls) -> Pixels:
        """As `rgb` does; a new array. A picture larger than its painting takes a third of the time.

        Its chroma is of half the size then, as films have it: this is for pictures that are soon followed by others.
        One with an odd side goes the long way.
        """
        height, width = full.shape[:2]
        if full.shape == painted.shape or height % 2 or width % 2:
            return self.rgb(full, small, painted, controls)
        if controls.strength == 0:
            return full.copy()
        joined = self.planes(_as_planes(full), small, painted, controls)
        codes = np.concatenate([joined.luma.ravel(), *(plane.ravel() for plane in joined.chroma)])
        return np.asarray(cv2.cvtColor(codes.reshape(-1, width), cv2.COLOR_YUV2RGB_I420), np.uint8)

    def rgb(self, full: Pixels, small: Pixels, painted: Pixels, controls: Controls) -> Pixels:
        """The painted picture, uint8 [H, W, 3], a new array."""
        if controls.strength == 0:
            return full.copy()
        guide = Guide(_luma_of(small), self._scratch)
        paintings = (painted[..., number].astype(np.float32) for number in range(3))
        if full.shape == painted.shape:
            channels = [guide.at_its_size(painting) for painting in paintings]
        else:
            luma = np.asarray(cv2.cvtColor(full, cv2.COLOR_RGB2GRAY), np.uint8)
            more = guide.lost_detail(_luma_of(painted))
            channels = [enlarged(guide.coefficients(each, more), luma, self._scratch) for each in paintings]
        whole = np.asarray(cv2.merge(channels), np.uint8)
        if controls.keep_colour > 0:
            whole = _with_colours_of(full, whole, controls.keep_colour)
        return _mixed(full, whole, controls.strength)


def _as_planes(rgb: Pixels) -> Planes:
    """A picture of even sides as OpenCV has it in planes: BT.601 in limited range."""
    height, width = rgb.shape[:2]
    codes = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8).ravel()
    luma, *chroma = np.split(codes, [height * width, height * width * 5 // 4])
    blue, red = (plane.reshape(height // 2, width // 2) for plane in chroma)
    return Planes(luma.reshape(height, width), (blue, red), *I420)


def _codes(rgb: Pixels, from_rgb: Matrix) -> tuple[Plane, ...]:
    """Y', Cb and Cr of the picture's own size."""
    return tuple(np.asarray(plane, np.uint8) for plane in cv2.split(cv2.transform(rgb, from_rgb)))


def _luma_of(rgb: Pixels) -> Floats:
    """float32 [h, w] in codes 0..255."""
    return np.asarray(cv2.transform(rgb.astype(np.float32), RGB_TO_LUMA[None]), np.float32)


def _mixed(was: "np.ndarray", now: "np.ndarray", share: float) -> Pixels:
    return now if share == 1 else np.asarray(cv2.addWeighted(was, 1 - share, now, share, 0), np.uint8)


def _with_colours_of(full: Pixels, painted: Pixels, share: float) -> Pixels:
    """The painting's luma with the picture's chroma, as far as `share` says."""
    ours, its = (cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb) for each in (painted, full))
    mixed = cv2.addWeighted(ours, 1 - share, its, share, 0)
    mixed[..., 0] = ours[..., 0]
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A frame, the copy of it that the net was given, what came out, and the controls that hold for the whole."""

    frame: Frame
    small: Pixels
    pixels: Pixels
    controls: Controls
