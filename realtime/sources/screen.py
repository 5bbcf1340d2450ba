"""The screen, through FFmpeg's grabber of the system: x11grab on Linux, avfoundation on macOS, gdigrab on Windows.

Every picture is taken when it is asked for, so none is old. Only x11grab has been run.
"""

import os
import re
import sys
import threading
import time
from dataclasses import dataclass
from fractions import Fraction

import av

from engines.errors import BadValue, ImpastoError
from realtime.frames.frame import Frame, SignalLost, SplitSource, scaled_size
from realtime.frames.request import SourceRequest
from realtime.media.colour.rgb import ColourTags, ToRgb

DEFAULT_RATE = Fraction(30)
LEAST_RATE = Fraction(2)  # grabbers wait for the next picture's time, and no read may take a second
UNPROBED = {"probesize": "32", "analyzeduration": "0", "fflags": "nobuffer"}  # or the first pictures are old ones
WRITTEN = re.compile(r"screen:(?P<display>:\d+(?:\.\d+)?)?[,@]?(?P<area>(\d+)x(\d+)(?:\+(\d+)\+(\d+))?)?")


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a screen in pixels."""

    width: int
    height: int
    left: int = 0
    top: int = 0

    def __str__(self) -> str:
        return f"{self.width}x{self.height}+{self.left}+{self.top}"


@dataclass(frozen=True, slots=True)
class GrabbedScreen:
    """A picture as the grabber gave it."""

    picture: av.VideoFrame
    captured_at: float


@dataclass(frozen=True, slots=True)
class Grabber:
    """What FFmpeg is told: its name of the grabber and of the screen, and the grabber's options."""

    name: str
    screen: str
    options: dict[str, str]


class ScreenSource(SplitSource):
    """Pictures of a screen, scaled to `size` (width, height)."""

    live = True

    def __init__(
        self,
        address: str,
        container: av.container.InputContainer,
        size: tuple[int, int],
        frame_rate: Fraction,
        stop: threading.Event,
    ) -> None:
        self.size = size
        self.frame_rate: Fraction | None = frame_rate
        self._address = address
        self._container: av.container.InputContainer | None = container
        stream = container.streams.video[0]
        self._pictures = container.decode(stream)
        self._to_rgb = ToRgb(ColourTags(), (stream.width, stream.height), size)
        self._stop = stop
        self._started_at = time.perf_counter()

    def grab(self) -> GrabbedScreen | None:
        """The screen as it is now; None once `stop` is set. SignalLost where the screen is gone."""
        if self._stop.is_set() or self._container is None:
            return None
        try:
            return GrabbedScreen(next(self._pictures), time.perf_counter())
        except (av.FFmpegError, StopIteration) as error:
            raise SignalLost(f"{self._address}: the screen is gone; is its session still there?") from error

    def retrieve(self, grabbed: GrabbedScreen) -> Frame:
        seconds = grabbed.captured_at - self._started_at
        return Frame(self._to_rgb(grabbed.picture), seconds, grabbed.captured_at)

    def close(self) -> None:
        """Let the screen go."""
        container, self._container = self._container, None
        if container is not None:
            container.close()


def open_screen(address: str, request: SourceRequest) -> ScreenSource:
    """The screen `screen:`, a part of it `screen:640x360+100+50`, or another display `screen::1`, `screen::1,640x360`.

    The picture is scaled down, with its shape, to fit into the request's size. Raises ImpastoError where there is no
    screen to grab.
    """
    written = WRITTEN.fullmatch(address)
    if written is None:
        raise BadValue(f"{address!r} is no screen; write screen:, screen:WIDTHxHEIGHT+LEFT+TOP, or screen::1")
    address = address.removesuffix(":")
    numbers = [int(number or 0) for number in written.groups()[2:]]
    area = Area(*numbers) if written["area"] else None
    rate = max(request.frame_rate or DEFAULT_RATE, LEAST_RATE)
    container = _open(address, _grabber(address, written["display"], area, rate, request), area)
    stream = container.streams.video[0]
    size = fitting((stream.width, stream.height), request.size)
    scaled = "" if size == (stream.width, stream.height) else f", scaled to {size[0]}x{size[1]}"
    request.report(f"{address}: {stream.width}x{stream.height} at {float(rate):.4g} fps{scaled}")
    return ScreenSource(address, container, size, rate, request.stop)


def fitting(size: tuple[int, int], wanted: tuple[int, int] | None) -> tuple[int, int]:
    """The largest size of the same shape that is no larger than `wanted`, nor than the size itself."""
    if wanted is None:
        return size
    scale = min(Fraction(1), *(Fraction(most, length) for most, length in zip(wanted, size, strict=True)))
    return scaled_size(size, scale)


def _grabber(address: str, display: str | None, area: Area | None, rate: Fraction, request: SourceRequest) -> Grabber:
    options = {"framerate": str(rate), **UNPROBED}
    if sys.platform == "darwin":
        if area is not None:
            raise BadValue(f"{address}: macOS gives whole screens only; write screen:")
        number = (display or ":0").removeprefix(":").partition(".")[0]
        return Grabber("avfoundation", f"Capture screen {number}:none", {**options, "capture_cursor": "1"})
    if area is not None:
        options["video_size"] = f"{area.width}x{area.height}"
    if sys.platform == "win32":
        place = {"offset_x": str(area.left), "offset_y": str(area.top)} if area is not None else {}
        return Grabber("gdigrab", "desktop", options | place)
    place = {"grab_x": str(area.left), "grab_y": str(area.top)} if area is not None else {}
    return Grabber("x11grab", display or _display(address, request), options | place)


def _display(address: str, request: SourceRequest) -> str:
    """The X display of this session."""
    wayland = "WAYLAND_DISPLAY" in os.environ
    display = os.environ.get("DISPLAY", "")
    if not display:
        why = "a Wayland session hides its screen from other programs" if wayland else "DISPLAY is not set"
        way = "log in with X11 (Xorg), or show the screen in OBS and take its virtual camera as camera:N"
        raise ImpastoError(
            f"{address}: there is no screen to grab, {why}; {way if wayland else 'name one, as in screen::0'}"
        )
    if wayland:
        request.report(f"{address}: in a Wayland session only the windows of X11 programs are seen")
    return display


def _open(address: str, grabber: Grabber, area: Area | None) -> av.container.InputContainer:
    try:
        return av.open(grabber.screen, format=grabber.name, options=grabber.options)
    except av.FFmpegError as error:
        if area is not None:
            raise ImpastoError(f"{address}: {area} cannot be grabbed; does all of it lie on the screen?") from error
        raise ImpastoError(f"{address}: the screen {grabber.screen} cannot be grabbed ({error.strerror})") from error
