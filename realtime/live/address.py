"""Addresses as they may be shown: without the secrets in them."""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "***"
SECRET_FIELDS = re.compile(r"key|token|pass|pwd|secret|sig|auth|streamid|credential", re.IGNORECASE)
# Cameras take names and passwords in the path too: rtsp://10.0.0.1/user=admin&password=word&channel=1
SECRET_IN_PATH = re.compile(r"((?:pass|pwd|token|secret)[a-z]*=)[^&/;_]+", re.IGNORECASE)
WITHIN = re.compile(r"([a-z0-9+.-]+:)([a-z0-9+.-]+://.*)", re.IGNORECASE | re.DOTALL)  # hls:https://…
KEYED_SCHEMES = ("rtmp", "rtmps")  # the last part of their path is the stream's key, as good as a password


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
