"""Full-size pictures joined with the painting of their small copy: as planes, or in RGB."""

from dataclasses import dataclass

import cv2
import numpy as np

from engines.networks.join.figures import SOFT_COLOURS
from engines.spec import Controls
from realtime.frames.frame import RGB_TO_LUMA, Frame, Matrix, Pixels, Plane, Planes
from realtime.media.colour.rgb import BT601, from_rgb_matrix, to_rgb_matrix
from realtime.media.colour.small_copy import small_copy
from realtime.painting.full_size.coded import Coded, coded
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
        return self.planes_of(full, coded(small, painted, full.from_rgb), controls)

    def planes_of(self, full: Planes, painting: Coded, controls: Controls) -> Planes:
        """As `planes` does, of a painting that is in the codes of `full` already."""
        if controls.strength == 0:
            return full
        luma = self._luma(full, painting)
        share = controls.strength * (1 - controls.keep_colour)
        chroma = full.chroma if share == 0 else self._chroma(full, painting, share)
        return Planes(_mixed(full.luma, luma, controls.strength), chroma, full.to_rgb, full.from_rgb)

    def _luma(self, full: Planes, painting: Coded) -> Plane:
        guide, luma = Guide(painting.guide.astype(np.float32), self._scratch), painting.luma.astype(np.float32)
        if full.luma.shape == luma.shape:
            return guide.at_its_size(luma)
        return enlarged(guide.coefficients(luma, own_detail=True), full.luma, self._scratch)

    def _chroma(self, full: Planes, painting: Coded, share: float) -> tuple[Plane, Plane]:
        halves = [plane.astype(np.float32) for plane in painting.chroma]
        size = halves[0].shape[::-1]
        guide = Guide(small_copy(painting.guide, size).astype(np.float32), self._scratch)
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
        from_rgb = codes_of_moving(_size(full), _size(painted))
        if from_rgb is None:
            return self.rgb(full, small, painted, controls)
        if controls.strength == 0:
            return full.copy()
        return self.moving_of(full, coded(small, painted, from_rgb), controls)

    def moving_of(self, full: Pixels, painting: Coded, controls: Controls) -> Pixels:
        """The same of a painting in codes by `codes_of_moving`."""
        if controls.strength == 0:
            return full.copy()
        joined = self.planes_of(_as_planes(full), painting, controls)
        codes = np.concatenate([joined.luma.ravel(), *(plane.ravel() for plane in joined.chroma)])
        return np.asarray(cv2.cvtColor(codes.reshape(-1, full.shape[1]), cv2.COLOR_YUV2RGB_I420), np.uint8)

    def rgb(self, full: Pixels, small: Pixels, painted: Pixels, controls: Controls) -> Pixels:
        """The painted picture, uint8 [H, W, 3], a new array."""
        if controls.strength == 0:
            return full.copy()
        guide, painted = Guide(_luma_of(small), self._scratch), _with_soft_colours(painted)
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


def codes_of_moving(size: tuple[int, int], painting_size: tuple[int, int]) -> Matrix | None:
    """From RGB to the codes in which `Join.moving` joins pictures of `size` (width, height); None where it has none."""
    width, height = size
    return None if size == painting_size or width % 2 or height % 2 else I420[1]


def _size(rgb: Pixels) -> tuple[int, int]:
    """Width and height."""
    return rgb.shape[1], rgb.shape[0]


def _as_planes(rgb: Pixels) -> Planes:
    """A picture of even sides as OpenCV has it in planes: BT.601 in limited range."""
    height, width = rgb.shape[:2]
    codes = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8).ravel()
    luma, *chroma = np.split(codes, [height * width, height * width * 5 // 4])
    blue, red = (plane.reshape(height // 2, width // 2) for plane in chroma)
    return Planes(luma.reshape(height, width), (blue, red), *I420)


def _luma_of(rgb: Pixels) -> Floats:
    """float32 [h, w] in codes 0..255."""
    return np.asarray(cv2.transform(rgb.astype(np.float32), RGB_TO_LUMA[None]), np.float32)


def _mixed(was: "np.ndarray", now: "np.ndarray", share: float) -> Pixels:
    return now if share == 1 else np.asarray(cv2.addWeighted(was, 1 - share, now, share, 0), np.uint8)


def _with_soft_colours(painted: Pixels) -> Pixels:
    """The painting's luma with its colours as films have them (SOFT_COLOURS)."""
    codes = np.asarray(cv2.cvtColor(painted, cv2.COLOR_RGB2YCrCb), np.uint8)
    soft = cv2.sepFilter2D(codes, -1, SOFT_COLOURS, SOFT_COLOURS)
    soft[..., 0] = codes[..., 0]
    return np.asarray(cv2.cvtColor(soft, cv2.COLOR_YCrCb2RGB), np.uint8)


def _with_colours_of(full: Pixels, painted: Pixels, share: float) -> Pixels:
    """The painting's luma with the picture's chroma, as far as `share` says."""
    ours, its = (cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb) for each in (painted, full))
    mixed = cv2.addWeighted(ours, 1 - share, its, share, 0)
    mixed[..., 0] = ours[..., 0]
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A frame, the copy of it that was painted, what came out of the net, and the controls that hold for the whole.

    Where a painting that is to be joined with planes was held still, `coded` is that, and joined in place of the two.
    """

    frame: Frame
    small: Pixels
    pixels: Pixels
    controls: Controls
    coded: Coded | None = None
