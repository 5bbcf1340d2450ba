"""What a PNG file tells before its pixels (PNG, third edition, section 11). Damage tells nothing."""

import struct
from collections.abc import Iterator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEPTH, COLOUR_TYPE = 8, 9  # where they stand in IHDR
GREY = 0


def chunks_before_pixels(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of every chunk that is whole before the first IDAT; none where the file is no PNG."""
    place = len(PNG_SIGNATURE)
    if not data.startswith(PNG_SIGNATURE):
        return
    while (kind := data[place + 4 : place + 8]) not in (b"IDAT", b"IEND") and len(kind) == 4:
        (length,) = struct.unpack_from(">I", data, place)
        content = data[place + 8 : place + 8 + length]
        if len(content) < length:
            return
        yield kind, content
        place += 12 + length


def clear_grey(data: bytes) -> int | None:
    """The one grey that a file of greys says is transparent, as OpenCV reads it: of 255, or of 65535 in 16 bits."""
    chunks = dict(chunks_before_pixels(data))
    head, told = chunks.get(b"IHDR", b""), chunks.get(b"tRNS", b"")
    if len(head) <= COLOUR_TYPE or head[COLOUR_TYPE] != GREY or len(told) != 2 or not head[DEPTH]:
        return None
    most = (1 << head[DEPTH]) - 1
    grey = int.from_bytes(told, "big") & most
    return grey if head[DEPTH] == 16 else grey * 255 // most
