"""Which source or sink an address means: ours by their scheme, and those of other packages by entry points.

An address is `SCHEME:REST`, as in `camera:0` or `rtmp://host/app/key`, or the path of a device or a file. An entry
point of `impasto.sources` or `impasto.sinks` is called as its scheme and leads to a function that takes the whole
address and a SourceRequest or SinkRequest, and returns the open source or sink.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from engines.errors import ImpastoError
from engines.plugins import plugins
from realtime.frame import Sink, Source
from realtime.live.address import redacted
from realtime.live.request import SinkRequest, SourceRequest

SOURCES = {
    "camera": "realtime.sources.camera:open_camera",
    "screen": "realtime.sources.screen:open_screen",
    "pattern": "realtime.sources.played:open_pattern",
    "file": "realtime.sources.played:open_file",
    **dict.fromkeys(
        ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "hls"), "realtime.sources.stream:open_stream"
    ),
}
SINKS = {
    "window": "realtime.sinks.window:open_window",
    "virtualcam": "realtime.sinks.virtual_camera:open_virtual_camera",
    "file": "realtime.sinks.recording:open_recording",
    **dict.fromkeys(("rtmp", "rtmps", "rtsp", "udp", "tcp", "hls"), "realtime.sinks.stream:open_stream"),
    "srt": "realtime.sinks.srt:open_srt",
    "pipe": "realtime.sinks.pipe:open_pipe",
    "null": "realtime.sinks.null:open_null",
}
SOURCE_ENTRY_POINTS = "impasto.sources"
SINK_ENTRY_POINTS = "impasto.sinks"
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):")  # two letters at least: C: is a drive
PLAYLIST = ".m3u8"
SHARED = ("null",)
ONLY_ONES = ("pipe",)  # there is one standard output, however it is to be written to


def open_source(address: str, request: SourceRequest) -> Source:
    """The live source behind an address; ImpastoError, or what its device raised, in one line."""
    source: Source = _opener(address, source_scheme(address), SOURCES, SOURCE_ENTRY_POINTS)(address, request)
    return source


def open_sink(address: str, request: SinkRequest) -> Sink:
    """The live sink behind an address; errors as for a source."""
    sink: Sink = _opener(address, sink_scheme(address), SINKS, SINK_ENTRY_POINTS)(address, request)
    return sink


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


def _is_device(address: str) -> bool:
    try:
        return Path(address).is_char_device()
    except OSError:  # too long for a path, as the URLs of many services are
        return False


def _kind_of_path(path: str) -> str:
    return "hls" if path.lower().endswith(PLAYLIST) else "file"


def refuse_doubles(source: str, sinks: Sequence[str]) -> None:
    """ImpastoError where two sinks, or the source and a sink, are one file, device or address."""
    taken = {_place(source, source_scheme(source))}
    for sink in sinks:
        place = _place(sink, sink_scheme(sink))
        if place in taken and sink_scheme(sink) not in SHARED:
            raise ImpastoError(f"{redacted(sink)} is asked for twice; name another for one of the two")
        taken.add(place)


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


def _written_scheme(address: str) -> str:
    found = SCHEME.match(address)
    return found[1].lower() if found and not os.path.exists(address) else ""


def _opener(address: str, scheme: str, ours: Mapping[str, str], group: str) -> Callable[[str, Any], Any]:
    if scheme in ours:
        module, _, function = ours[scheme].partition(":")
        opener: Callable[[str, Any], Any] = getattr(import_module(module), function)
        return opener
    if scheme in plugins(group):
        foreign: Callable[[str, Any], Any] = plugins(group)[scheme].load()
        return foreign
    kind = group.removeprefix("impasto.").removesuffix("s")
    known = ", ".join((*ours, *(name for name in plugins(group) if name not in ours)))
    raise ImpastoError(f"{redacted(address)}: there is no {kind} {scheme}:, only {known}, or the path of a file")
