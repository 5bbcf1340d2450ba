"""Opens each live source for tests, with what stands at its other end."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fakes import NumberSource
from foreign_package import install_examples
from servers import free_port
from small_vae import random_vae, write_vae_style
from xvfb import running_screen

from realtime.frames.frame import Frame, Pixels, Source
from realtime.frames.pacing import Ticker
from realtime.frames.request import SinkRequest, SourceRequest
from realtime.live.openers import open_sink, open_source
from realtime.sources.camera import CameraSource
from realtime.sources.camera_mode import CameraMode


def never() -> None:
    """What a source does that cannot starve."""
    raise AssertionError("it cannot starve")


@dataclass
class Stage:
    """An open source, and what makes it give nothing more while it stays open."""

    source: Source
    starve: Callable[[], None] = never


Maker = Callable[[SourceRequest, Path], AbstractContextManager[Stage]]


class FakeCamera:
    """The part of cv2.VideoCapture that a camera needs; it can fall silent."""

    def __init__(self, stop: threading.Event) -> None:
        self.silent = threading.Event()
        self.stop = stop
        self.shown = 0

    def get(self, propId: int, /) -> float:  # noqa: N803
        return 0.0

    def set(self, propId: int, value: float, /) -> bool:  # noqa: N803
        return True

    def wait(self, seconds: float) -> bool:
        if self.silent.is_set():
            self.stop.wait(seconds)
        return not self.silent.is_set()

    def retrieve(self) -> tuple[bool, Pixels]:
        self.shown += 1
        return True, np.full((48, 64, 3), self.shown % 256, np.uint8)

    def release(self) -> None:
        self.silent.set()


@contextmanager
def fake_camera(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    camera = FakeCamera(request.stop)
    mode = CameraMode((64, 48), Fraction(30), "YUYV")
    source = CameraSource("camera:0", camera, mode, camera.wait, request.stop)
    yield Stage(source, camera.silent.set)
    source.close()


@contextmanager
def numbers(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    source = NumberSource(frames=None, live=True)
    yield Stage(source)
    source.close()


@contextmanager
def screen(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    with running_screen((320, 200)) as running:
        source = open_source(f"screen:{running.display}", request)
        yield Stage(source)
        source.close()


@contextmanager
def sending(address: str) -> Iterator[threading.Event]:
    """Somebody who sends pictures there, 25 a second, until the event is set."""
    enough = threading.Event()
    sink = open_sink(address, SinkRequest(size=(320, 240), frame_rate=Fraction(25)))
    ticker = Ticker(Fraction(25), time.perf_counter())

    def send() -> None:
        for number in itertools.count():
            if enough.wait(ticker.wait_seconds(time.perf_counter(), number)):
                return
            pixels = np.full((240, 320, 3), 5 * number % 256, np.uint8)
            sink.write(Frame(pixels, number / 25, time.perf_counter(), number, Fraction(1, 25), 1))

    sender = threading.Thread(target=send, name="impasto-test-send")
    sender.start()
    try:
        yield enough
    finally:
        enough.set()
        sender.join()
        sink.close()


@contextmanager
def received(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with sending(address) as enough:
        source = open_source(address, request)
        yield Stage(source, enough.set)
        source.close()


@contextmanager
def foreign(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    """The one of the examples, as another package's."""
    with pytest.MonkeyPatch.context() as patch:
        install_examples(folder / f"site{len(list(folder.iterdir()))}", patch)
        source = open_source("bars:", request)
        yield Stage(source)
        source.close()


@contextmanager
def dream(request: SourceRequest, folder: Path) -> Iterator[Stage]:
    path = folder / "vae.onnx"
    if not path.exists():
        write_vae_style(path, random_vae("plain"))
    source = open_source(f"dream:{path}?size=96x64&rate=50", request)
    yield Stage(source)
    source.close()


def opened(address: str) -> Maker:
    @contextmanager
    def make(request: SourceRequest, folder: Path) -> Iterator[Stage]:
        source = open_source(address.format(folder=folder), request)
        yield Stage(source)
        source.close()

    return make


MAKERS: dict[str, Maker] = {
    "numbers": numbers,
    "camera": fake_camera,
    "screen": screen,
    "dream": dream,
    "pattern": opened("pattern:64x48@50"),
    "file": opened("{folder}/clip.mp4"),
    "foreign": foreign,
    "udp": received,
}
