"""A painting of a small copy, brought to the size of the picture it was painted from and joined with its edges.

Enlarging alone shows the net's own pixels: halos beside edges, the comb of its last layer. So the painting is told
apart in what goes with the picture and what does not. What goes with it is a fast guided filter (He and Sun,
arXiv 1505.00996): near each place the painting is a·Y + b, where Y is the picture's luma, with a and b found on the
small copy (He et al., Guided Image Filtering, equations 5 and 6) and applied to the full picture, whose edges the
painting gets so. The rest is brushwork where the picture is flat, and halo where it is not: it is added without its
comb, as far as the picture is flat.

Both a and b are enlarged as 16-bit integers, which take half the time of floats. Buffers are kept for each thread,
since fresh memory costs more than the arithmetic.
"""

import threading
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.networks.join.figures import (
    COMB_STOP,
    DETAIL,
    EDGE_VARIANCE,
    FLAT_VARIANCE,
    FOLLOWS,
    MOST_SLOPE,
    WINDOW_PX,
)
from realtime.frames.frame import Plane

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int16]
Kind = TypeVar("Kind", bound=np.generic)

WINDOW = (WINDOW_PX, WINDOW_PX)
SLOPE_BITS, FRACTION_BITS = 7, 3  # of a, and of b and the sum
ROUNDING = 0.5 + (1 << FRACTION_BITS) / 2  # what two shifts to the right take off in the mean
WINDOW_OF_ONES = np.ones(WINDOW, np.uint8)
MOST_KEPT = 32  # a frame in planes needs nearly as many


class Scratch(threading.local):
    """Arrays of each thread's own that are used again for every frame.

    They are kept for the sizes last asked for: pictures in a folder may have as many sizes as there are pictures.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[int, ...]], NDArray[Any]] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: type[Kind]) -> NDArray[Kind]:
        """The array of that name, with what was last written into it."""
        key = name, shape
        if key not in self._kept:
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = np.empty(shape, dtype)
        return self._kept[key]


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """The slope a and the offset b of one channel, int16 [h, w] as fixed-point numbers; until the next channel's."""

    slope: Integers
    offset: Integers


