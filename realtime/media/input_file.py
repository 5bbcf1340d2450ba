"""Opening what a person named as IN: a file, a pipe, or an address on the web. Only a file can be read twice."""

import os
import select
import stat
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import av
from av.container import InputContainer

from engines.errors import BadFile, BadValue, FileMissing, ImpastoError
from engines.failures import on_failure
from realtime.frames.address import redacted
from realtime.media.network import cannot_open, check_host
from realtime.media.streams import file_url

STANDARD_INPUT = "-"
STANDARD_INPUT_FILE = Path("/dev/fd/0")
WEB_SCHEMES = ("http", "https")
LOOK_SECONDS = 0.1
PIPE_REMEDY = "; an MP4 whose index stands at the end has to be saved as a file first"
WEB_REMEDY = f"{PIPE_REMEDY}, where its server gives no parts of files"
SILENCE_SECONDS = 15.0  # of a server, while opening and between two packets
WEB_OPTIONS = {"reconnect": "1", "reconnect_delay_max": "5"}  # where the server can go on from the middle


@dataclass(frozen=True, slots=True)
class Input:
    """An open input and how people call it. `path` is None where it can be read only once.

    `remedy` is to be told where nothing can be read of it.
    """

    container: InputContainer
    name: str
    path: Path | None = None
    remedy: str = ""


class Pipe:
    """The reading end of a pipe, for FFmpeg. It ends with the pipe, or once `stop` is set, even if nothing comes."""

    def __init__(self, descriptor: int, stop: threading.Event) -> None:
        self._descriptor, self._stop = descriptor, stop
        self.has_given = False

    def read(self, most: int) -> bytes:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._descriptor], [], [], LOOK_SECONDS)
            if ready:
                with suppress(BlockingIOError):
                    given = os.read(self._descriptor, most)
                    self.has_given |= bool(given)
                    return given
        return b""

    def close(self) -> None:
        os.close(self._descriptor)


def is_stream(source: str) -> bool:
    """Whether the name is that of standard input or an address, and of no file."""
    return source == STANDARD_INPUT or ("://" in source and not os.path.exists(source))


def open_input(source: Path | str, stop: threading.Event) -> Input:
    """Open a file by its path, or else `-` or an address. A pipe is waited for until `stop` is set.

    Raises FileNotFoundError, or ImpastoError with one line where there is no video that FFmpeg knows.
    """
    if isinstance(source, str) and "://" in source:
        return _open_address(source, stop)
    if source == STANDARD_INPUT:
        return _open_standard_input(stop)
    path = Path(source)
    if path.is_fifo():
        return _open_pipe(os.open(path, os.O_RDONLY | os.O_NONBLOCK), path.name, stop)
    return Input(_open_path(path, str(path)), path.name, path)


def _open_path(path: Path, shown: str) -> InputContainer:
    try:
        return av.open(file_url(path), metadata_errors="replace")
    except av.FileNotFoundError:
        raise FileMissing(f"there is no file {shown}") from None
    except av.FFmpegError as error:
        raise BadFile(f"{shown} is not a video that FFmpeg can read: {error.strerror}") from None


def _open_standard_input(stop: threading.Event) -> Input:
    name = "standard input"
    try:
        descriptor = os.dup(sys.__stdin__.fileno() if sys.__stdin__ else 0)
    except (OSError, ValueError):
        raise BadValue(f"{name} is closed; pipe a video into it, or name a file") from None
    with on_failure(os.close, descriptor):
        if os.isatty(descriptor):
            raise BadValue(f"{name} is the terminal; pipe a video into it, as in: … | impasto video - OUT")
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    if not is_file:
        return _open_pipe(descriptor, name, stop)
    os.close(descriptor)
    return Input(_open_path(STANDARD_INPUT_FILE, name), name)


def _open_pipe(descriptor: int, name: str, stop: threading.Event) -> Input:
    pipe = Pipe(descriptor, stop)
    with on_failure(pipe.close):
        try:
            return Input(av.open(pipe, "r", metadata_errors="replace"), name, remedy=PIPE_REMEDY)
        except av.FFmpegError as error:
            raise BadFile(_why_not(pipe, name, error, stop)) from None


def _why_not(pipe: Pipe, name: str, error: av.FFmpegError, stop: threading.Event) -> str:
    if stop.is_set():
        return f"{name} was not opened: stopped before"
    if not pipe.has_given:
        return f"{name} ended before anything came; what was to write into it?"
    return f"{name} is not a video that can be read from a pipe ({error.strerror}){PIPE_REMEDY}"


def _open_address(address: str, stop: threading.Event) -> Input:
    shown, scheme = redacted(address), urlsplit(address).scheme.lower()
    if scheme not in WEB_SCHEMES:
        raise BadValue(
            f"{shown}: files, - and {' or '.join(WEB_SCHEMES)} addresses are read; impasto live plays others"
        )
    check_host(address)
    try:
        timeout = (SILENCE_SECONDS, SILENCE_SECONDS)
        container = av.open(address, metadata_errors="replace", options=dict(WEB_OPTIONS), timeout=timeout)
    except (av.FFmpegError, TimeoutError) as error:
        if stop.is_set():
            raise ImpastoError(f"{shown} was not opened: stopped before") from None
        raise cannot_open(address, error) from None
    return Input(container, shown, remedy=WEB_REMEDY)
