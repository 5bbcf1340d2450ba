"""A TCP connection as PyAV writes to it: FFmpeg's own would hold Python's lock while it waits."""

import socket
from urllib.parse import parse_qs, urlsplit

from engines.errors import ImpastoError
from realtime.frames.address import redacted


def listens(address: str) -> bool:
    """Whether the address asks to be called rather than to call."""
    return "listen" in parse_qs(urlsplit(address).query, keep_blank_values=True)


class TcpOutput:
    """Connected to tcp://HOST:PORT, or with `?listen` to the first who calls; OSError where nobody is there."""

    def __init__(self, address: str, seconds: float) -> None:
        parts = urlsplit(address)
        place = (parts.hostname or "", parts.port or 0)
        if listens(address):
            with socket.create_server(place, backlog=1) as server:
                self._connection = _first_caller(server, redacted(address), seconds)
        else:
            self._connection = socket.create_connection(place, seconds)
        self._connection.settimeout(seconds)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)

    def close(self) -> None:
        self._connection.close()


def _first_caller(server: socket.socket, shown: str, seconds: float) -> socket.socket:
    server.settimeout(seconds)
    try:
        return server.accept()[0]
    except TimeoutError:
        raise ImpastoError(
            f"{shown}: nobody called within {seconds:.0f} s; start who is to watch at the same time"
        ) from None
