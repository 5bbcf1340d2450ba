"""The nouns of the house: a Frame, the Planes that video codecs have, the Source it comes from, the Sink it goes to."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadValue, ImpastoError

Pixels = NDArray[np.uint8]
Plane: TypeAlias = NDArray[np.uint8]
Matrix: TypeAlias = NDArray[np.float64]
RGB_TO_LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601, as OpenCV's grey and the nets' graphs have it


def scaled_size(size: tuple[int, int], scale: float | Fraction, *, least: int = 1) -> tuple[int, int]:
    """Width and height times `scale`, in whole pixels; neither is less than `least`."""
    width, height = size
    return max(least, round(width * scale)), max(least, round(height * scale))


class SignalLost(ImpastoError):
    """A live source gives nothing for now, or a live sink's other end is gone; opening it again may help.

    The message is one line for people: what, and what would bring it back.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Y', Cb and Cr as 8-bit codes.

    `luma` is [H, W] and both planes of `chroma` are [h, w]; rows may lie apart. What the codes mean is said by two
    matrices 3×4: `to_rgb` from (Y', Cb, Cr, 1) to RGB 0..255, and `from_rgb` back.
    """

    luma: Plane
    chroma: tuple[Plane, Plane]
    to_rgb: Matrix
    from_rgb: Matrix

    def __post_init__(self) -> None:
        shapes = [plane.shape for plane in (self.luma, *self.chroma)]
        if any(len(shape) != 2 for shape in shapes) or shapes[1] != shapes[2]:
            raise BadValue(f"planes are [H, W] and twice [h, w], not {shapes}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.luma.shape[1], self.luma.shape[0]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and its times.

    `data` is (H, W, 3) uint8 RGB, C-contiguous. Where it is `on_device` it is a tensor of torch in a GPU's memory; only
    engines and sinks that take such a thing are given it. `pts_seconds` is the presentation time on the source's clock
    and `captured_at` is `time.perf_counter()` when it was read. A source that counts in ticks also gives the exact
    time, `pts * time_base` seconds. `duration` is in ticks, None where the source does not know it. Frames of one
    `take` follow one another: a source that is wound, as at the end of a loop, counts it up.
    Where there are `planes`, they are the picture, and `data` is a smaller copy of it to paint from; only painters and
    sinks that take planes are given them.
    """

    data: Pixels
    pts_seconds: float
    captured_at: float
    pts: int | None = None
    time_base: Fraction | None = None
    duration: int | None = None
    take: int = 0
    planes: Planes | None = None

    def __post_init__(self) -> None:
        data = self.data
        if self.on_device and hasattr(data, "__dlpack__"):
            return
        if data.ndim != 3 or data.shape[2] != 3 or data.dtype != np.uint8:
            raise BadValue(f"a frame is (H, W, 3) uint8, not {data.shape} {data.dtype}")
        if not data.flags.c_contiguous:
            raise BadValue("a frame's rows must lie one after the other; use numpy.ascontiguousarray")

    @property
    def on_device(self) -> bool:
        """Whether the picture lies in a GPU's memory."""
        return not isinstance(self.data, np.ndarray)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.planes.size if self.planes is not None else (self.data.shape[1], self.data.shape[0])

    def __repr__(self) -> str:
        width, height = self.size
        return f"Frame({width}x{height} at {self.pts_seconds:.3f} s)"


class Source(Protocol):
    """Where frames come from. `size` is (width, height); a `live` source may skip frames to stay current.

    A live source raises SignalLost from `read` where no frame has come for a second or its device is gone.
    """

    size: tuple[int, int]
    frame_rate: Fraction | None
    live: bool

    def read(self) -> Frame | None:
        """The next frame, or None at the end; returns or raises within a second."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SplitSource(Protocol):
    """A source whose reading falls into two parts, so that the dear second part may run on several threads."""

    def grab(self) -> Any | None:
        """What must be done in order, on one thread; None at the end."""
        ...

    def retrieve(self, grabbed: Any) -> Frame:
        """The rest; any thread, any order."""
        ...

    def read(self) -> Frame | None:
        """Both at once, as any source does."""
        grabbed = self.grab()
        return None if grabbed is None else self.retrieve(grabbed)


class Sink(Protocol):
    """Where frames go."""

    def write(self, frame: Frame) -> None: ...

    def close(self) -> None:
        """Complete what was written; raises where it cannot be completed."""
        ...


@runtime_checkable
class SplitSink(Protocol):
    """A sink whose writing falls into two parts, so that the first may run on several threads."""

    def prepare(self, frame: Frame) -> Any:
        """What may be done on any thread, in any order."""
        ...

    def put(self, prepared: Any) -> None:
        """The rest, in order, on one thread."""
        ...

    def write(self, frame: Frame) -> None:
        """Both at once, as any sink does."""
        self.put(self.prepare(frame))


@runtime_checkable
class AbortableSink(Protocol):
    """A sink that can take back what it wrote."""

    def abort(self) -> None:
        """Leave nothing under the final name; never raises."""
        ...


@runtime_checkable
class IdleSink(Protocol):
    """A sink that has something to do while no frame comes, as a window has its keys."""

    def idle(self) -> None: ...


@runtime_checkable
class WatchedSink(Protocol):
    """A sink that others call to watch: what it takes while nobody does has reached nobody, and is not counted."""

    @property
    def is_watched(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class SinkHabits:
    """What a live sink wants of those who feed it; a sink says so in an attribute `habits`.

    A `steady` sink gets a frame at each tick of its frame rate: the newest is repeated, or frames are left out, and
    `pts` counts the ticks. A sink `on_main_thread` is opened, written and closed there, as windows must be. `capacity`
    frames may wait for it; then the oldest is dropped. One that is lost within `proving_seconds` of its very first
    frame was refused, and is not opened again.
    """

    steady: bool = False
    on_main_thread: bool = False
    capacity: int = 1
    proving_seconds: float = 0.0


def habits_of(sink: Sink) -> SinkHabits:
    """The habits that a sink tells, or those of a sink that takes what comes."""
    habits: SinkHabits = getattr(sink, "habits", SinkHabits())
    return habits
