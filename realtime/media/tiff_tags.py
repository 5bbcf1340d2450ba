"""What a TIFF file, or an EXIF block, which is one, tells beside its pixels (TIFF 6.0, sections 2 and 18).

OpenCV hands the pixels on and leaves out the colour profile, the pages after the first, the transparency of greys, and
whether colours are multiplied by theirs. Damage tells nothing; the picture itself may be sound.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
LONG = 4
NUMBERS = {3: "H", LONG: "I", 13: "I"}  # SHORT, LONG and IFD
VALUE_BYTES = {1: 1, 2: 1, 3: 2, LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
NEW_SUBFILE_TYPE, BITS_PER_SAMPLE, EXTRA_SAMPLES, ICC_PROFILE = 254, 258, 338, 34675
REDUCED = 1  # a bit of NewSubfileType: a smaller copy of another page
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha by which colours are multiplied, and by which they are not
MOST_ENTRIES = 100_000  # of all pages: hostile ones may share theirs
ENTRY_BYTES = 12


@dataclass(frozen=True, slots=True)
class TiffFacts:
    """`profile` is the ICC profile's bytes, empty where there is none, and `pages` leaves out smaller copies.

    `transparent` says that there is an alpha beside the colours, and `multiplied` that those which OpenCV gives are
    multiplied by it.
    """

    profile: bytes = b""
    transparent: bool = False
    multiplied: bool = False
    pages: int = 1


def tiff_facts(data: bytes) -> TiffFacts:
    """What the file's bytes tell; nothing in particular where they are no TIFF, or damaged."""
    directories = list(_pages(data))
    if not directories:
        return TiffFacts()
    first = directories[0]
    alpha, bits = first.number(EXTRA_SAMPLES), first.number(BITS_PER_SAMPLE)
    # LibTIFF multiplies what is not yet, where OpenCV lets it make 8-bit pixels.
    multiplied = alpha == ASSOCIATED or (alpha == UNASSOCIATED and bits == 8)
    pages = sum(not directory.number(NEW_SUBFILE_TYPE) & REDUCED for directory in directories)
    return TiffFacts(first.content(ICC_PROFILE), alpha in (ASSOCIATED, UNASSOCIATED), multiplied, max(1, pages))


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries of a page by their tag: type, count, and where in `data` their four bytes stand."""

    data: bytes
    order: str
    entries: Mapping[int, tuple[int, int, int]]

    def number(self, tag: int) -> int:
        """The first value of an entry of whole numbers; 0 where there is none."""
        kind, count, _ = self.entries.get(tag, (0, 0, 0))
        if kind not in NUMBERS or not count:
            return 0
        try:
            return int(struct.unpack_from(self.order + NUMBERS[kind], self.data, self._start(tag))[0])
        except struct.error:
            return 0

    def content(self, tag: int) -> bytes:
        """The bytes of an entry's values; empty where there is none, or they are not all there."""
        length = self.length(tag)
        found = self.data[(start := self._start(tag)) : start + length] if length else b""
        return found if len(found) == length else b""

    def length(self, tag: int) -> int:
        """How many bytes the entry says that its values have; 0 where there is none, or its kind is not known."""
        kind, count, _ = self.entries.get(tag, (0, 0, 0))
        return VALUE_BYTES.get(kind, 0) * count

    def _start(self, tag: int) -> int:
        """Where the values stand: in the entry if there is room."""
        _, _, place = self.entries[tag]
        return place if self.length(tag) <= 4 else int(struct.unpack_from(f"{self.order}I", self.data, place)[0])

    def below(self, tag: int) -> "Directory | None":
        """The directory to which an entry points; None where there is none."""
        return next(_directories(self.data, self.order, self.number(tag)), None)


def first_directory(data: bytes) -> Directory | None:
    """That of the first page; None where the bytes are no TIFF, or damaged."""
    return next(_pages(data), None)


def _pages(data: bytes) -> Iterator[Directory]:
    order = ORDERS.get(data[:4])
    if order is not None and len(data) >= 8:
        yield from _directories(data, order, struct.unpack_from(f"{order}I", data, 4)[0])


def _directories(data: bytes, order: str, start: int) -> Iterator[Directory]:
    """That which starts there, and those that follow it."""
    seen, entries = set[int](), 0
    while start and start not in seen and entries < MOST_ENTRIES:
        seen.add(start)
        try:
            (count,) = struct.unpack_from(f"{order}H", data, start)
            entries += count
            yield Directory(data, order, dict(_entries(data, order, start + 2, count)))
            (start,) = struct.unpack_from(f"{order}I", data, start + 2 + ENTRY_BYTES * count)
        except struct.error:
            return


def _entries(data: bytes, order: str, place: int, count: int) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """As many as are there: what is cut off behind them tells nothing of those."""
    for start in range(place, min(place + ENTRY_BYTES * count, len(data) - ENTRY_BYTES + 1), ENTRY_BYTES):
        tag, kind, values, _ = struct.unpack_from(f"{order}HHII", data, start)
        yield tag, (kind, values, start + 8)
