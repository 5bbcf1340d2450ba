"""Animated pictures: how many a picture file holds, and the frames of a WebP file, each as a WebP file of its own.

GIF, PNG and WebP may be animations; nothing is decoded to count their pictures. FFmpeg does not decode WebP's, and
OpenCV decodes all their frames into memory at once. So the container is read here (RFC 9649, section 2.7), and what is
shown is made of frame after frame.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from realtime.frames.frame import Pixels
from realtime.media.colour.paper import PAPER, laid_over
from realtime.media.png_chunks import PNG_SIGNATURE, chunks_before_pixels

HAS_ANIMATION, HAS_ALPHA = 0x02, 0x10  # in VP8X
DISPOSE, NO_BLENDING = 0x01, 0x02  # in ANMF
HEAD_BYTES, FRAME_HEAD_BYTES = 30, 16  # of the file, and of an ANMF chunk
# Browsers show what lasts no longer than 10 ms for 100, for many files say 0 and mean no time in particular.
LEAST_MS, UNTOLD_MS = 11, 100
GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
GIF_EXTENSION, GIF_IMAGE = 0x21, 0x2C
GIF_IMAGE_BYTES = 10  # with the byte that tells the block from others


@dataclass(frozen=True, slots=True)
class WebpFrame:
    """A rectangle of the canvas (left, top, width, height in pixels), how long it is shown, and its coded picture."""

    place: tuple[int, int, int, int]
    milliseconds: int
    disposed: bool
    blended: bool
    chunks: bytes

    def decode(self) -> np.ndarray:
        """(H, W, 3 or 4) uint8, BGR or BGRA; ValueError where it is damaged."""
        pixels = cv2.imdecode(np.frombuffer(self._file(), np.uint8), cv2.IMREAD_UNCHANGED)
        _, _, width, height = self.place
        if pixels is None or pixels.shape[:2] != (height, width):
            raise ValueError("a frame of the animation does not decode")
        return pixels

    def _file(self) -> bytes:
        body = b"WEBP" + self.chunks
        if self.chunks.startswith(b"ALPH"):  # only an extended file may have its transparency apart
            _, _, width, height = self.place
            size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            body = b"WEBPVP8X" + struct.pack("<II", 10, HAS_ALPHA) + size + self.chunks
        return b"RIFF" + struct.pack("<I", len(body)) + body


@dataclass(frozen=True, slots=True)
class WebpAnimation:
    """`size` is (width, height). `cut` tells that the file ends before its end."""

    size: tuple[int, int]
    transparent: bool
    frames: tuple[WebpFrame, ...]
    cut: bool


class WebpCanvas:
    """What an animation shows, frame after frame."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._pixels = np.full((size[1], size[0], 3), PAPER, np.uint8)
        self._to_clear: tuple[slice, slice] | None = None

    def show(self, frame: WebpFrame) -> Pixels:
        """(H, W, 3) uint8 RGB, a copy; ValueError, and the canvas as it was, where the frame is damaged."""
        pixels = frame.decode()
        left, top, width, height = frame.place
        rows, columns = self._pixels.shape[:2]
        if left + width > columns or top + height > rows:
            raise ValueError("a frame of the animation lies outside of it")
        if self._to_clear is not None:
            self._pixels[self._to_clear] = PAPER
        part = (slice(top, top + height), slice(left, left + width))
        self._pixels[part] = _over(self._pixels[part] if frame.blended else PAPER, pixels)
        self._to_clear = part if frame.disposed else None
        return self.shown()

    def shown(self) -> Pixels:
        """What the canvas shows now, a copy."""
        return self._pixels.copy()


def says_animation(head: bytes) -> bool:
    """Whether the first HEAD_BYTES of a file are those of an animated WebP."""
    whole = len(head) == HEAD_BYTES and head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X"
    return whole and bool(head[20] & HAS_ANIMATION)


def read_webp(data: bytes) -> WebpAnimation | None:
    """The animation in a file's bytes, with what is there of it where the file is cut; None where it is none."""
    if not says_animation(data[:HEAD_BYTES]):
        return None
    size = (_three_bytes(data, 24) + 1, _three_bytes(data, 27) + 1)
    frames = tuple(_frame(chunk) for kind, chunk in _chunks(data) if kind == b"ANMF" and len(chunk) > FRAME_HEAD_BYTES)
    cut = len(data) < 8 + struct.unpack_from("<I", data, 4)[0]
    return WebpAnimation(size, bool(data[20] & HAS_ALPHA), frames, cut)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of every chunk that is there whole."""
    place = 12
    while place + 8 <= len(data):
        length = struct.unpack_from("<I", data, place + 4)[0]
        if place + 8 + length > len(data):
            return
        yield data[place : place + 4], data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _frame(chunk: bytes) -> WebpFrame:
    left, top, width, height, shown_ms = (_three_bytes(chunk, 3 * number) for number in range(5))
    flags = chunk[15]
    return WebpFrame(
        (2 * left, 2 * top, width + 1, height + 1),
        shown_ms if shown_ms >= LEAST_MS else UNTOLD_MS,
        disposed=bool(flags & DISPOSE),
        blended=not flags & NO_BLENDING,
        chunks=chunk[FRAME_HEAD_BYTES:],
    )


def _three_bytes(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 3], "little")


def _over(under: Pixels | int, pixels: np.ndarray) -> Pixels:
    """BGR or BGRA laid over RGB, as RGB."""
    rgb = np.asarray(pixels[..., 2::-1], np.uint8)
    if pixels.shape[2] == 3:
        return rgb
    return laid_over(under, rgb, pixels[..., 3:])


def count_frames(data: bytes) -> int:
    """The pictures of an animation; 1 for all else, and where the file is damaged."""
    count = 0
    with suppress(IndexError, struct.error):
        if data.startswith(PNG_SIGNATURE):
            count = _frames_of_png(data)
        elif data.startswith(GIF_SIGNATURES):
            for _ in _images_of_gif(data):
                count += 1  # those before the damage count
        elif (webp := read_webp(data)) is not None:
            count = len(webp.frames)
    return max(1, count)


def is_animation(path: Path) -> bool:
    """Whether a file holds more than one picture; False too where it cannot be read, which its reader will tell."""
    with suppress(OSError):
        return count_frames(path.read_bytes()) > 1
    return False


def _frames_of_png(data: bytes) -> int:
    """What the chunk acTL says, which stands before the first IDAT (PNG, third edition, section 11.3.6)."""
    told = next((content for kind, content in chunks_before_pixels(data) if kind == b"acTL"), b"\0\0\0\1")
    return int(struct.unpack_from(">I", told)[0])


def _images_of_gif(data: bytes) -> Iterator[int]:
    """Where each image begins (GIF89a, sections 18 to 26)."""
    place = 13 + _colour_table_bytes(data[10])
    while data[place] in (GIF_EXTENSION, GIF_IMAGE):
        if data[place] == GIF_IMAGE:
            yield place
            place += GIF_IMAGE_BYTES + _colour_table_bytes(data[place + 9]) + 1
        else:
            place += 2
        while data[place]:  # blocks of up to 255 bytes, the last one empty
            place += 1 + data[place]
        place += 1


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
