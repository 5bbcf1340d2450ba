"""A webcam, through OpenCV.

V4L2 is watched with `waitAny`, which returns when it is told to; a plain read of a silent camera would hang for ten
seconds. On macOS and Windows the read itself waits.
"""

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from engines.errors import BadValue, ImpastoError
from engines.failures import on_failure
from realtime.frames.frame import Frame, Pixels, SignalLost, SplitSource
from realtime.frames.request import SourceRequest
from realtime.media.colour.rgb import BT470BG_MATRIX, FULL, ColourTags, ToRgb
from realtime.media.picture_file import quieten_opencv
from realtime.sources.camera_mode import Adjustable, CameraMode, negotiate, written

DEFAULT_SIZE = (1280, 720)
DEFAULT_RATE = Fraction(30)
SILENCE_SECONDS = 1.0
WARM_UP_SECONDS = 5.0  # some cameras measure the light before they give the first picture
LOOK_SECONDS = 0.1  # so that a stop is seen soon
NUMBERED = re.compile(r"(?:/dev/video)?(\d+)")
LINUX = sys.platform == "linux"
BACKENDS = {
    "linux": (cv2.CAP_V4L2,),
    "darwin": (cv2.CAP_AVFOUNDATION,),
    "win32": (cv2.CAP_MSMF, cv2.CAP_DSHOW),
}
JFIF_TAGS = ColourTags(BT470BG_MATRIX, FULL)
NEUTRAL = 128


class Capture(Adjustable, Protocol):
    """The part of cv2.VideoCapture that is used here."""

    def retrieve(self) -> tuple[bool, MatLike]: ...

    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class GrabbedPicture:
    """A picture as the camera sent it: BGR, or the bytes of a JPEG."""

    data: Pixels
    captured_at: float


class CameraSource(SplitSource):
    """Pictures of a camera that was opened in `mode`; `wait(seconds)` grabs the next one, False where none came.

    Grabbing copies a picture out of the driver's memory; colours, and JPEG, are decoded for the pictures that are used.
    """

    live = True

    def __init__(
        self,
        address: str,
        capture: Capture,
        mode: CameraMode,
        wait: Callable[[float], bool],
        stop: threading.Event,
    ) -> None:
        self.mode = mode
        self.size = mode.size
        self.frame_rate = mode.frame_rate
        self._address = address
        self._capture: Capture | None = capture
        self._decode = MotionJpegDecoder(mode.size) if mode.compressed else _rgb
        if mode.compressed:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self._wait = wait
        self._stop = stop
        self._started_at = time.perf_counter()

    def grab(self) -> GrabbedPicture | None:
        """The next picture; None once `stop` is set. SignalLost where none comes for a second."""
        return self.grab_within(SILENCE_SECONDS)

    def grab_within(self, seconds: float) -> GrabbedPicture | None:
        """The next picture, waited for so long."""
        deadline = time.perf_counter() + seconds
        while not self._stop.is_set() and self._capture is not None:
            if (picture := self._next(self._capture)) is not None:
                return picture
            if time.perf_counter() >= deadline:
                raise SignalLost(f"{self._address} has given no picture for {seconds:.0f} s; is it still plugged in?")
        return None

    def retrieve(self, grabbed: GrabbedPicture) -> Frame:
        seconds = max(0.0, grabbed.captured_at - self._started_at)
        return Frame(self._decode(grabbed.data), seconds, grabbed.captured_at)

    def close(self) -> None:
        """Give the camera back."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _next(self, capture: Capture) -> GrabbedPicture | None:
        started = time.perf_counter()
        if self._wait(LOOK_SECONDS):
            come, data = capture.retrieve()
            if come and data is not None and data.size:
                return GrabbedPicture(np.asarray(data, np.uint8), self._captured_at(capture))
        self._stop.wait(started + LOOK_SECONDS - time.perf_counter())  # a driver that fails at once must not be pressed
        return None

    def _captured_at(self, capture: Capture) -> float:
        """The driver's own time of the picture where it is on our clock, as V4L2's is; otherwise now."""
        now = time.perf_counter()
        told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return told if now - SILENCE_SECONDS < told < now else now


class MotionJpegDecoder:
    """Decodes pictures to RGB of `size` (width, height), from any thread."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._codec = av.VideoCodecContext.create("mjpeg", "r")
        self._codec.thread_count = 1  # more threads would hold pictures back
        self._to_rgb = ToRgb(JFIF_TAGS, size, size)
        self._last = np.full((size[1], size[0], 3), NEUTRAL, np.uint8)
        self._lock = threading.Lock()

    def __call__(self, coded: NDArray[np.uint8]) -> Pixels:
        """(H, W, 3) uint8; for a picture that cannot be decoded the one before it, grey before the first."""
        with self._lock:
            try:
                pictures = self._codec.decode(av.Packet(coded.tobytes()))
            except av.FFmpegError:
                pictures = []
            if pictures:
                self._last = self._to_rgb(pictures[-1])
            return self._last


