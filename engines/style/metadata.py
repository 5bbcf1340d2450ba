"""Metadata and checksum of an ONNX file, read without the onnx package, whose import would slow every start.

An ONNX file is a protocol buffer message ModelProto. Its fields stand one after the other, each behind a key that tells
number and kind; `graph` is field 7, `metadata_props` (field 14) are pairs of strings. Reading them means stepping over
all other fields.
"""

import hashlib
from collections.abc import Iterator

GRAPH, METADATA_PROPS = 7, 14
KEY, VALUE = 1, 2
VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5


def read_metadata(data: bytes) -> dict[str, str]:
    """The metadata of an ONNX file; ValueError where the bytes are no protocol buffer message."""
    view = memoryview(data)
    return dict(_pair(value) for number, value in _fields(view) if number == METADATA_PROPS)


def graph_sha256(data: bytes) -> str:
    """Checksum of the graph, weights included, as it stands in the file; ValueError as for the metadata."""
    digest = hashlib.sha256()
    for number, value in _fields(memoryview(data)):
        if number == GRAPH:
            digest.update(value)
    return digest.hexdigest()


def _pair(message: memoryview) -> tuple[str, str]:
    texts = {number: str(value, "utf-8") for number, value in _fields(message)}
    return texts.get(KEY, ""), texts.get(VALUE, "")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, content) of the length-delimited fields; those of other kinds are stepped over."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == LENGTH_DELIMITED:
            length, at = _varint(message, at)
            if at + length > len(message):
                break
            yield number, message[at : at + length]
            at += length
        else:
            at = _after_scalar(message, at, kind)
    if at != len(message):
        raise ValueError("the message ends in the middle of a field")


def _after_scalar(message: memoryview, at: int, kind: int) -> int:
    if kind == VARINT:
        return _varint(message, at)[1]
    if kind in (FIXED64, FIXED32):
        return at + (8 if kind == FIXED64 else 4)
    raise ValueError(f"there is no field of kind {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """(value, position after it); seven bits to a byte, the lowest first."""
    value = 0
    for index, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, at + index + 1
    raise ValueError("the message ends in the middle of a number")
