"""What is told of an engine and of a run: facts for reports, and lines that are each told once."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engines.loading.engine import Engine


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Which engine painted, and how near it came to the reference; `psnr_db` is None where it equals it to the bit."""

    engine: str
    precision: str
    version: str
    psnr_db: float | None
    floor_db: float | None

    @classmethod
    def of(cls, engine: Engine) -> "EngineFacts":
        spec, gate = engine.spec, engine.gate
        psnr = gate.psnr_db if gate is not None and math.isfinite(gate.psnr_db) else None
        return cls(spec.backend, spec.precision, spec.version, psnr, gate.floor_db if gate else None)

    def __str__(self) -> str:
        return f"{self.engine} {self.precision}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "precision": self.precision,
            "engine_version": self.version,
            "gate": {"psnr_db": self.psnr_db, "floor_db": self.floor_db},
        }


class Notes:
    """Lines that go to the person now and into the report at the end."""

    def __init__(self, report: Callable[[str], None], prefix: str = "note: ") -> None:
        self._report = report
        self._prefix = prefix
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._report(f"{self._prefix}{line}")
