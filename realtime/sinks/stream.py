"""Streams to the network: RTMP, RTSP, MPEG-TS over UDP, and HLS into a folder."""

import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer

from engines.errors import FileError, ImpastoError
from realtime.frames.address import redacted, sink_scheme
from realtime.frames.frame import Frame, SignalLost, Sink, SinkHabits
from realtime.frames.request import SinkRequest
from realtime.media.blocking_calls import BlockingCalls
from realtime.media.live_encoder import LiveEncoder, stream_options
from realtime.media.network import PORTS, cannot_open, check_answers, check_host, playlist_path, segment_pattern
from realtime.sinks.hls_files import HlsFiles

HLS = "hls"
OPEN_SECONDS = 5.0
WRITE_SECONDS = 3.0
CLOSE_SECONDS = 2.0
PROVING_SECONDS = 5.0  # more than SRT takes to find nobody
SEGMENT_SECONDS = 2
SEGMENTS = 6
TS_PACKETS = 7 * 188  # bytes; as many as an Ethernet frame takes
# Where a packet tells its length, receivers need not wait for the next one: a frame less of latency.
MPEGTS_OPTIONS = {"omit_video_pes_length": "0"}
MOST_APART_MICROSECONDS = "200000"  # the muxer holds pictures back no longer than so for sound that is late


@dataclass(frozen=True, slots=True)
class Target:
    """Where a stream goes, in FFmpeg's words. With `silence` it has a silent sound track where there is no sound."""

    url: str
    container_format: str
    options: dict[str, str] = field(default_factory=dict)
    silence: bool = False


def _nothing() -> None:
    """FFmpeg closes its own connections, and raises their errors."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open container, whether a silent sound track is wanted in it, and how what lies under it is closed.

    `check` raises OSError for what FFmpeg has not raised of what was sent.
    """

    container: OutputContainer
    silence: bool = False
    close: Callable[[], None] = _nothing
    check: Callable[[], None] = _nothing


def open_stream(address: str, request: SinkRequest) -> Sink:
    """The stream to an address, connected; ImpastoError in one line where it cannot be.

    An HLS address is `hls:FOLDER` or the path of a playlist.
    """
    into_folder = sink_scheme(address) == HLS  # a full disk takes more once there is room
    return StreamSink(redacted(address), lambda: _connect(address), request, may_refuse=not into_folder)


class StreamSink:
    """Pictures at a steady rate, encoded and sent as they come, with `request.sound` beside them.

    The other end `may_refuse`, as a server that does not know a key: it is gone within seconds then. FFmpeg cannot be
    interrupted, so all is done on a thread of its own. Raises SignalLost where the other end is gone or takes nothing
    for three seconds.
    """

    def __init__(
        self, shown: str, connect: Callable[[], Connection], request: SinkRequest, *, may_refuse: bool = True
    ) -> None:
        self.habits = SinkHabits(steady=True, capacity=2, proving_seconds=PROVING_SECONDS if may_refuse else 0.0)
        self._shown, self._request = shown, request
        self._connection: Connection | None = None
        self._encoder: LiveEncoder | None = None
        self._origin: Fraction | None = None
        self._ended = False
        self._thread = BlockingCalls("impasto-stream", self._clean_up)
        try:
            self._thread.do(lambda: self._open(connect), OPEN_SECONDS, request.stop)
        except (ImpastoError, av.FFmpegError, TimeoutError, OSError, ValueError) as error:
            self._thread.finish()
            raise cannot_open(shown, error) from None

    def write(self, frame: Frame) -> None:
        """Send a frame; its `pts` count ticks of the steady rate."""
        if frame.pts is None or frame.time_base is None:
            raise ValueError("a stream takes frames with exact times")
        begins = frame.pts * frame.time_base
        self._origin = begins if self._origin is None else self._origin
        self._do(lambda: self._send(frame, begins), WRITE_SECONDS, self._request.stop)

    def close(self) -> None:
        """Send what is still in the encoder, and end the stream; SignalLost where that does not arrive."""
        try:
            if not self._ended:
                self._do(self._end, CLOSE_SECONDS, threading.Event())
        finally:
            self._ended = True
            self._thread.finish()

    def _do(self, call: Callable[[], None], seconds: float, stop: threading.Event) -> None:
        try:
            self._thread.do(call, seconds, stop)
        except (av.FFmpegError, OSError) as error:
            self._ended = True
            slow = isinstance(error, TimeoutError)
            what = "takes no data any more" if slow else f"has broken off{_words(error)}"
            raise SignalLost(f"{self._shown} {what}") from None

    def _open(self, connect: Callable[[], Connection]) -> None:
        request = self._request
        self._connection = connect()
        self._encoder = LiveEncoder(
            self._connection.container,
            request.size,
            request.frame_rate,
            options=stream_options(request.size, request.frame_rate),
            sound=request.sound,
            silence=self._connection.silence,
        )

    def _send(self, frame: Frame, begins: Fraction) -> None:
        assert self._encoder is not None
        assert self._origin is not None
        assert self._connection is not None
        self._encoder.write(frame, begins - self._origin)
        self._connection.check()

    def _end(self) -> None:
        assert self._encoder is not None
        assert self._connection is not None
        check = self._connection.check
        self._encoder.close()
        self._disconnect()
        check()

    def _clean_up(self) -> None:
        """Whatever was left open, on the stream's own thread."""
        if self._encoder is not None:
            self._encoder.leave()
        self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.container.close()
            finally:
                connection.close()


