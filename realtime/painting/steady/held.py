"""The planes of what is shown, as they are held from frame to frame.

A plane is held by itself and may have a size of its own: chroma has half the size of luma in films, and takes a quarter
of the time. Buffers are used again, since fresh memory costs more than arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame import Plane
from realtime.painting.motion import Field

Floats = NDArray[np.float32]
Shape = tuple[int, ...]
STROKE = (9, 9)  # within which strokes have contrast, in pixels
MOST_GAIN, NO_CONTRAST = 1.5, 0.1


class Buffers:
    """Arrays by name and shape that are used again for every frame."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Shape], Floats] = {}

    def __call__(self, name: str, shape: Shape) -> Floats:
        """With what was last written into it, float32."""
        if (name, shape) not in self._kept:
            self._kept[name, shape] = np.empty(shape, np.float32)
        return self._kept[name, shape]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a small plane of the shape `of`, in its pixels, and one more on every side."""

    left: int
    top: int
    across: int
    down: int
    of: Shape

    def at(self, shape: Shape) -> tuple[slice, slice]:
        """Of a plane of that shape, in its pixels."""
        y, x = shape[0] / self.of[0], shape[1] / self.of[1]
        rows = slice(int(y * max(0, self.top - 1)), round(y * (self.top + self.down + 1)))
        return rows, slice(int(x * max(0, self.left - 1)), round(x * (self.left + self.across + 1)))


class Held:
    """What was shown last of some planes, uint8 [h, w] each; in levels, and not rounded.

    What comes with them was measured on a frame made small: shares and how much moves, float32 [h, w] from 0 to 1, and
    motion, [h, w, 2] in its pixels.
    """

    def __init__(self, planes: Sequence[Plane], buffers: Buffers) -> None:
        self._planes = [plane.astype(np.float32) for plane in planes]
        self._buffers = buffers

    def fits(self, planes: Sequence[Plane]) -> bool:
        """Whether they are as many, and as large."""
        return [held.shape for held in self._planes] == [plane.shape for plane in planes]

    def mix(self, new: Sequence[Plane], share: Floats) -> None:
        """So much of the new planes, and the rest of what is held."""
        shares: dict[Shape, tuple[Floats, Floats]] = {}
        for held, plane in zip(self._planes, new, strict=True):
            if held.shape not in shares:
                of_new = self._enlarged(share, held.shape, "one")
                shares[held.shape] = of_new, np.subtract(1, of_new, out=self._buffers("two", held.shape))
            values = self._buffers("values", held.shape)
            np.copyto(values, plane)
            cv2.blendLinear(values, held, *shares[held.shape], dst=held)

    def carry(self, back: Field, box: Box) -> None:
        """Within the box, what lay where each place was."""
        places: dict[Shape, tuple[Floats, Floats]] = {}
        for held in self._planes:
            within = box.at(held.shape)
            if held.shape not in places:
                places[held.shape] = self._places(back, held.shape)
            columns, rows = (each[within] for each in places[held.shape])
            moved = self._buffers("values", held.shape)[: columns.shape[0], : columns.shape[1]]
            cv2.remap(held, columns, rows, cv2.INTER_LINEAR, dst=moved, borderMode=cv2.BORDER_REPLICATE)
            held[within] = moved

    def pixels(self) -> list[Plane]:
        """New planes, rounded."""
        return [np.asarray(cv2.convertScaleAbs(held), np.uint8) for held in self._planes]

    def as_rich(self, painted: Sequence[Plane], moving: Floats, box: Box) -> list[Plane]:
        """The same with as much contrast of strokes as the painting has, where the picture moves.

        The first plane tells how much that is. Those that are smaller, as chroma is, do without: strokes are light.
        """
        shown, shape = self.pixels(), painted[0].shape
        within = box.at(shape)
        gain = _contrast(painted[0][within]) / (_contrast(self._planes[0][within]) + NO_CONTRAST)
        if gain <= 1:
            return shown
        more = self._enlarged((min(gain, MOST_GAIN) - 1) * moving, shape, "one")[within]
        for held, plane in zip(self._planes, shown, strict=True):
            if held.shape == shape:
                rich = self._buffers("values", shape)[: more.shape[0], : more.shape[1]]
                soft = cv2.blur(plane[within], STROKE)  # in bytes, which takes a third of the time
                np.multiply(np.subtract(soft, held[within], out=rich), more, out=rich)
                cv2.subtract(held[within], rich, dst=plane[within], dtype=cv2.CV_8U)
        return shown

    def _places(self, back: Field, shape: Shape) -> tuple[Floats, Floats]:
        """The x and the y that each place of a plane of that shape comes from."""
        (height, width), (rows, columns) = shape, back.shape[:2]
        x = self._enlarged(back[..., 0] * np.float32(width / columns), shape, "one")
        y = self._enlarged(back[..., 1] * np.float32(height / rows), shape, "two")
        x += np.arange(width, dtype=np.float32)
        y += np.arange(height, dtype=np.float32)[:, None]
        return x, y

    def _enlarged(self, plane: Floats, shape: Shape, name: str) -> Floats:
        whole = self._buffers(name, shape)
        cv2.resize(plane, shape[::-1], dst=whole, interpolation=cv2.INTER_LINEAR)
        return whole


def _contrast(plane: NDArray[Any]) -> float:
    """The mean difference of neighbours three pixels apart, in levels; a sixteenth of them tells it."""
    rows = plane[::4, ::4].astype(np.float32), plane[::4, 3::4].astype(np.float32)
    width = min(each.shape[1] for each in rows)
    return float(np.abs(rows[0][:, :width] - rows[1][:, :width]).mean()) if width else 0.0
