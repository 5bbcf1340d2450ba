"""The nouns of the engines: what is asked for, what turns while the video runs, and what a backend must offer."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from engines.errors import BadValue
from engines.names import AUTO
from engines.style.styles import StyleFile

# The least PSNR of an engine against the fp32 reference, by precision.
FLOOR_DB = {"fp32": 50.0, "bf16": 38.0, "fp16": 38.0, "fp8": 32.0, "int8": 32.0}


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """What may change from frame to frame: the style vector (float32 [S]), strength and keep_colour (both 0..1)."""

    style: np.ndarray
    strength: float = 1.0
    keep_colour: float = 0.0

    def __post_init__(self) -> None:
        for name in ("strength", "keep_colour"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadValue(f"{name} is {getattr(self, name)}; choose a number from 0 to 1")
        style = np.ascontiguousarray(self.style, dtype=np.float32)
        if style.ndim != 1 or not np.isfinite(style).all():
            raise BadValue(f"the style vector must be a row of finite numbers, not an array of shape {style.shape}")
        object.__setattr__(self, "style", style)

    def graph_inputs(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of a style file's graph for a batch uint8 [1, H, W, 3]."""
        strength, keep_colour = (np.array([value], np.float32) for value in (self.strength, self.keep_colour))
        return {"frame": batch, "style": self.style, "strength": strength, "keep_colour": keep_colour}


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Pictures like those that an int8 or fp8 engine will see, uint8 [N, H, W, 3] RGB: they tell its value ranges."""

    frames: np.ndarray
    source: str

    @property
    def sha256(self) -> str:
        content = repr(self.frames.shape).encode() + np.ascontiguousarray(self.frames).tobytes()
        return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class SizeRange:
    """The sizes (height, width) that one engine takes, from `least` to `most`; it is tuned for the size in use."""

    least: tuple[int, int]
    most: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.least[1]}x{self.least[0]}-{self.most[1]}x{self.most[0]}"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "SizeRange | None":
        """Of what `asdict` made of one, after a way through JSON too; None stays None."""
        return None if values is None else cls(tuple(values["least"]), tuple(values["most"]))

    def __contains__(self, size: tuple[int, int]) -> bool:
        return all(low <= side <= high for low, side, high in zip(self.least, size, self.most, strict=True))


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engines may be taken, and how they share the machine.

    `requests` frames may be in the engine at once, on `threads` cores (0: all), to which they are bound where `pinned`.
    `mode` "latency" gives every frame all the cores, "throughput" shares them out among the requests; "auto" is latency
    for one request. A style that carries state has one request, whatever is asked for. With `strict` the first refusal
    is raised instead of trying the next precision or backend.
    `size_range` asks for one engine that takes every size of the range; `calibration` None means bundled pictures.
    `verbose` has what was passed over told in full: engines for a GPU too where there is none.
    """

    backend: str = AUTO
    precision: str = AUTO
    strict: bool = False
    requests: int = 1
    threads: int = 0
    pinned: bool = False
    mode: str = AUTO
    size_range: SizeRange | None = None
    calibration: Calibration | None = None
    verbose: bool = False


ANY_ENGINE = EngineChoice()


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What an engine is built for; the words are those of `EngineChoice`, and `calibration` is its SHA-256 or "".

    `passed_over` is no part of that: what was tried before this one or could not be, with the reasons, for reports.
    """

    backend: str
    precision: str
    height: int
    width: int
    device: str
    version: str
    requests: int = 1
    threads: int = 0
    pinned: bool = False
    mode: str = "latency"
    size_range: SizeRange | None = None
    calibration: str = ""
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        within = f" in the range {self.size_range}" if self.size_range else ""
        return f"{self.backend} {self.version} {self.precision} on {self.device}, {self.width}x{self.height}{within}"


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One golden frame through an engine: how its picture compared with the reference's.

    `psnr_db` is infinite where they were equal; `max_difference` is the largest difference of a value, 0..255.
    """

    frame: str
    style: str
    height: int
    width: int
    strength: float
    keep_colour: float
    psnr_db: float
    max_difference: int


@dataclass(frozen=True, slots=True)
class GateReport:
    """How an engine compared with the fp32 reference: the least PSNR over `frames` golden frames, in dB.

    `problem` says what was wrong where it did not pass; `checks` are the figures of each frame, in the order they ran.
    """

    reference: str
    psnr_db: float
    floor_db: float
    passed: bool
    frames: int
    problem: str = ""
    checks: tuple[GateCheck, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: each PSNR goes as text, for JSON has no infinity."""
        checks = [{**asdict(check), "psnr_db": str(check.psnr_db)} for check in self.checks]
        return {**asdict(self), "psnr_db": str(self.psnr_db), "checks": checks}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GateReport":
        """What `to_dict` wrote; TypeError, ValueError or KeyError where it did not."""
        checks = tuple(GateCheck(**{**check, "psnr_db": float(check["psnr_db"])}) for check in values["checks"])
        return cls(**{**values, "psnr_db": float(values["psnr_db"]), "checks": checks})


@dataclass(frozen=True, slots=True)
class BackendState:
    """Whether a backend can run here, and why not; `hardware` is what its engines depend on.

    `precisions` are those that "auto" tries, best first; those `on_request` are only taken where asked for by name,
    because they change the picture visibly or need a calibration. `size_ranges` tells whether one engine can take every
    size of a range, `carries_state` whether its engines are StatefulEngines, `no_such_gpu` that the backend is for GPUs
    that this machine has none of.
    """

    name: str
    available: bool
    reason: str = ""
    version: str = ""
    precisions: tuple[str, ...] = ()
    on_request: tuple[str, ...] = ()
    device: str = "CPU"
    hardware: str = ""
    size_ranges: bool = False
    carries_state: bool = False
    no_such_gpu: bool = False

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
