"""Which source or sink an address means: ours by their scheme, and those of other packages by entry points.

An address is `SCHEME:REST`, as in `camera:0` or `rtmp://host/app/key`, or the path of a device or a file. An entry
point of `impasto.sources` or `impasto.sinks` is called as its scheme and leads to a function that takes the whole
address and a SourceRequest or SinkRequest, and returns the open source or sink.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from engines.errors import BadValue

SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):")  # two letters at least: C: is a drive
PLAYLIST = ".m3u8"
SHARED = ("null",)
ONLY_ONES = ("pipe",)  # there is one standard output, however it is to be written to
HIDDEN = "***"
SECRET_FIELDS = re.compile(r"key|token|pass|pwd|secret|sig|auth|streamid|credential", re.IGNORECASE)
# Cameras take names and passwords in the path too: rtsp://10.0.0.1/user=admin&password=word&channel=1
SECRET_IN_PATH = re.compile(r"((?:pass|pwd|token|secret)[a-z]*=)[^&/;_]+", re.IGNORECASE)
WITHIN = re.compile(r"([a-z0-9+.-]+:)([a-z0-9+.-]+://.*)", re.IGNORECASE | re.DOTALL)  # hls:https://…
KEYED_SCHEMES = ("rtmp", "rtmps")  # the last part of their path is the stream's key, as good as a password


def source_scheme(address: str) -> str:
    """`camera` for a device's path, `hls` for that of a playlist, `file` for any other path."""
    if _is_device(address):
        return "camera"
    return _written_scheme(address) or _kind_of_path(address)


def sink_scheme(address: str) -> str:
    """`hls` for the path of a playlist, `virtualcam` for a device's, `file` for any other path."""
    if _is_device(address) and address.startswith("/dev/video"):
        return "virtualcam"
    return _written_scheme(address) or _kind_of_path(address)


def refuse_doubles(source: str, sinks: Sequence[str]) -> None:
    """BadValue where two sinks, or the source and a sink, are one file, device or address."""
    taken = {_place(source, source_scheme(source))}
    for sink in sinks:
        place = _place(sink, sink_scheme(sink))
        if place in taken and sink_scheme(sink) not in SHARED:
            raise BadValue(f"{redacted(sink)} is asked for twice; name another for one of the two")
        taken.add(place)


def labels_of(sinks: Sequence[str]) -> list[str]:
    """What the sinks are called, without secrets; those that look alike are numbered."""
    seen: Counter[str] = Counter()
    labels = []
    for shown in map(redacted, sinks):
        seen[shown] += 1
        labels.append(shown if seen[shown] == 1 else f"{shown} ({seen[shown]})")
    return labels


def redacted(address: str) -> str:
    """The address with user, password, secret fields and the key of an RTMP stream replaced by ***."""
    if "://" not in address:
        return address
    if within := WITHIN.match(address):
        return f"{within[1]}{redacted(within[2])}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return f"{address.partition('://')[0]}://{HIDDEN}"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    user, at, _ = parts.netloc.rpartition("@")
    place = f"{HIDDEN if user else ''}{at}{host}"
    if port is not None:
        place = f"{place}:{port}"
    return urlunsplit((parts.scheme, place, _path(parts.scheme, parts.path), _query(parts.query), ""))


def _is_device(address: str) -> bool:
    try:
        return Path(address).is_char_device()
    except OSError:  # too long for a path, as the URLs of many services are
        return False


def _written_scheme(address: str) -> str:
    found = SCHEME.match(address)
    return found[1].lower() if found and not os.path.exists(address) else ""


def _kind_of_path(path: str) -> str:
    return "hls" if path.lower().endswith(PLAYLIST) else "file"


def _place(address: str, scheme: str) -> str:
    """The same for all addresses of one thing."""
    if scheme in ONLY_ONES:
        return scheme
    rest = address if "://" in address else address.removeprefix(f"{scheme}:")
    if scheme == "hls":
        folder = Path(rest).parent if rest.lower().endswith(PLAYLIST) else Path(rest)
        return f"hls {folder.resolve()}"
    is_path = scheme == "file" or (rest and os.path.exists(rest))
    return str(Path(rest).resolve()) if is_path else f"{scheme} {rest}"


def _path(scheme: str, path: str) -> str:
    path = SECRET_IN_PATH.sub(rf"\1{HIDDEN}", path)
    head, slash, key = path.rpartition("/")
    return f"{head}{slash}{HIDDEN}" if scheme in KEYED_SCHEMES and head and key else path


def _query(query: str) -> str:
    fields = [
        (name, HIDDEN if SECRET_FIELDS.search(name) else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return urlencode(fields, safe="*/:,")
