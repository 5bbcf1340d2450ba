"""What a command says when its work is done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime.files.stats import RunStats
from realtime.media.containers import STANDARD_OUTPUT
from realtime.media.encoders import Encoding
from realtime.media.picture_reader import words_about
from realtime.painting.notes import EngineFacts


@dataclass(frozen=True, slots=True)
class VideoReport:
    """What `impasto video` did. `size` is (width, height); `first_frame_seconds` counts from the command's start.

    With `input_broke_off` the output holds what could be decoded of a damaged input; the command fails all the same.
    `stage_ms` holds the median milliseconds per frame of decode, convert, net and encode. `encoding` is None where
    pictures were written.
    """

    stats: RunStats
    size: tuple[int, int]
    output: Path
    engine: EngineFacts
    first_frame_seconds: float | None
    notes: tuple[str, ...] = field(default=())
    input_broke_off: bool = False
    encoding: Encoding | None = None

    @property
    def interrupted(self) -> bool:
        return self.stats.stopped

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        first = self.first_frame_seconds
        return {
            "output": str(self.output),
            "frames": self.stats.frames,
            "seconds": round(self.stats.seconds, 3),
            "fps": round(self.stats.fps, 2),
            "size": list(self.size),
            "stage_ms": {stage: round(ms, 3) for stage, ms in self.stats.stage_ms.items()},
            "first_frame_seconds": None if first is None else round(first, 3),
            **self.engine.as_dict(),
            **(_told(self.encoding) if self.encoding else {}),
            "interrupted": self.interrupted,
            "input_broke_off": self.input_broke_off,
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """One line for people."""
        width, height = self.size
        done = "stopped after" if self.interrupted else "painted"
        named = "standard output" if self.output == STANDARD_OUTPUT else self.output
        where = named if self.stats.frames else "nothing written"
        frames = "1 frame" if self.stats.frames == 1 else f"{self.stats.frames} frames"
        return (
            f"{done} {frames} of {width}x{height} in {self.stats.seconds:.1f} s "
            f"({self.stats.fps:.1f} fps, {self.engine}): {where}"
        )


def _told(encoding: Encoding) -> dict[str, Any]:
    return {"encoder": encoding.encoder.name, "crf": encoding.crf, "preset": encoding.preset}


@dataclass(frozen=True, slots=True)
class ImageReport:
    """What `impasto image` did: the pictures written, those that could not, and the seconds it took in all."""

    outputs: tuple[Path, ...]
    seconds: float
    net_ms: float
    engine: EngineFacts | None
    interrupted: bool
    notes: tuple[str, ...] = field(default=())
    left_out: tuple[Path, ...] = ()

    @property
    def input_broke_off(self) -> bool:
        """Whether a picture could not be read or painted; the command fails all the same."""
        return bool(self.left_out)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "outputs": [str(path) for path in self.outputs],
            "pictures": len(self.outputs),
            "left_out": [str(path) for path in self.left_out],
            "seconds": round(self.seconds, 3),
            "stage_ms": {"net": round(self.net_ms, 3)},
            **(self.engine.as_dict() if self.engine else {}),
            "interrupted": self.interrupted,
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """One line for people."""
        left_out = words_about(len(self.left_out))
        return painted_pictures(self.outputs, self.seconds) + (left_out and f"{left_out} or painted")


def painted_pictures(outputs: Sequence[Path], seconds: float) -> str:
    """How many were painted, in what time, and where they lie."""
    count = len(outputs)
    where = "" if not count else f": {outputs[0] if count == 1 else outputs[0].parent}"
    return f"painted {count} picture{'' if count == 1 else 's'} in {seconds:.1f} s{where}"
