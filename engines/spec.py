"""The nouns of the engines: what is asked for, what turns while the video runs, and what the gate found."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from engines.errors import BadValue
from engines.names import AUTO

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

    `ready` is the checksum of the net that it is to be made of, where one came along in this precision. `passed_over`
    is no part of that: what was tried before this one or could not be, with the reasons, for reports.
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
    ready: str = ""
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    @property
    def asked_for(self) -> str:
        """The precision that asks for such an engine again: by name it is another than what came along in it."""
        return AUTO if self.ready else self.precision

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
