"""Animated pictures for tests."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIZE = (64, 48)
SHOWN_MS = (100, 500, 40, 40, 1000)
BEGINS_MS = [0, 100, 600, 640, 680]


def write_animation(path: Path, shown_ms: Sequence[int] = SHOWN_MS) -> Path:
    """Flat pictures of `grey_of` their number, in the format of the suffix: GIF, PNG, APNG or WebP."""
    width, height = SIZE
    frames = [
        Image.fromarray(np.full((height, width, 3), grey_of(number), np.uint8)) for number in range(len(shown_ms))
    ]
    kind = {".apng": "PNG"}.get(path.suffix)
    more = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(
        path, kind, save_all=True, append_images=frames[1:], duration=[*shown_ms], loop=0, disposal=0, **more
    )
    return path


def grey_of(number: int) -> int:
    return 20 + 45 * number


@dataclass(frozen=True)
class Part:
    """Pixels, (H, W, 3 or 4) uint8 BGR or BGRA, at (left, top), which are even."""

    pixels: np.ndarray
    left: int = 0
    top: int = 0
    shown_ms: int = 100
    disposed: bool = False
    blended: bool = True
    lossless: bool = True


def webp_of(size: tuple[int, int], parts: Sequence[Part]) -> bytes:
    """The file by hand, by RFC 9649."""
    canvas = b"".join((side - 1).to_bytes(3, "little") for side in size)
    body = chunk(b"VP8X", struct.pack("<I", 0x12) + canvas) + chunk(b"ANIM", bytes(6))
    body += b"".join(chunk(b"ANMF", _frame(part)) for part in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _frame(part: Part) -> bytes:
    height, width = part.pixels.shape[:2]
    numbers = (part.left // 2, part.top // 2, width - 1, height - 1, part.shown_ms)
    head = b"".join(number.to_bytes(3, "little") for number in numbers)
    quality = 101 if part.lossless else 95  # above 100: lossless
    done, encoded = cv2.imencode(".webp", part.pixels, [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert done
    coded = bytes(encoded)
    assert coded[12:16] == (b"VP8L" if part.lossless else b"VP8X")
    coded = coded[12:] if part.lossless else coded[30:]  # without the head of a file with ALPH and VP8
    return head + bytes([part.disposed + 2 * (not part.blended)]) + coded
