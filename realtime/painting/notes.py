"""What is told of an engine and of a run: facts for reports, and lines that are each told once."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engines.loading.engine import Engine
from engines.style.styles import StyleFile
from realtime.painting.options import OWN, other_than_own


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Which engine painted, and how near it came to the reference; `psnr_db` is None where it equals it to the bit.

    `passed_over` are the reasons why others were not taken, those for a GPU that is not here among them. `net` is the
    style file that painted, by its name: of two nets of the same styles it tells which. `texture` is what strokes grew
    from.
    """

    engine: str
    precision: str
    version: str
    psnr_db: float | None
    floor_db: float | None
    passed_over: tuple[str, ...] = ()
    net: str | None = None
    texture: str = OWN

    @classmethod
    def of(cls, engine: Engine, style: StyleFile | None = None, texture: str = OWN) -> "EngineFacts":
        spec, gate = engine.spec, engine.gate
        psnr = gate.psnr_db if gate is not None and math.isfinite(gate.psnr_db) else None
        floor = gate.floor_db if gate else None
        net = None if style is None else style.path.name
        return cls(spec.backend, spec.precision, spec.version, psnr, floor, spec.passed_over, net, texture)

    def __str__(self) -> str:
        return f"{self.engine} {self.precision}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "texture": other_than_own(self.texture),
            "engine": self.engine,
            "precision": self.precision,
            "engine_version": self.version,
            "gate": {"psnr_db": self.psnr_db, "floor_db": self.floor_db},
            "passed_over": list(self.passed_over),
        }


def spoken(seconds: float) -> str:
    """`25 s` or `3 min`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


class Notes:
    """Lines that go to the person now and into the report at the end."""

    def __init__(self, report: Callable[[str], None], prefix: str = "note: ") -> None:
        self._report = report
        self._prefix = prefix
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._report(f"{self._prefix}{line}")
