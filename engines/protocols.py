"""What a backend and its engines must offer, beyond the values in spec.py, and the checks that all of them share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from engines.errors import BadValue
from engines.spec import Calibration, Controls, EngineSpec, GateReport
from engines.style.styles import StyleFile

CPU = "CPU"  # the device of what paints in main memory


@dataclass(frozen=True, slots=True)
class BackendState:
    """Whether a backend can run here, and why not; `hardware` is what its engines depend on.

    `precisions` are those that "auto" tries, best first. Those `on_request`, which need a calibration or change the
    picture visibly, are taken where asked for by name, and where a net came along in them, which "auto" tries before
    all: `ready` has the checksums of such nets by precision, by the SHA-256 of the graph that each was made of
    (engines/style/metadata.py). `makes_on_request` is False where others cannot be made here. `size_ranges` tells
    whether one engine can take every size of a range, `carries_state` whether its engines are StatefulEngines,
    `no_such_gpu` that the backend is for GPUs that this machine has none of.
    """

    name: str
    available: bool
    reason: str = ""
    version: str = ""
    precisions: tuple[str, ...] = ()
    on_request: tuple[str, ...] = ()
    device: str = CPU
    hardware: str = ""
    size_ranges: bool = False
    carries_state: bool = False
    no_such_gpu: bool = False
    ready: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    makes_on_request: bool = True

    @property
    def all_precisions(self) -> tuple[str, ...]:
        return (*self.precisions, *self.on_request)


@dataclass(frozen=True, slots=True, eq=False)
class BuildAids:
    """What a build may use: a folder of ours for what is kept between builds, frames to calibrate on, and listeners.

    `progress(stage, share)` is called during long builds, share 0..1; what it raises ends the build. `report` is told
    in a line what a person should know of the engine; the cache keeps it, and tells it again.
    """

    folder: Path
    calibration: Calibration | None = None
    progress: Callable[[str, float], None] = lambda stage, share: None
    report: Callable[[str], None] = lambda line: None


class Engine(Protocol):
    """Called like the net it was compiled from: frame uint8 [H, W, 3] RGB in, a new array of the same shape out.

    A frame or style vector of another shape or type is a ValueError. Up to `spec.requests` callers run at once, more
    wait. `gate` is None only until `load_engine` has checked the engine.
    """

    spec: EngineSpec
    gate: GateReport | None

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray: ...
    def close(self) -> None: ...


@runtime_checkable
class RangeEngine(Protocol):
    """An engine that takes every size of `spec.size_range`, as one is where the range was asked for.

    `resized` gives an engine of another size from the same compiled net in a moment, closed by the caller; ValueError
    where the size is outside the range.
    """

    def resized(self, height: int, width: int) -> Engine: ...


@runtime_checkable
class StatefulEngine(Protocol):
    """An engine that carries state from frame to frame where its style has any (engines/style/state.py).

    It takes one frame at a time, `spec.requests` is 1, and each is painted with what the one before left. An engine of
    another size, from `resized` too, has a state of its own. `reset` lets the next frame be the first one; it waits for
    a frame that is in the net. Where the style has no state, `carries_state` is False and `reset` does nothing.
    """

    carries_state: bool

    def reset(self) -> None: ...


@runtime_checkable
class DeviceEngine(Protocol):
    """An engine that also takes frames which lie in the memory of its GPU already, so that they need not travel.

    `paint_device` takes a uint8 [H, W, 3] RGB tensor of torch, C-contiguous on the engine's GPU, and returns a new one;
    errors are those of a call. No stream is shared: the frame is complete when it is handed over, and the result is
    when it is handed back. It is only called where `takes_device_frames`.
    """

    spec: EngineSpec
    takes_device_frames: bool

    def paint_device(self, frame: Any, controls: Controls) -> Any: ...


class Backend(Protocol):
    """One runtime. `build` and `restore` raise EngineRefused, with one line, where it cannot take the style."""

    name: str

    def probe(self) -> BackendState: ...
    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine: ...
    def dump(self, engine: Engine) -> bytes:
        """What makes the next start faster; empty where nothing is worth keeping."""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine: ...


def carries_state(engine: object) -> bool:
    """Whether what it paints depends on the frames before."""
    return isinstance(engine, StatefulEngine) and engine.carries_state


def begin_anew(engine: object) -> None:
    """The next frame is painted as the first of a sequence."""
    if isinstance(engine, StatefulEngine):
        engine.reset()


def check_frame(frame: np.ndarray, spec: EngineSpec) -> np.ndarray:
    """The frame [H, W, 3] as a contiguous batch of one, [1, H, W, 3]; ValueError where the engine cannot take it."""
    wanted = (spec.height, spec.width, 3)
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.shape != wanted:
        found = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise BadValue(f"the frame is {found}; this engine takes uint8 {wanted} in RGB")
    return np.ascontiguousarray(frame)[None]


def resized_spec(spec: EngineSpec, height: int, width: int, *, closed: bool) -> EngineSpec:
    """The spec at another size of its range; ValueError where that is outside, or there is none, or it is closed."""
    sizes = spec.size_range
    if closed or sizes is None or (height, width) not in sizes:
        takes = f"takes {sizes or f'{spec.width}x{spec.height} alone'}"
        raise ValueError(f"the engine {'is closed' if closed else takes}, not {width}x{height}")
    return replace(spec, height=height, width=width)


def check_style(controls: Controls, style_size: int) -> None:
    """ValueError where the style vector is another net's."""
    if controls.style.size != style_size:
        raise BadValue(
            f"the style vector has {controls.style.size} numbers and this net takes {style_size}; "
            "take a vector of the same style file"
        )
