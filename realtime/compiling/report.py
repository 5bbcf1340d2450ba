"""What `impasto compile` has built, for people and as JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.cache import StoredEntry
from engines.spec import EngineSpec
from realtime.compiling.builds import Build

MIB = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEngine:
    """What came of one build: the engine and its entry in the cache, or a `problem` in one line.

    `built` is False where the engine was in the cache already.
    """

    build: Build
    spec: EngineSpec | None = None
    entry: StoredEntry | None = None
    built: bool = False
    problem: str = ""

    def line(self) -> str:
        """`candy 640x360 for video: openvino 2026.4.1 fp32 on CPU; 88.1 dB from …; built in 2.3 s; 5.0 MiB`"""
        if self.spec is None or self.entry is None or self.entry.header is None:
            return f"{self.build}: not built: {self.problem}"
        spec, gate, origin = self.spec, self.entry.header.gate, self.entry.header.origin
        when = f"built in {origin.build_seconds:.1f} s" if self.built else "was there already"
        engine = f"{spec.backend} {spec.version} {spec.precision} on {spec.device}"
        size = f"{self.entry.size_bytes / MIB:.1f} MiB"
        return f"{self.build}: {engine}; {gate.psnr_db:.1f} dB from {gate.reference}; {when}; {size}"

    def as_dict(self) -> dict[str, Any]:
        card, choice = self.build.file.card, self.build.choice
        asked = {
            "file": str(self.build.file.path),
            "styles": list(card.names),
            "width": self.build.width,
            "height": self.build.height,
            "size_range": str(choice.size_range) if choice.size_range else None,
            "uses": self.build.uses,
            "requests": choice.requests,
            "problem": self.problem,
        }
        return asked | self._built()

    def _built(self) -> dict[str, Any]:
        if self.spec is None or self.entry is None or self.entry.header is None:
            return {}
        spec, header = self.spec, self.entry.header
        return {
            "backend": spec.backend,
            "version": spec.version,
            "precision": spec.precision,
            "device": spec.device,
            "threads": spec.threads,
            "pinned": spec.pinned,
            "mode": spec.mode,
            "gate": asdict(header.gate),
            "built": self.built,
            "build_seconds": round(header.origin.build_seconds, 3),
            "entry": str(self.entry.path),
            "size_bytes": self.entry.size_bytes,
        }


@dataclass(frozen=True, slots=True, eq=False)
class CompileReport:
    """Everything that was asked for and came about, and whether it was interrupted before all was there."""

    engines: tuple[CompiledEngine, ...]
    folder: Path
    interrupted: bool = False

    @property
    def failures(self) -> int:
        return sum(bool(engine.problem) for engine in self.engines)

    def summary(self) -> str:
        lines = [engine.line() for engine in self.engines]
        return "\n".join([*lines, f"kept in {self.folder}"] if self.failures < len(lines) else lines)

    def as_dict(self) -> dict[str, Any]:
        engines = [engine.as_dict() for engine in self.engines]
        return {"engines": engines, "folder": str(self.folder), "interrupted": self.interrupted}
