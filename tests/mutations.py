"""Strategies that make damaged and hostile files of sound ones: bytes, JSON, zips, pickles."""

import io
import json
import pickletools
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
MOST_CHANGES = 5
# Counts and lengths as they are written in most formats, at their ends.
ENDS = {"<I": (0, 2**31 - 1, 2**31, 2**32 - 1), "<q": (-1, 2**40, 2**63 - 1), "<B": (0, 127, 255)}
COUNTS = [struct.pack(form, value) for form, values in ENDS.items() for value in values]
# Not Hypothesis' own, which first sorts all of Unicode, for half a minute.
SIGNS = "ab1 .:/=,'\"[]{}\\\0\n\x1b\u00e9\u4e2d\u202e\ud800\U0001f3a8"
TEXTS = st.lists(st.sampled_from(SIGNS), max_size=20).map("".join)
HUGE = st.sampled_from([-1, 0, 2**31, 2**63, 10**18, 10**400, -(10**400)])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | HUGE | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=6,
)


@st.composite
def damaged(draw: Draw, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds with some changes of its bytes."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, MOST_CHANGES))):
        data = draw(st.sampled_from(BYTE_CHANGES))(draw, data)
    return bytes(data)


def _place(draw: Draw, data: bytes) -> int:
    """Near the beginning as often as anywhere: there are the headers."""
    most = draw(st.sampled_from([16, 256, len(data)]))
    return int(draw(st.integers(0, min(most, len(data)))))


def _overwrite(draw: Draw, data: bytes) -> bytes:
    at, new = _place(draw, data), bytes(draw(st.binary(min_size=1, max_size=8) | st.sampled_from(COUNTS)))
    return data[:at] + new + data[at + len(new) :]


def _insert(draw: Draw, data: bytes) -> bytes:
    at, times = _place(draw, data), int(draw(st.sampled_from([1, 1, 2000])))
    return data[:at] + bytes(draw(st.binary(min_size=1, max_size=40))) * times + data[at:]


def _cut_out(draw: Draw, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[:at] + data[at + draw(st.integers(1, 64)) :]


def _repeat(draw: Draw, data: bytes) -> bytes:
    at, times = _place(draw, data), int(draw(st.sampled_from([2, 3, 500])))
    return data[:at] + data[at : at + draw(st.integers(1, 300))] * times + data[at:]


def _cut_short(draw: Draw, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


BYTE_CHANGES = [_overwrite, _overwrite, _overwrite, _insert, _cut_out, _repeat, _cut_short]


@st.composite
def changed_json(draw: Draw, value: Any) -> Any:
    """The value with something inside it gone, doubled, or put in another's place."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 5)):
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: draw(changed_json(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(value) - 1))
        instead: list[Any] = draw(st.sampled_from([[], [value[at]] * 2, [draw(changed_json(value[at]))]]))
        return [*value[:at], *instead, *value[at + 1 :]]
    return draw(JUNK)


@st.composite
def json_text(draw: Draw, value: Any) -> str:
    text = json.dumps(draw(changed_json(value)))
    depth = int(draw(st.sampled_from([0, 0, 0, 0, 0, 100_000])))
    return "[" * depth + text + "]" * depth


@st.composite
def changed_zip(draw: Draw, seeds: Sequence[bytes], changed: Callable[[str, bytes], st.SearchStrategy[bytes]]) -> bytes:
    """A zip with an entry changed, lost, doubled, renamed or grown, packed in one way or the other."""
    entries = _entries(draw(st.sampled_from(seeds)))
    at = draw(st.integers(0, len(entries) - 1))
    name, content = entries[at]
    deed = draw(st.sampled_from(["change", "change", "change", "lose", "double", "rename", "bomb"]))
    if deed == "change":
        entries[at] = (name, draw(changed(name, content)))
    elif deed == "lose":
        del entries[at]
    elif deed == "double":
        entries.append((f"{name}2.npy", content))
    elif deed == "rename":
        entries[at] = (draw(TEXTS) + draw(st.sampled_from(["", ".npy", "/data.pkl"])), content)
    else:
        entries[at] = (name, content + bytes(draw(st.sampled_from([2**16, 2**22, 2**25]))))
    kind = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    packed = _packed(entries, kind)
    return packed if draw(st.booleans()) else draw(damaged([packed]))


def _entries(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _packed(entries: Sequence[tuple[str, bytes]], kind: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind, compresslevel=1) as archive:
        for name, content in dict(entries).items():
            archive.writestr(_storable(name), content)
    return file.getvalue()


def _storable(name: str) -> str:
    return name.encode("utf-8", "replace").decode().replace("\0", "") or "x"


# GLOBAL of what would do harm, a name that is allowed, calls, marks, memo numbers, depth; tuples of tuples.
ODD_OPCODES = [
    b"cos\nsystem\n", b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"R", b"b", b"Q", b"(",
    b"t", b"l", b"d", b"u", b"s", b"e", b"a", b"0", b"1", b"2", b"h\x00", b"j\xff\xff\xff\xff", b"r\xff\xff\xff\xff",
    b"\x8a\xff" + b"\xff" * 255, b"X\xff\xff\xff\x7f", b"U\x03abc", b"G\x7f\xf8\0\0\0\0\0\0", b"]" * 2000 + b"a" * 1999,
    b")" + b"\x94h\x00h\x00\x86" * 3 + b"\x86" * 2, b"K\x01q\x00" + b"h\x00h\x00\x86q\x00" * 60, b"}(", b"]q\x01h\x01a",
    b"\x81", b"\x92", b"i__builtin__\neval\n", b"P0\n", b".",
]  # fmt: skip


@st.composite
def changed_pickle(draw: Draw, data: bytes) -> bytes:
    """A pickle whose instructions are lost, doubled, moved, or mixed with odd ones."""
    places = [place for _, _, place in pickletools.genops(data) if place is not None]
    parts = [data[begin:end] for begin, end in zip(places, [*places[1:], len(data)], strict=True)]
    for _ in range(draw(st.integers(1, MOST_CHANGES))):
        at = draw(st.integers(0, len(parts)))
        length = draw(st.sampled_from([1, 1, 3, 20]))
        deed = draw(st.sampled_from(["odd", "odd", "lose", "double", "move"]))
        part = parts[at : at + length]
        if deed == "odd":
            parts.insert(at, draw(st.sampled_from(ODD_OPCODES)) * draw(st.sampled_from([1, 1, 2, 1000])))
        elif deed == "double":
            parts[at:at] = part * draw(st.sampled_from([1, 2, 300]))
        else:
            del parts[at : at + length]
            parts[len(parts) // 2 : len(parts) // 2] = part if deed == "move" else []
    return b"".join(parts)
