"""EXIF of a photo: which way up it is stored, and what of it goes into a painting (EXIF 2.32; a block is a TIFF file).

A block is written anew, for what is in it tells where in its own file the rest stands.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.media.tiff_tags import ENTRY_BYTES, LONG, ORDERS, Directory, first_directory

BLOCK_NAME = b"Exif\0\0"  # stands before the block in some files
HEAD_BYTES = 8
ORIENTATION, EXIF, GPS = 0x0112, 0x8769, 0x8825
# Title, make, model, software, date, artist, computer, ratings, copyright, and the five texts of Windows. What else is
# in the first directory tells of the pixels and how they are stored.
OF_THE_PHOTO = (0x10E, 0x10F, 0x110, 0x131, 0x132, 0x13B, 0x13C, 0x4746, 0x4749, 0x8298, *range(0x9C9B, 0x9CA0))
# The maker's own notes, which hold places in the file and often the photo once more, and room around them; width and
# height, and what is told in pixels of those; how it was compressed; other directories.
OF_THE_FILE = (
    *(0x927C, 0xEA1C, 0xEA1D, 0xA002, 0xA003, 0x9214, 0xA214, 0xA20E, 0xA20F, 0xA210, 0x9102, 0xA005),
    *(ORIENTATION, EXIF, GPS),  # no such directory has these unless it is damaged
)
MOST_BYTES = 65_000  # a JPEG file has room for no more


@dataclass(frozen=True, slots=True)
class Value:
    """An entry of a directory, its `content` as it stands in the file."""

    tag: int
    kind: int
    count: int
    content: bytes


def exif_orientation(exif: bytes) -> int:
    """The orientation 1..8 that an EXIF block tells (section 4.6.4 A); 1 where it tells none."""
    found = first_directory(exif.removeprefix(BLOCK_NAME))
    told = found.number(ORIENTATION) if found else 1
    return told if 1 <= told <= 8 else 1


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels as they are to be seen, from how they are stored under an EXIF orientation."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def exif_of_the_photo(data: bytes) -> bytes:
    """A block of what an EXIF block, or a TIFF file, tells of the photo, such as its date, author and place.

    Left out are orientation, size, thumbnail, the maker's own notes, and single values that do not fit into a JPEG
    file; empty where nothing is left, or the bytes are damaged.
    """
    first = first_directory(data.removeprefix(BLOCK_NAME))
    if first is None:
        return b""
    directories: dict[int, list[Value]] = {0: []}
    room = MOST_BYTES
    for home, value in _values(first):
        needed = ENTRY_BYTES + len(value.content) + 1  # contents begin at even places
        if needed <= room:
            directories.setdefault(home, []).append(value)
            room -= needed
    return _block(first.order, directories) if any(directories.values()) else b""


def _values(first: Directory) -> Iterator[tuple[int, Value]]:
    """Those of the photo, each with the tag of the directory where it stands, 0 for the first."""
    yield from ((0, value) for value in _values_in(first, OF_THE_PHOTO))
    for home in (EXIF, GPS):
        if (below := first.below(home)) is not None:
            tags = [tag for tag in below.entries if tag not in OF_THE_FILE]
            yield from ((home, value) for value in _values_in(below, tags))


def _values_in(directory: Directory, tags: Sequence[int]) -> Iterator[Value]:
    for tag in tags:
        if 0 < directory.length(tag) <= MOST_BYTES and (content := directory.content(tag)):
            kind, count, _ = directory.entries[tag]
            yield Value(tag, kind, count, content)


def _block(order: str, directories: dict[int, list[Value]]) -> bytes:
    """The first directory at its usual place, the others behind it."""
    first = directories.pop(0)
    place = HEAD_BYTES + len(_directory(order, HEAD_BYTES, [*first, *(_pointer(order, tag, 0) for tag in directories)]))
    pointers, behind = [], b""
    for tag, values in directories.items():
        pointers.append(_pointer(order, tag, place + len(behind)))
        behind += _directory(order, place + len(behind), values)
    signature = next(known for known, sign in ORDERS.items() if sign == order)
    head = signature + struct.pack(f"{order}I", HEAD_BYTES)
    return head + _directory(order, HEAD_BYTES, [*first, *pointers]) + behind


def _pointer(order: str, tag: int, place: int) -> Value:
    return Value(tag, LONG, 1, struct.pack(f"{order}I", place))


def _directory(order: str, place: int, values: Sequence[Value]) -> bytes:
    """A directory that will stand at this place of the block, with what does not fit into its entries."""
    entries, behind = struct.pack(f"{order}H", len(values)), b""
    place += 2 + ENTRY_BYTES * len(values) + 4
    for value in sorted(values, key=lambda value: value.tag):
        content = value.content.ljust(4, b"\0")
        if len(content) > 4:
            content = struct.pack(f"{order}I", place + len(behind))
            behind += value.content + bytes(len(value.content) % 2)
        entries += struct.pack(f"{order}HHI", value.tag, value.kind, value.count) + content
    return entries + bytes(4) + behind
