"""How many pictures a picture file holds: GIF, PNG and WebP may be animations. Nothing is decoded for it."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from realtime.media.webp_file import read_webp

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
GIF_EXTENSION, GIF_IMAGE = 0x21, 0x2C
GIF_IMAGE_BYTES = 10  # with the byte that tells the block from others


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
    place = len(PNG_SIGNATURE)
    while (kind := data[place + 4 : place + 8]) not in (b"IDAT", b"IEND", b""):
        length, frames = struct.unpack_from(">I4xI", data, place)
        if kind == b"acTL":
            return int(frames)
        place += 12 + length
    return 1


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
