"""What a live run says at its end."""

from dataclasses import dataclass
from typing import Any

from engines.spec import EngineSpec
from realtime.live.stats import LiveFigures
from realtime.painting.options import OWN, other_than_own


@dataclass(frozen=True, slots=True)
class SinkFacts:
    """What became of one sink; `error` is empty where nothing went wrong."""

    label: str
    frames: int
    error: str

    def as_dict(self) -> dict[str, Any]:
        return {"sink": self.label, "frames": self.frames, "error": self.error or None}


@dataclass(frozen=True, slots=True)
class LiveReport:
    """A live run in figures; `first_frame_seconds` counts from the start.

    `engine` is the last one that painted, `net` the name of the style file that it was of, and `texture` what strokes
    grew from then. No painting was wanted where the original was shown all the time.
    """

    figures: LiveFigures
    size: tuple[int, int]
    engine: EngineSpec | None
    net: str | None
    sinks: tuple[SinkFacts, ...]
    first_frame_seconds: float | None
    notes: tuple[str, ...]
    interrupted: bool
    painting_wanted: bool = True
    texture: str = OWN

    @property
    def input_broke_off(self) -> bool:
        """Whether something did not work to the end, which the exit code is to say."""
        return any(sink.error for sink in self.sinks)

    def summary(self) -> str:
        figures = self.figures
        latency = "; ".join(f"{label} {late.p50:.0f} ms late" for label, late in figures.latency_ms.items())
        where = f" from copies of {self.engine.width}x{self.engine.height}" if self.engine else ""
        lost = sum(figures.dropped.values())
        lacking = self.engine is None and self.painting_wanted
        return (
            f"painted {figures.painted} of {figures.captured} pictures{where} in {figures.seconds:.1f} s "
            f"({figures.painted_fps:.1f} fps; {latency or 'nothing was shown'}; {lost} dropped)"
            f"{'; it ended before an engine was ready, which `impasto compile` builds ahead' if lacking else ''}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            **self.figures.as_dict(),
            "size": list(self.size),
            "net": self.net,
            "texture": other_than_own(self.texture),
            **_engine_fields(self.engine),
            "sinks": [sink.as_dict() for sink in self.sinks],
            "first_frame_seconds": self.first_frame_seconds,
            "notes": list(self.notes),
            "interrupted": self.interrupted,
        }


def _engine_fields(engine: EngineSpec | None) -> dict[str, Any]:
    """As `impasto video` names them."""
    return {
        "paint_size": [engine.width, engine.height] if engine else None,
        "engine": engine.backend if engine else None,
        "precision": engine.precision if engine else None,
        "engine_version": engine.version if engine else None,
        "passed_over": list(engine.passed_over) if engine else [],
    }
