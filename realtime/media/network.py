"""Addresses on other machines: what goes wrong on the way there, said in one line, and where an HLS playlist lies."""

import os
import re
import socket
from errno import ECONNRESET
from pathlib import Path
from urllib.parse import urlsplit

import av

from engines.errors import BadValue, ImpastoError
from realtime.frames.address import PLAYLIST, redacted

PORTLESS = ("udp", "tcp", "srt")  # no port is usual; and no host is this one
PORTS = {"rtmp": 1935, "rtmps": 443, "rtsp": 554}
RTMP_HELLO = bytes([3]) + bytes(1536)  # C0 and C1 of the RTMP specification, 5.2; S0 and S1 are as long
FIRST_WORDS = {"rtmp": (RTMP_HELLO, len(RTMP_HELLO)), "rtsp": (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 1)}
REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "the connection was refused; is the server running, and is the port right?"),
    (av.HTTPUnauthorizedError, "wrong or missing user and password (401); write them as scheme://user:password@host"),
    (av.HTTPForbiddenError, "the server does not allow it (403); look at user, password and the server's rules"),
    (av.HTTPNotFoundError, "the server has nothing under this path (404); look at the part after the host"),
    (av.HTTPBadRequestError, "the server does not take this request (400); look at the part after the host"),
    (av.HTTPServerError, "the server has an error of its own (5xx); try again later"),
    (av.ExitError, "nothing came in time; is anything being sent there?"),
    (TimeoutError, "no answer came in time; is the host right, and no firewall between?"),
    (av.InvalidDataError, "what comes from there is no video that FFmpeg knows"),
    (av.EOFError, "what comes from there ends before there is a picture in it"),
    (av.ProtocolNotFoundError, "this FFmpeg does not know the protocol"),
    (FileNotFoundError, "there is nothing under this path"),
    (OSError, "the other end does not take part; look at host, path and stream key"),
)
DEFAULT_PLAYLIST = "stream.m3u8"
COUNTED = re.compile(r"%[0-9d]")
URL_SIGNS = str.maketrans(":%", "--")  # a player would read a name with them as an address


def cannot_open(address: str, error: Exception) -> ImpastoError:
    """The error of an opening that failed, for people. FFmpeg's own text would show the whole address."""
    if isinstance(error, ImpastoError):
        return error
    reason = next((remedy for kind, remedy in REMEDIES if isinstance(error, kind)), "")
    words = getattr(error, "strerror", None) or "timed out"
    return ImpastoError(f"{redacted(address)}: {reason or 'cannot be opened'} ({words})")


def check_host(address: str) -> None:
    """ImpastoError where the address has no host and port, or the name is not known; may take seconds."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadValue(f"{redacted(address)}: the port is a number from 0 to 65535") from None
    scheme = parts.scheme
    if scheme in PORTLESS and port is None:
        raise BadValue(f"{redacted(address)} names no port; write {scheme}://HOST:PORT")
    if not host and "://" in address and scheme not in PORTLESS:
        raise BadValue(f"{redacted(address)} names no host; write {scheme}://HOST/PATH")
    if not host:
        return
    try:
        socket.getaddrinfo(host, port)
    except (socket.gaierror, UnicodeError):
        raise ImpastoError(f"{redacted(address)}: there is no host {host}; look at its name and the network") from None


def check_answers(address: str, seconds: float) -> None:
    """OSError or TimeoutError where the server of an RTMP or RTSP address does not answer its first words.

    PyAV opens and ends outputs while it holds Python's lock: a server that is stuck would stop the whole program.
    """
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    words, answer_bytes = FIRST_WORDS.get(scheme, (b"", 0))
    with socket.create_connection((parts.hostname or "", parts.port or PORTS[scheme]), seconds) as connection:
        connection.sendall(words)
        while answer_bytes > 0:
            answer = connection.recv(answer_bytes)
            if not answer:
                raise ConnectionResetError(ECONNRESET, os.strerror(ECONNRESET))
            answer_bytes -= len(answer)


def playlist_path(address: str) -> Path:
    """Of `hls:FOLDER`, `hls:PATH` or the path of a playlist."""
    path = Path(address.removeprefix("hls:") or ".")
    return path if path.name.lower().endswith(PLAYLIST) else path / DEFAULT_PLAYLIST


def segment_pattern(playlist: Path) -> Path:
    """The segments beside a playlist, as FFmpeg counts them; ImpastoError where it would count in the folder's name."""
    if COUNTED.search(str(playlist.parent)):
        raise BadValue(f"{playlist.parent} has a % that FFmpeg would count at; name another folder for HLS")
    return playlist.parent / f"{playlist.stem.translate(URL_SIGNS)}-%d.ts"