def open_camera(address: str, request: SourceRequest) -> CameraSource:
    """The camera `camera:N`, `camera:` (the first), `camera:/dev/video2`, or the path of its device.

    Asks for the request's size and frame rate, 1280x720 at 30 fps without, takes the nearest that is granted and
    reports it. Raises ImpastoError where there is no such camera, or it may not be used, or gives no picture.
    """
    device = _device(address)
    address = "camera:0" if address == "camera:" else address
    if LINUX:
        from realtime.media.video_devices import refuse_what_cannot_work  # its modules are Linux's own

        refuse_what_cannot_work(address, _path(device))
    _prepare_opencv()
    capture = _capture(address, device)
    with on_failure(capture.release):
        size, rate = request.size or DEFAULT_SIZE, request.frame_rate or DEFAULT_RATE
        mode = negotiate(capture, size, rate)
        source = CameraSource(address, capture, mode, _waiter(address, device, capture), request.stop)
        first = source.grab_within(WARM_UP_SECONDS)
    if first is not None:
        source.size = source.retrieve(first).size  # what counts, whatever the driver says
    asked = "" if mode.reaches(size, rate) else f" (asked {written(size, rate)})"
    request.report(f"{address}: {mode}{asked}")
    return source


def _device(address: str) -> int | str:
    """The number of a camera, or the path of its device."""
    place = address.removeprefix("camera:") or "0"
    number = NUMBERED.fullmatch(place)
    if number is not None:
        return int(number[1])
    if LINUX and place.startswith("/"):
        real = os.path.realpath(place)  # such as /dev/v4l/by-id/...
        number = NUMBERED.fullmatch(real)
        return int(number[1]) if number is not None else real
    raise BadValue(f"{address!r} is no camera; write camera:0, or camera:/dev/video0")


def _path(device: int | str) -> Path:
    return Path(f"/dev/video{device}" if isinstance(device, int) else device)


def _prepare_opencv() -> None:
    quieten_opencv()
    # A driver may call itself ready and have nothing: OpenCV then waits for so many seconds, ten if it is not told.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")


def _capture(address: str, device: int | str) -> cv2.VideoCapture:
    target = str(_path(device)) if LINUX else device
    for backend in BACKENDS.get(sys.platform, (cv2.CAP_ANY,)):
        capture = cv2.VideoCapture(target, backend)
        if capture.isOpened():
            return capture
        capture.release()
    raise ImpastoError(
        f"{address} cannot be opened; is it plugged in, and are cameras allowed in the privacy settings?"
    )


def _waiter(address: str, device: int | str, capture: cv2.VideoCapture) -> Callable[[float], bool]:
    def watch(seconds: float) -> bool:
        try:
            return cv2.VideoCapture.waitAny([capture], int(seconds * 1e9))[0]
        except cv2.error as error:
            if _path(device).exists():
                return False  # a hiccup; silence tells if it is more
            raise SignalLost(f"{address} is gone; plug it in again") from error

    return watch if LINUX else lambda seconds: capture.grab()


def _rgb(picture: Pixels) -> Pixels:
    """OpenCV gives blue first, and grey with one channel or three."""
    grey = picture.ndim == 2 or picture.shape[2] == 1
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if grey else cv2.COLOR_BGR2RGB), np.uint8)
