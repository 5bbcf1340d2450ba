"""A TCP connection as PyAV writes to it: FFmpeg's own would hold Python's lock while it waits."""

import socket
from urllib.parse import parse_qs, urlsplit

from engines.errors import ImpastoError
from realtime.live.address import redacted


class TcpOutput:
    """Connected to tcp://HOST:PORT, or with `?listen` to the first who calls; OSError where nobody is there."""

    def __init__(self, address: str, seconds: float) -> None:
        parts = urlsplit(address)
        if parts.port is None:
            raise ImpastoError(f"{redacted(address)} names no port; write tcp://HOST:PORT")
        place = (parts.hostname or "", parts.port)
        if "listen" in parse_qs(parts.query, keep_blank_values=True):
            with socket.create_server(place, backlog=1) as server:
                server.settimeout(seconds)
                self._connection = server.accept()[0]
        else:
            self._connection = socket.create_connection(place, seconds)
        self._connection.settimeout(seconds)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)

    def close(self) -> None:
        self._connection.close()
