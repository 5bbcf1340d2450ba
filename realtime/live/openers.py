"""Opens what an address means: ours by their scheme, those of other packages by entry points."""

from collections.abc import Callable, Mapping
from typing import Any

from engines.errors import BadValue
from engines.packages import find_place, names_of
from realtime.frames.address import redacted, sink_scheme, source_scheme
from realtime.frames.frame import Sink, Source
from realtime.frames.request import SinkRequest, SourceRequest

SOURCES = {
    "camera": "realtime.sources.camera:open_camera",
    "screen": "realtime.sources.screen:open_screen",
    "pattern": "realtime.sources.open_playback:open_pattern",
    "dream": "realtime.sources.dream:open_dreams",
    "file": "realtime.sources.open_playback:open_file",
    **dict.fromkeys(
        ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "hls"), "realtime.sources.stream:open_stream"
    ),
}
SINKS = {
    "window": "realtime.sinks.window:open_window",
    "virtualcam": "realtime.sinks.virtual_camera:open_virtual_camera",
    "file": "realtime.sinks.recording:open_recording",
    **dict.fromkeys(("rtmp", "rtmps", "rtsp", "udp", "hls"), "realtime.sinks.stream:open_stream"),
    "tcp": "realtime.sinks.tcp:open_tcp",
    "srt": "realtime.sinks.srt:open_srt",
    "pipe": "realtime.sinks.pipe:open_pipe",
    "null": "realtime.sinks.null:open_null",
}
SOUNDLESS = ("window", "virtualcam", "pipe", "null")  # they take pictures alone
SOURCE_ENTRY_POINTS = "impasto.sources"
SINK_ENTRY_POINTS = "impasto.sinks"


def open_source(address: str, request: SourceRequest) -> Source:
    """The live source behind an address; ImpastoError, or what its device raised, in one line."""
    source: Source = _opener(address, source_scheme(address), SOURCES, SOURCE_ENTRY_POINTS)(address, request)
    return source


def open_sink(address: str, request: SinkRequest) -> Sink:
    """The live sink behind an address; errors as for a source."""
    sink: Sink = _opener(address, sink_scheme(address), SINKS, SINK_ENTRY_POINTS)(address, request)
    return sink


def _opener(address: str, scheme: str, ours: Mapping[str, str], group: str) -> Callable[[str, Any], Any]:
    place = find_place(scheme, ours, group)
    if place is None:
        kind = group.removeprefix("impasto.").removesuffix("s")
        known = ", ".join(names_of(ours, group))
        raise BadValue(f"{redacted(address)}: there is no {kind} {scheme}:, only {known}, or the path of a file")
    opener: Callable[[str, Any], Any] = place.load()
    return opener
