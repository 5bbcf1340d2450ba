"""Which size, frame rate and coding a camera is asked for, and what it grants."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import cv2

MOTION_JPEG = "MJPG"
MOTION_JPEGS = (MOTION_JPEG, "JPEG")
BUFFERS = 2  # one is filled while the other is read: with one alone some cameras give every second picture only
RATE_TOLERANCE = 0.5
NTSC_DENOMINATOR = 1001  # 30000/1001 and its like


class Adjustable(Protocol):
    """The part of cv2.VideoCapture that is turned and read."""

    def get(self, propId: int, /) -> float: ...  # noqa: N803

    def set(self, propId: int, value: float, /) -> bool: ...  # noqa: N803


@dataclass(frozen=True, slots=True)
class CameraMode:
    """What a camera delivers: `size` (width, height), frames a second (None unknown), and the coding's four letters."""

    size: tuple[int, int]
    frame_rate: Fraction | None
    fourcc: str

    @property
    def compressed(self) -> bool:
        return self.fourcc in MOTION_JPEGS

    def reaches(self, size: tuple[int, int], rate: Fraction) -> bool:
        return self.size == size and (self.frame_rate is None or self.frame_rate >= rate - RATE_TOLERANCE)

    def distance(self, size: tuple[int, int], rate: Fraction) -> tuple[float, float]:
        """How far it is from what was asked; the size counts first."""
        pixels = abs(self.size[0] * self.size[1] - size[0] * size[1])
        slower = Fraction(0) if self.frame_rate is None else rate - self.frame_rate
        return pixels, max(0.0, float(slower))

    def __str__(self) -> str:
        return f"{written(self.size, self.frame_rate)}{', ' * bool(self.fourcc)}{self.fourcc}"


def written(size: tuple[int, int], rate: Fraction | None) -> str:
    """A size and a rate as people read them."""
    text = f"{size[0]}x{size[1]}"
    return text if rate is None else f"{text} at {float(rate):.4g} fps"


def negotiate(capture: Adjustable, size: tuple[int, int], rate: Fraction) -> CameraMode:
    """Set the camera to the mode nearest to what is asked.

    Raw pictures are the better ones, but a USB 2 cable carries few of them a second: where they come smaller or more
    slowly than asked, Motion JPEG is tried, and taken if it comes nearer.
    """
    capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)
    first = _ask(capture, size, rate)
    if first.reaches(size, rate) or first.compressed or not first.fourcc:
        return first
    squeezed = _ask(capture, size, rate, MOTION_JPEG)
    if squeezed.compressed and squeezed.distance(size, rate) < first.distance(size, rate):
        return squeezed
    return _ask(capture, size, rate, first.fourcc)


def _ask(capture: Adjustable, size: tuple[int, int], rate: Fraction, fourcc: str = "") -> CameraMode:
    if fourcc:
        capture.set(cv2.CAP_PROP_FOURCC, int.from_bytes(fourcc.encode(), "little"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_FPS, float(rate))
    return _granted(capture)


def _granted(capture: Adjustable) -> CameraMode:
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    rate = capture.get(cv2.CAP_PROP_FPS)
    known = math.isfinite(rate) and rate > 0
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ") if 0 < code < 1 << 32 else ""
    return CameraMode(
        size,
        Fraction(rate).limit_denominator(NTSC_DENOMINATOR) if known else None,
        letters if letters.isprintable() else "",
    )
