"""What an address of the web sends where FFmpeg finds no video: a look at its first bytes, by way of FFmpeg."""

import re

import av

from engines.errors import BadFile

LOOK_BYTES = 4096
# Where the demuxer that takes all for bytes may stop looking for more.
LOOK_OPTIONS = {"probesize": "2048"}
PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
JPEG_BEGINS = b"\xff\xd8\xff"
# A part of multipart/x-mixed-replace (RFC 2046, 5.1) without the boundary that is to stand before it.
PART_OF_JPEG = re.compile(rb"\s*(?:[\w-]+:[^\r\n]*\r?\n)+\r?\n\xff\xd8\xff")


def first_bytes(url: str, timeout: tuple[float, float]) -> bytes:
    """Some of what is sent there; what FFmpeg raises where nothing is."""
    found = b""
    with av.open(url, format="data", options=LOOK_OPTIONS, timeout=timeout) as container:
        for packet in container.demux():
            found += bytes(packet)
            if not packet.size or len(found) >= LOOK_BYTES:
                break
    return found


def is_endless_jpeg(begin: bytes) -> bool:
    """Whether pictures come as some cameras send them (ESP32-CAM): JPEG without a boundary before the first."""
    return begin.startswith(JPEG_BEGINS) or PART_OF_JPEG.match(begin) is not None


def refuse_page(begin: bytes, shown: str) -> None:
    """BadFile where it is a web page that people mistook for the stream on it."""
    if PAGE.match(begin):
        raise BadFile(f"{shown} is a web page; give the address of the stream itself, as in .m3u8, .mp4 or rtsp://")
