"""Raw pictures on standard output, for other programs."""

import sys
import threading
import time
from contextlib import suppress
from fractions import Fraction

import numpy as np

from engines.errors import BadValue, ImpastoError
from realtime.frames.frame import Frame, Pixels, Sink, SinkHabits
from realtime.frames.request import SinkRequest
from realtime.media.colour.rgb import LIMITED, ColourTags, FromRgb
from realtime.media.reader_pipe import write_to_reader

Y4M, RAWVIDEO = "y4m", "rawvideo"
EXAMPLES = {
    Y4M: "impasto live --to pipe: | ffplay -",
    RAWVIDEO: "impasto live --to pipe:rawvideo | ffplay -f rawvideo -pixel_format rgb24 -video_size WIDTHxHEIGHT -",
}
UNTOLD = ColourTags(range=LIMITED)  # Y4M has no word for the matrix: the one that readers guess by the size
WRITE_SECONDS = 1.0
CLOSE_SECONDS = 1.0


def open_pipe(address: str, request: SinkRequest) -> Sink:
    """`pipe:` or `pipe:y4m` writes YUV4MPEG2, `pipe:rawvideo` RGB, 24 bits a pixel. ImpastoError at a terminal."""
    kind = address.partition(":")[2] or Y4M
    if kind not in EXAMPLES:
        raise BadValue(f"{address}: there is no pipe of {kind}, only {' and '.join(EXAMPLES)}")
    if sys.stdout.isatty():
        raise ImpastoError(f"{address} writes pictures, and here is a terminal; give it a reader: {EXAMPLES[kind]}")
    return PipeSink(sys.stdout.fileno(), request, kind)


class PipeSink:
    """Pictures at a steady rate to an open file descriptor, which stays open.

    A reader that pauses makes frames drop, never a part of one. BrokenPipeError where it has left.
    """

    habits = SinkHabits(steady=True, capacity=2)

    def __init__(self, descriptor: int, request: SinkRequest, kind: str = Y4M) -> None:
        self._descriptor, self._stop = descriptor, request.stop
        self._from_rgb = FromRgb(UNTOLD, request.size, even=False) if kind == Y4M else None
        self._rest = memoryview(_y4m_header(request.size, request.frame_rate) if self._from_rgb else b"")

    def write(self, frame: Frame) -> None:
        """Write a frame; it is dropped where the reader takes nothing for a second."""
        if self._written(WRITE_SECONDS, self._stop):
            self._rest = memoryview(self._coded(frame.data))
            self._written(WRITE_SECONDS, self._stop)

    def close(self) -> None:
        """Complete the last frame, if the reader takes it within a second."""
        with suppress(BrokenPipeError):  # nobody is left who could miss it
            self._written(CLOSE_SECONDS, threading.Event())

    def _coded(self, pixels: Pixels) -> bytes:
        if self._from_rgb is None:
            return pixels.tobytes()
        picture = self._from_rgb(pixels)
        planes = [
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].tobytes()  # type: ignore[call-overload]
            for plane in picture.planes
        ]
        return b"FRAME\n" + b"".join(planes)

    def _written(self, seconds: float, stop: threading.Event) -> bool:
        """Write the rest, waiting for the reader; False where it did not take all in time."""
        deadline = time.perf_counter() + seconds
        try:
            taken = write_to_reader(
                self._descriptor, self._rest, lambda _: stop.is_set() or time.perf_counter() > deadline
            )
        except BrokenPipeError:
            self._rest = memoryview(b"")
            raise BrokenPipeError("its reader has left") from None
        self._rest = self._rest[taken:]
        return not self._rest


def _y4m_header(size: tuple[int, int], rate: Fraction) -> bytes:
    """Square pixels, progressive, chroma in the middle of its four; limited range, as Y4M is where it says nothing."""
    width, height = size
    header = f"YUV4MPEG2 W{width} H{height} F{rate.numerator}:{rate.denominator} Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n"
    return header.encode()