def _words(error: OSError | av.FFmpegError) -> str:
    """The system's words, where they are about the connection: a file object's error is only told to be one."""
    return f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""


def _connect(address: str) -> Connection:
    target = _target(address)
    check_host(target.url)
    if _scheme(address) in PORTS:
        check_answers(target.url, WRITE_SECONDS)
    if target.container_format != HLS:
        return Connection(open_container(target.url, target.container_format, target.options), target.silence)
    files = HlsFiles()
    return Connection(open_container(target.url, HLS, target.options, files), check=files.check)


def open_container(
    output: Any, container_format: str, options: Mapping[str, str], files: HlsFiles | None = None
) -> OutputContainer:
    """A container that sends what it is given at once; `output` is an address, or takes bytes as a file does.

    `files` are what it opens beside.
    """
    at_once = {"flush_packets": "1", "max_interleave_delta": MOST_APART_MICROSECONDS, **options}
    opener = None if files is None else files.open
    return av.open(output, "w", format=container_format, container_options=at_once, io_open=opener)


def _scheme(address: str) -> str:
    return address.partition(":")[0].lower()


def _target(address: str) -> Target:
    scheme = _scheme(address)
    if scheme in ("rtmp", "rtmps"):  # streaming services refuse pictures without sound
        return Target(address, "flv", {"flvflags": "no_duration_filesize"}, silence=True)
    if scheme == "rtsp":
        return Target(address, "rtsp", {"rtsp_transport": "tcp"})
    if scheme == "udp":
        return Target(_with_option(address, "pkt_size", str(TS_PACKETS)), "mpegts", MPEGTS_OPTIONS)
    return _hls_target(playlist_path(address).absolute())  # or what stands before a colon would be a protocol


def _with_option(url: str, name: str, value: str) -> str:
    """The address with an option of FFmpeg's, unless the person set it."""
    return url if f"{name}=" in url else f"{url}{'&' if '?' in url else '?'}{name}={value}"


def _hls_target(playlist: Path) -> Target:
    folder, segments = playlist.parent, segment_pattern(playlist)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        message = f"{folder} is not writable ({error.strerror}); name another folder for HLS"
        raise FileError.told(message, error) from None
    # Numbered from the time, or a player that stayed would take a new run's segments for those it has.
    options = {
        "hls_time": str(SEGMENT_SECONDS),
        "hls_list_size": str(SEGMENTS),
        "hls_flags": "delete_segments+independent_segments+temp_file",
        "hls_start_number_source": "epoch",
        "hls_segment_filename": str(segments),
    }
    return Target(str(playlist), HLS, options)