class Guide:
    """The luma of a small copy, float32 [h, w] in codes 0..255: the guide of the filter."""

    def __init__(self, luma: Floats, scratch: Scratch) -> None:
        self._luma, self._scratch = luma, scratch
        self._mean = _mean(luma, self._floats("mean"))
        variance = _mean(np.multiply(luma, luma, out=self._floats("square")), self._floats("variance"))
        square = np.multiply(self._mean, self._mean, out=self._floats("square"))
        np.maximum(np.subtract(variance, square, out=variance), 0, out=variance)
        flat = np.divide(FLAT_VARIANCE, np.add(variance, FLAT_VARIANCE, out=square), out=square)
        eroded = np.asarray(cv2.erode(flat, WINDOW_OF_ONES), np.float32)
        self._kept = _mean(eroded, self._floats("kept"))
        self._weight = np.reciprocal(np.add(variance, EDGE_VARIANCE, out=variance), out=variance)

    def lost_detail(self, luma: Floats) -> Floats:
        """How much more slope it takes for the picture's detail to stay; `luma` is that of the painting.

        A mouth of two pixels is gone from the copy or under a stroke. It is there in the picture, and comes back where
        the painting's light follows the picture's; flat ground stays paint.
        """
        return self._lost_at(self._guided(luma)[0])

    def coefficients(self, painting: Floats, more: Floats | None = None, *, own_detail: bool = False) -> Coefficients:
        """What makes a channel of the painting, float32 [h, w] in codes 0..255, of the luma.

        With `more` slope, or, where the painting is luma, with what its `own_detail` lacks.
        """
        slope, whole = self._whole(painting)
        more = self._lost_at(slope) if own_detail else more
        if more is not None:
            np.clip(np.add(slope, more, out=slope), -MOST_SLOPE, MOST_SLOPE, out=slope)
        steps = np.rint(np.multiply(slope, 1 << SLOPE_BITS, out=slope), out=slope)
        explained = np.multiply(steps, self._luma, out=self._floats("one"))  # with the slope as it was rounded
        rest = np.subtract(np.multiply(whole, 1 << SLOPE_BITS, out=whole), explained, out=whole)
        rest = np.add(np.divide(rest, 1 << SLOPE_BITS - FRACTION_BITS, out=rest), ROUNDING, out=rest)
        return Coefficients(self._whole_numbers("slope", steps), self._whole_numbers("offset", np.rint(rest, out=rest)))

    def at_its_size(self, painting: Floats) -> Plane:
        """The channel where the picture is no larger than the copy, uint8 [h, w]: all that is left is halo and comb."""
        _, whole = self._whole(painting)
        return np.clip(np.rint(whole, out=whole), 0, 255, out=whole).astype(np.uint8)

    def _whole(self, painting: Floats) -> tuple[Floats, Floats]:
        """a, and the painting without halo and comb."""
        slope, offset = self._guided(painting)
        whole = np.add(np.multiply(slope, self._luma, out=self._floats("whole")), offset, out=self._floats("whole"))
        brushwork = np.subtract(painting, whole, out=self._floats("one"))
        brushwork = cv2.sepFilter2D(brushwork, -1, COMB_STOP, COMB_STOP, dst=self._floats("two"))
        return slope, np.add(whole, np.multiply(brushwork, self._kept, out=brushwork), out=whole)

    def _lost_at(self, slope: Floats) -> Floats:
        more = np.subtract(1, self._kept, out=self._floats("detail"))
        np.multiply(DETAIL, more, out=more)
        np.maximum(np.subtract(more, slope, out=more), 0, out=more)
        follows = np.clip(np.divide(slope, FOLLOWS, out=self._floats("one")), 0, 1, out=self._floats("one"))
        return np.multiply(more, follows, out=more)

    def _guided(self, painting: Floats) -> tuple[Floats, Floats]:
        """a and b, averaged over the windows that a place is in."""
        means = _mean(painting, self._floats("means"))
        product = np.multiply(painting, self._luma, out=self._floats("one"))
        slope = _mean(product, self._floats("two"))
        np.subtract(slope, np.multiply(means, self._mean, out=product), out=slope)
        np.clip(np.multiply(slope, self._weight, out=slope), -MOST_SLOPE, MOST_SLOPE, out=slope)
        offset = np.subtract(means, np.multiply(slope, self._mean, out=product), out=means)
        return _mean(slope, self._floats("averaged slope")), _mean(offset, self._floats("averaged offset"))

    def _floats(self, name: str) -> Floats:
        return self._scratch(name, self._luma.shape, np.float32)

    def _whole_numbers(self, name: str, values: Floats) -> Integers:
        integers = self._scratch(f"{name} in integers", values.shape, np.int16)
        np.copyto(integers, values, casting="unsafe")
        return integers


def enlarged(channel: Coefficients, luma: Plane, scratch: Scratch) -> Plane:
    """The channel at the size of `luma`, uint8 [H, W], a new array."""
    painted, offset = (scratch(name, luma.shape, np.int16) for name in ("enlarged slope", "enlarged offset"))
    size = luma.shape[::-1]
    cv2.resize(channel.slope, size, dst=painted, interpolation=cv2.INTER_LINEAR)
    cv2.resize(channel.offset, size, dst=offset, interpolation=cv2.INTER_CUBIC)
    np.multiply(painted, luma, out=painted, dtype=np.int16)
    np.right_shift(painted, SLOPE_BITS - FRACTION_BITS, out=painted)
    np.add(painted, offset, out=painted)
    np.right_shift(painted, FRACTION_BITS, out=painted)
    np.clip(painted, 0, 255, out=painted)
    return painted.astype(np.uint8)


def _mean(plane: Floats, into: Floats) -> Floats:
    """Over the window, written into another array."""
    return cast("Floats", cv2.blur(plane, WINDOW, dst=into))
