"""Streams over TCP, as MPEG-TS: to who listens, or to who calls.

The connection is our own: FFmpeg's would hold Python's lock while it waits.
"""

import os
import socket
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from engines.errors import ImpastoError
from engines.failures import on_failure
from realtime.frames.address import redacted
from realtime.frames.frame import Frame, SignalLost, Sink, SinkHabits
from realtime.frames.request import SinkRequest
from realtime.media.network import check_host
from realtime.sinks.stream import MPEGTS_OPTIONS, WRITE_SECONDS, Connection, StreamSink, open_container


def open_tcp(address: str, request: SinkRequest) -> Sink:
    """tcp://HOST:PORT, connected, or with `?listen` open before anybody calls; ImpastoError where it cannot be."""
    if "listen" in parse_qs(urlsplit(address).query, keep_blank_values=True):
        return CalledSink(address, request)
    return StreamSink(redacted(address), lambda: _call(address), request)


class CalledSink:
    """Streams over TCP to whoever calls, one at a time; what nobody watches is dropped.

    ImpastoError where the port cannot be had. Who leaves makes room for the next.
    """

    habits = SinkHabits(steady=True, capacity=2)

    def __init__(self, address: str, request: SinkRequest) -> None:
        self._shown, self._request = redacted(address), request
        self._watched: StreamSink | None = None
        check_host(address)
        place = _place(address)
        family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        try:
            self._server = socket.create_server(place, family=family, backlog=1)
        except OSError as error:
            why = f"nobody can call here ({os.strerror(error.errno or 0)})"
            raise ImpastoError(f"{self._shown}: {why}; name an address of this machine and a free port") from None
        self._server.setblocking(False)

    @property
    def is_watched(self) -> bool:
        """Whether somebody has called and not left."""
        return self._watched is not None

    def write(self, frame: Frame) -> None:
        """Send a frame to who watches, if anybody does."""
        if self._watched is None and not self._is_called():
            return
        assert self._watched is not None
        try:
            self._watched.write(frame)
        except SignalLost as lost:
            if not self._request.stop.is_set():
                self._request.report(f"{lost}; the next may call")
            self._leave()

    def close(self) -> None:
        """End the stream; nobody can call any more."""
        self._server.close()
        self._leave()

    def _is_called(self) -> bool:
        try:
            caller, (host, *_) = self._server.accept()
        except (BlockingIOError, ConnectionError):  # nobody, or one who is gone again
            return False
        try:
            self._watched = StreamSink(self._shown, lambda: _over(caller), self._request)
        except ImpastoError as error:
            caller.close()
            if isinstance(error.__context__, ConnectionError):
                return False
            raise
        self._request.report(f"{self._shown}: {host} watches")
        return True

    def _leave(self) -> None:
        watched, self._watched = self._watched, None
        if watched is not None:
            with suppress(SignalLost):  # who has left does not miss the end
                watched.close()


def _call(address: str) -> Connection:
    check_host(address)
    return _over(socket.create_connection(_place(address), WRITE_SECONDS))


def _place(address: str) -> tuple[str, int]:
    """Host and port."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or 0


def _over(connection: socket.socket) -> Connection:
    output = TcpOutput(connection)
    with on_failure(output.close):
        container = open_container(output, "mpegts", MPEGTS_OPTIONS)
    return Connection(container, close=output.close)


class TcpOutput:
    """A connection that FFmpeg writes to; TimeoutError where it takes nothing for three seconds."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(WRITE_SECONDS)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)

    def close(self) -> None:
        self._connection.close()
