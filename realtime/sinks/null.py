"""A sink that keeps nothing: what is left of the loop is the speed of the rest, and in live use its latency."""

import time
from collections.abc import Callable

from engines.errors import BadValue
from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.frames.time_code import elapsed, read_code

MOST_SECONDS = 60.0  # an older time code is a picture that happens to look like one


class NullSink:
    """Counts frames and forgets them.

    Where `on_code` is set, the time code of each frame that has one is read, and `on_code` is called with its age in
    seconds on the clock of `time.perf_counter`, on the thread that writes.
    """

    def __init__(self, on_code: Callable[[float], None] | None = None) -> None:
        self.frames = 0
        self.on_code = on_code

    @property
    def takes_device_frames(self) -> bool:
        """Whether frames may lie in a GPU's memory: time codes are read from main memory."""
        return self.on_code is None

    def write(self, frame: Frame) -> None:
        self.frames += 1
        if self.on_code is None:
            return
        now = time.perf_counter()  # before the reading, which is no part of the frame's way
        code = read_code(frame.data)
        if code is not None and abs(age := elapsed(code, now)) < MOST_SECONDS:
            self.on_code(age)

    def close(self) -> None:
        """Nothing to complete."""


def open_null(address: str, request: SinkRequest) -> NullSink:
    """The sink that a person wrote as `null:`; ImpastoError where more was written."""
    if address.lower() != "null:":
        raise BadValue(f"{address!r} is not null:, which takes nothing after the colon")
    return NullSink()
