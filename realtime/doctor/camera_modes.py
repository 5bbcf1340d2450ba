"""Which pictures a camera offers, as its driver lists them; listing does not start it, and its light stays off.

The numbers and structures are those of the kernel's linux/videodev2.h.
"""

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ENUM_FORMATS = 0xC0405602  # VIDIOC_ENUM_FMT
ENUM_SIZES = 0xC02C564A  # VIDIOC_ENUM_FRAMESIZES
ENUM_INTERVALS = 0xC034564B  # VIDIOC_ENUM_FRAMEINTERVALS
FORMAT = struct.Struct("3I32s5I")  # struct v4l2_fmtdesc
SIZE = struct.Struct("3I6I2I")  # struct v4l2_frmsizeenum
INTERVAL = struct.Struct("5I6I2I")  # struct v4l2_frmivalenum
CAPTURE, DISCRETE = 1, 1
BIG_ENDIAN = 1 << 31
MOST_ITEMS = 256  # a driver that never says "that was all" must not hold us

Ask = Callable[[int, bytes], bytes]


@dataclass(frozen=True, slots=True)
class OfferedMode:
    """A coding (four letters), a size (width, height) and the highest rate for it; None where the driver tells none."""

    coding: str
    size: tuple[int, int]
    fps: float | None

    def __str__(self) -> str:
        rate = "" if self.fps is None else f" at {self.fps:.4g} fps"
        return f"{self.size[0]}x{self.size[1]}{rate} {self.coding}"


def modes_of(path: Path) -> list[OfferedMode]:
    """What the device offers, largest first; of a range of sizes its largest. OSError where it cannot be opened."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        modes = set(list_modes(lambda request, question: _ioctl(device, request, question)))
    finally:
        os.close(device)
    return sorted(modes, key=lambda mode: (-mode.size[0] * mode.size[1], -(mode.fps or 0), mode.coding))


def list_modes(ask: Ask) -> Iterator[OfferedMode]:
    """The modes behind `ask`, which answers a request of the kernel's with the filled structure, OSError at the end."""
    for number in range(MOST_ITEMS):
        try:
            *_, code, _, _, _, _ = FORMAT.unpack(ask(ENUM_FORMATS, FORMAT.pack(number, CAPTURE, *[0], b"", *[0] * 5)))
        except OSError:
            return
        for size in _sizes(ask, code):
            yield OfferedMode(_letters(code), size, _highest_rate(ask, code, size))


def _letters(code: int) -> str:
    """The four letters as the kernel writes them: the highest bit tells that the bytes come in the other order."""
    letters = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
    return f"{letters}-BE" if code & BIG_ENDIAN else letters


def _sizes(ask: Ask, code: int) -> Iterator[tuple[int, int]]:
    for number in range(MOST_ITEMS):
        try:
            _, _, kind, *values = SIZE.unpack(ask(ENUM_SIZES, SIZE.pack(number, code, 0, *[0] * 8)))
        except OSError:
            return
        if kind != DISCRETE:  # least width, most width, step, then the same of the height
            yield values[1], values[4]
            return
        yield values[0], values[1]


def _highest_rate(ask: Ask, code: int, size: tuple[int, int]) -> float | None:
    """From the shortest time between two pictures, a fraction of a second."""
    rates = []
    for number in range(MOST_ITEMS):
        try:
            answer = INTERVAL.unpack(ask(ENUM_INTERVALS, INTERVAL.pack(number, code, *size, 0, *[0] * 8)))
        except OSError:
            break
        kind, (numerator, denominator) = answer[4], answer[5:7]
        if numerator:
            rates.append(denominator / numerator)
        if kind != DISCRETE:
            break
    return max(rates, default=None)


def _ioctl(device: int, request: int, question: bytes) -> bytes:
    answer = bytearray(question)
    fcntl.ioctl(device, request, answer)
    return bytes(answer)
