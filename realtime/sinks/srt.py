"""SRT through an ffmpeg program: the FFmpeg inside PyAV has no libsrt."""

import os
import re
import shutil
import subprocess
import threading
from contextlib import suppress
from importlib import import_module
from typing import IO
from urllib.parse import unquote_plus

import av

from engines.errors import ImpastoError
from engines.failures import on_failure
from realtime.frames.address import redacted
from realtime.frames.frame import Frame, SignalLost, Sink
from realtime.frames.request import SinkRequest
from realtime.media.network import check_host
from realtime.sinks.stream import MPEGTS_OPTIONS, Connection, StreamSink

ASK_SECONDS = 5.0
END_SECONDS = 1.0
ADDRESS = re.compile(r"srt://[^\s'\"]*[^\s'\":]")
SECRETS = ("passphrase=", "streamid=", "srt_streamid=")
NO_PROGRAM = "there is no ffmpeg with SRT; install your system's ffmpeg, or pip install imageio-ffmpeg"
PROGRAM_OPTIONS = ("-hide_banner", "-nostats", "-nostdin", "-loglevel", "error")
CONNECT_MS = "2000"  # before the stream gives up on a write, so that the reason is known
TO_SRT = ("-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "mpegts", "-connect_timeout", CONNECT_MS)
QUICK_LOOK = ("-probesize", "100000", "-analyzeduration", "200000")  # bytes, microseconds


def open_srt(address: str, request: SinkRequest) -> Sink:
    """MPEG-TS to srt://HOST:PORT, or with `?mode=listener` to whoever calls; ImpastoError where no ffmpeg can."""
    return SrtSink(address, srt_program(), request)


def srt_program() -> str:
    """The path of an ffmpeg that speaks SRT; ImpastoError with what to install where there is none."""
    for program in (shutil.which("ffmpeg"), _program_of_imageio()):
        if program and _speaks_srt(program):
            return program
    raise ImpastoError(NO_PROGRAM)


class SrtSink:
    """A stream into the standard input of ffmpeg, which sends it on.

    Raises SignalLost with the program's last words where it has ended.
    """

    def __init__(self, address: str, program: str, request: SinkRequest) -> None:
        self._address, self._shown = address, redacted(address)
        self._process = _start(program, address)
        self._last_line = ""
        self._listener = threading.Thread(target=self._listen, name="impasto-srt", daemon=True)
        self._listener.start()
        with on_failure(self._end_process):
            called = "mode=listener" in address  # who calls leaves when it likes
            self._stream = StreamSink(self._shown, self._connect, request, may_refuse=not called)
        self.habits = self._stream.habits

    def write(self, frame: Frame) -> None:
        """Send a frame; its `pts` count ticks of the steady rate."""
        try:
            self._stream.write(frame)
        except SignalLost:
            self._process.kill()  # or a write that waits for it would keep its thread
            self._listener.join()
            raise SignalLost(f"{self._shown}: {self._last_line or 'ffmpeg takes no data any more'}") from None

    def close(self) -> None:
        try:
            self._stream.close()
        except SignalLost:
            self._process.kill()  # likewise
            raise
        finally:
            self._end_process()

    def _connect(self) -> Connection:
        assert self._process.stdin is not None
        check_host(self._address)
        options = {"flush_packets": "1", **MPEGTS_OPTIONS}
        pipe = _ProgramInput(self._process.stdin)
        return Connection(av.open(pipe, "w", format="mpegts", container_options=options))

    def _listen(self) -> None:
        """Keep the program's last line, without the secrets of the address."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            words = line.decode(errors="replace").strip()
            if words:
                words = ADDRESS.sub(lambda found: redacted(found[0]), words)
                self._last_line = words if words.startswith("[") else words.partition(": ")[2] or words

    def _end_process(self) -> None:
        """The program ends by itself when its input does; where it is stuck, it is ended."""
        process = self._process
        with suppress(OSError):  # what could not be written is lost with the program
            process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._listener.join()
        process.stderr.close()  # type: ignore[union-attr]


def _start(program: str, address: str) -> subprocess.Popen[bytes]:
    """ffmpeg, its standard input to srt://. Everybody may read a program's command line: the secrets go by a pipe."""
    address, secrets = _without_secrets(address) if os.name == "posix" else (address, "")
    command = [program, *PROGRAM_OPTIONS, *QUICK_LOOK, "-f", "mpegts", "-i", "pipe:0", *TO_SRT]
    reading, writing = os.pipe()
    try:
        os.write(writing, secrets.encode())
        return subprocess.Popen(
            [*command, *(("-fpre", f"/dev/fd/{reading}") if secrets else ()), address],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(reading,) if secrets else (),
        )
    finally:
        os.close(writing)
        os.close(reading)


def _without_secrets(address: str) -> tuple[str, str]:
    """The address without its secret fields, and those as lines of one of ffmpeg's files of options."""
    place, _, query = address.partition("?")
    fields = query.split("&")
    secrets = [_decoded(field) for field in fields if field.startswith(SECRETS)]
    rest = "&".join(field for field in fields if not field.startswith(SECRETS))
    return f"{place}?{rest}" if rest else place, "".join(f"{secret}\n" for secret in secrets)


def _decoded(field: str) -> str:
    """As ffmpeg itself reads a field of an address: a passphrase is taken as it stands, but for its pluses."""
    return field.replace("+", " ") if field.startswith("passphrase") else unquote_plus(field)


class _ProgramInput:
    """A pipe as PyAV writes to it: all at once, and on at once."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[self._pipe.write(rest) :]
        return len(data)


def _program_of_imageio() -> str | None:
    try:
        path: str = import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # RuntimeError: the package is there without its program
        return None
    return path


def _speaks_srt(program: str) -> bool:
    try:
        told = subprocess.run([program, "-hide_banner", "-protocols"], capture_output=True, timeout=ASK_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"srt" in told.stdout.split()
