"""Sound from a microphone, or from anything else that the system lets us hear.

ALSA comes in a binary wheel, and has to be told where this system keeps its configuration, and what it may say.
"""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer

from engines.errors import ImpastoError
from realtime.frames.frame_queue import FrameQueue
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.sound.clock import SoundClock

RATE = 48000
CHANNELS = 2
SAMPLES_A_BLOCK = 960  # 20 ms
MOST_WAITING = 1024  # pieces that the device may deliver at once; sound servers do so
SILENT_SECONDS = 2.0
LEAVING_SECONDS = 1.0
OLDEST_SECONDS = 5.0
DEFAULT_DEVICE = "default"
GRAPH = "lavfi:"
Report = Callable[[str], None]
CONFIGURATION = Path("/usr/share/alsa")
PLUGINS = ("/usr/lib/*-linux-gnu*/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib")
MAPS = Path("/proc/self/maps")
Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the device gave; its first sample was heard at about `heard_at`."""

    piece: av.AudioFrame
    heard_at: float


def open_microphone(device: str, report: Report, stop: threading.Event) -> "Microphone":
    """Listen to `device` until `stop` or `close()`.

    On Linux an ALSA device such as `default` or `hw:1`, on macOS the number or name of an input, on Windows its name.
    `lavfi:GRAPH` is the sound of a libavfilter graph, such as `lavfi:sine=frequency=440`, at its own speed. Raises
    ImpastoError where there is none.
    """
    return Microphone(device, _open(device), report, stop)


class Microphone:
    """Puts 48 kHz stereo sound into `feed`, with times as steady as the device's own.

    Where the device goes away or falls silent, `report` is told once; whoever listens then hears nothing more.
    """

    def __init__(self, device: str, container: InputContainer, report: Report, stop: threading.Event) -> None:
        self.feed = SoundFeed(RATE, CHANNELS)
        self._device = device
        self._container = container
        self._report = report
        self._stop = stop
        self._clock = SoundClock()
        self._resampler = av.AudioResampler("fltp", "stereo", RATE, frame_size=SAMPLES_A_BLOCK)
        self._heard = 0.0  # seconds of the device
        self._told = 0  # samples in the feed
        self._queue: FrameQueue[_Heard] = FrameQueue(MOST_WAITING, newest_only=True)
        # A dead device may hold the first thread inside FFmpeg, where nothing can reach it.
        self._reader = threading.Thread(target=self._read, name="impasto-microphone-device", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="impasto-microphone")
        self._reader.start()
        self._listener.start()

    def close(self) -> None:
        """Release the device; what is in the feed's queues stays there."""
        self._queue.abort()
        self._listener.join()
        self._reader.join(LEAVING_SECONDS)

    def _read(self) -> None:
        try:
            with self._container as container:
                for piece in container.decode(audio=0):
                    if self._stop.is_set() or not self._queue.put(_Heard(piece, _heard_at(container, piece))):
                        return
            self._lose("it has ended")
        except Exception as error:  # a thread's border
            self._lose(str(getattr(error, "strerror", error)))
        finally:
            self._queue.finish()

    def _lose(self, why: str) -> None:
        if not (self._stop.is_set() or self._queue.finished):
            self._report(f"the microphone {self._device} is gone ({why}); going on without its sound")

    def _listen(self) -> None:
        silent_since = time.perf_counter()
        told = False
        while not self._stop.is_set():
            try:
                heard = self._queue.get(timeout_seconds=0.1)
            except TimeoutError:
                if not told and time.perf_counter() - silent_since > SILENT_SECONDS:
                    self._report(f"the microphone {self._device} gives no sound; going on without until it does")
                    told = True
                continue
            if heard is None:
                return
            self._tell(heard)
            silent_since, told = time.perf_counter(), False

    def _tell(self, heard: _Heard) -> None:
        piece = heard.piece
        self._clock.hear(self._heard, heard.heard_at)
        self._heard += piece.samples / piece.sample_rate
        piece.pts = None  # the device's clock; ours counts samples
        for block in self._resampler.resample(piece):
            samples = np.ascontiguousarray(block.to_ndarray(), np.float32)
            self.feed.put(Sound(samples, RATE, self._clock.time_of(self._told / RATE)))
            self._told += block.samples


def _heard_at(container: InputContainer, piece: av.AudioFrame) -> float:
    """When the first sample of a piece was heard, on our clock.

    ALSA tells it on the wall clock, with what waits in its buffers taken off. Elsewhere the piece has just ended.
    """
    now = time.perf_counter()
    age = piece.samples / piece.sample_rate
    if container.format.name == "alsa" and piece.time is not None:
        told = time.time() - piece.time
        age = told if 0 <= told < OLDEST_SECONDS else age
    return now - age


def _open(device: str) -> InputContainer:
    error: av.FFmpegError | None = None
    name, file, tries = _device_of(device)
    for options in tries:
        try:
            return av.open(file, format=name, options=options)
        except av.FFmpegError as failure:
            error = failure
        except ValueError:
            raise ImpastoError(f"this FFmpeg has no {name}, so no microphone; use --audio none") from None
    why = error.strerror if error else "no device"
    raise ImpastoError(f"the microphone {device} cannot be opened ({why}): {_remedy(name)}") from None


def _device_of(device: str) -> tuple[str, str, tuple[dict[str, str], ...]]:
    """FFmpeg's format, its file and the options to try, best first."""
    if device.startswith(GRAPH):
        return "lavfi", f"{device.removeprefix(GRAPH)},arealtime", ({},)
    if sys.platform == "darwin":
        return "avfoundation", f":{device}", ({},)
    if sys.platform == "win32":
        return "dshow", f"audio={device}", ({"audio_buffer_size": "20"},)
    find_alsa_files()
    quieten_alsa()
    rate: dict[str, Any] = {"sample_rate": str(RATE)}
    return "alsa", device, tuple({**rate, "channels": channels} for channels in ("2", "1"))


def _remedy(name: str) -> str:
    lists = {
        "lavfi": "FFmpeg's documentation of filters names the sources of sound",
        "alsa": "it is missing, busy or not allowed; arecord -L lists the devices for --audio microphone:DEVICE",
        "avfoundation": "allow the terminal to use the microphone in System Settings, or name another by its number",
        "dshow": "name it as `ffmpeg -list_devices true -f dshow -i dummy` does, --audio microphone:NAME",
    }
    return lists[name]


def find_alsa_files() -> None:
    """Tell ALSA where to look, before it is used: a wheel of PyAV knows only the machine that it was built on.

    The plugins lead to PulseAudio's and PipeWire's `default`. What a person set is left.
    """
    if (CONFIGURATION / "alsa.conf").exists():
        os.environ.setdefault("ALSA_CONFIG_DIR", str(CONFIGURATION))
    for pattern in PLUGINS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            os.environ.setdefault("ALSA_PLUGIN_DIR", str(folder))


@cache
def quieten_alsa() -> Any:
    """Keep ALSA from writing to stderr past every log; what fails is told by the error it returns.

    Returns the handler, which must live as long as the process.
    """
    handler = Handler(lambda file, line, function, code, text: None)
    for library in _loaded("libasound"):
        ctypes.CDLL(library).snd_lib_error_set_handler(handler)
    return handler


def _loaded(name: str) -> set[str]:
    """The paths of the libraries of this name that this process has loaded."""
    lines = MAPS.read_text().splitlines() if MAPS.exists() else []
    return {line.split(maxsplit=5)[5] for line in lines if f"/{name}" in line}
