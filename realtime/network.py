"""What goes wrong on the way to another machine, said in one line."""

import socket
from urllib.parse import urlsplit

import av

from engines.errors import ImpastoError
from realtime.address import redacted

REMEDIES: tuple[tuple[type[av.FFmpegError], str], ...] = (
    (av.ConnectionRefusedError, "the connection was refused; is the server running, and is the port right?"),
    (av.HTTPUnauthorizedError, "wrong or missing user and password (401); write them as scheme://user:password@host"),
    (av.HTTPForbiddenError, "the server does not allow it (403); look at user, password and the server's rules"),
    (av.HTTPNotFoundError, "the server has nothing under this path (404); look at the part after the host"),
    (av.HTTPBadRequestError, "the server does not take this request (400); look at the part after the host"),
    (av.HTTPServerError, "the server has an error of its own (5xx); try again later"),
    (av.ExitError, "nothing came in time; is anything being sent there?"),
    (av.TimeoutError, "no answer came in time; is the host right, and no firewall between?"),
    (av.InvalidDataError, "what comes from there is no video that FFmpeg knows"),
    (av.ProtocolNotFoundError, "this FFmpeg does not know the protocol"),
    (av.FileNotFoundError, "there is nothing under this path"),
    (av.OSError, "the other end does not take part; look at host, path and stream key"),
)


def cannot_open(address: str, error: Exception) -> ImpastoError:
    """The error of an opening that failed, for people. FFmpeg's own text would show the whole address."""
    if isinstance(error, ImpastoError):
        return error
    if isinstance(error, TimeoutError) and not isinstance(error, av.FFmpegError):
        return ImpastoError(f"{redacted(address)}: {error}; is the host right, and is anything being sent there?")
    reason = next((remedy for kind, remedy in REMEDIES if isinstance(error, kind)), "")
    words = (getattr(error, "strerror", None) or type(error).__name__).strip()
    return ImpastoError(f"{redacted(address)}: {reason or 'cannot be opened'} ({words})")


def check_host(address: str) -> None:
    """ImpastoError where the address has no readable host and port, or its name is not known; may take seconds."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ImpastoError(f"{redacted(address)}: the port is a number from 0 to 65535") from None
    if not host:
        return
    try:
        socket.getaddrinfo(host, port)
    except (socket.gaierror, UnicodeError):
        raise ImpastoError(f"{redacted(address)}: there is no host {host}; look at its name and the network") from None
