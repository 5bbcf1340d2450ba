"""One entry of the engine cache as bytes: a signature, a line of JSON, and the compiled engine.

A compiled engine is code, so an entry is used only where its signature (HMAC-SHA256, RFC 2104) was made with the user's
own key. The signature is over the line of JSON, and that holds the engine's length and SHA-256: a list of entries is
read and trusted without their engines, which may be 100 MB each, and no engine is used unless it is the signed one.
Nothing is unpickled.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

from engines.failures import failure_as
from engines.spec import GateReport

MOST_HEADER_BYTES = 2**20
# What reading values of the wrong kind raises.
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
# Signed along, so that no other thing this key may sign one day can be taken for an entry.
PURPOSE = b"impasto engine cache entry 1\n"


class EntryRefused(Exception):
    """A cache entry that must not be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Of which style file an engine was built, when (Unix seconds), and how long it took with the gate.

    `remarks` are what the backend told of it in lines: what stayed in floats, and by whose hand.
    """

    style_name: str = ""
    style_path: str = ""
    built_at: float = 0.0
    build_seconds: float = 0.0
    remarks: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Origin":
        """What `asdict` gave, by way of JSON; TypeError or ValueError where it did not."""
        times = {name: float(values[name]) for name in ("built_at", "build_seconds") if name in values}
        texts = _texts({name: values[name] for name in ("style_name", "style_path") if name in values})
        return cls(**{**values, **times, **texts, "remarks": tuple(map(str, values.get("remarks", ())))})


UNKNOWN_ORIGIN = Origin()


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A compiled engine and the verdict on it; the blob is empty where there is nothing to keep."""

    blob: bytes
    gate: GateReport
    origin: Origin = UNKNOWN_ORIGIN


@dataclass(frozen=True, slots=True)
class EntryHeader:
    """What an entry says of itself: all that the engine depends on, the verdict, where it comes from."""

    fields: Mapping[str, str]
    gate: GateReport
    origin: Origin
    blob_bytes: int
    blob_sha256: str


def pack_entry(fields: Mapping[str, str], entry: CacheEntry, key: bytes) -> bytes:
    """The whole content of the file."""
    header = {
        "fields": dict(fields),
        "gate": entry.gate.to_dict(),
        "origin": asdict(entry.origin),
        "blob_bytes": len(entry.blob),
        "blob_sha256": hashlib.sha256(entry.blob).hexdigest(),
    }
    return b"\n".join((sign_header(json.dumps(header).encode(), key), entry.blob))


def sign_header(line: bytes, key: bytes) -> bytes:
    """The line of JSON behind its signature."""
    return b"\n".join((_signature(line, key), line))


def read_header(file: IO[bytes], name: str, key: bytes) -> EntryHeader:
    """The signed part, which leaves `file` at the engine; EntryRefused where it was not signed with this key."""
    signature = file.readline(MOST_HEADER_BYTES).rstrip(b"\n")
    line = file.readline(MOST_HEADER_BYTES).rstrip(b"\n")
    if not hmac.compare_digest(signature, _signature(line, key)):
        raise EntryRefused(f"{name} is damaged, or was not written here by this user")
    with failure_as(EntryRefused, lambda error: f"{name} cannot be read ({type(error).__name__})", *DAMAGE):
        values = json.loads(line)
        gate, origin = GateReport.from_dict(values["gate"]), Origin.from_dict(values["origin"])
        if type(values["blob_bytes"]) is not int or values["blob_bytes"] < 0:
            raise TypeError("the engine's length is no number of bytes")
        return EntryHeader(_texts(values["fields"]), gate, origin, values["blob_bytes"], values["blob_sha256"])


def read_entry(file: IO[bytes], name: str, key: bytes, fields: Mapping[str, str]) -> CacheEntry:
    """The engine and the verdict on it; EntryRefused where it is not ours, not whole, or of other fields."""
    header = read_header(file, name, key)
    if header.fields != dict(fields):
        raise EntryRefused(f"{name} is of another engine")
    blob = file.read()
    if len(blob) != header.blob_bytes or hashlib.sha256(blob).hexdigest() != header.blob_sha256:
        raise EntryRefused(f"{name} is damaged: its engine is not the one that was written")
    return CacheEntry(blob, header.gate, header.origin)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        raise TypeError(f"{wrong} are no texts")
    return dict(values)


def _signature(line: bytes, key: bytes) -> bytes:
    return hmac.new(key, PURPOSE + line, hashlib.sha256).hexdigest().encode()
