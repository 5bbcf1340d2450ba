"""A painter for tests whose clock, loader and engines are moved by hand."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fakes import CopyingEngine
from small_styles import write_small_style

from engines.loading.engine import Controls
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame, Pixels
from realtime.painting.engine_loader import EngineWanted, LoadedEngine, LoadFailed
from realtime.painting.full_size.join import Join
from realtime.painting.gliding import Look
from realtime.painting.painter import LivePainter, Painting

SIZE = (32, 24)
SECONDS = 0.625
FRAME = 0.0625
GREY = np.full((24, 32, 3), 100, np.uint8)


class RecordingEngine(CopyingEngine):
    """Paints one brightness and remembers what it was asked for; at strength 0 it copies."""

    def __init__(self, size: tuple[int, int], brightness: int) -> None:
        super().__init__(size=size)
        self.seen: list[Controls] = []
        self._brightness = brightness

    def __call__(self, frame: Pixels, controls: Controls) -> Pixels:
        assert not self.closed
        assert frame.shape == (self.spec.height, self.spec.width, 3)
        self.seen.append(controls)
        change = controls.strength * (self._brightness - frame.astype(np.float32))
        return np.rint(frame + change).astype(np.uint8)


@dataclass
class LoaderByHand:
    """What was asked for is handed out when the test says so."""

    asked: list[EngineWanted] = field(default_factory=list)
    ready: list[LoadedEngine | LoadFailed] = field(default_factory=list)
    returned: list[LoadedEngine] = field(default_factory=list)

    def ask(self, wanted: EngineWanted) -> None:
        self.asked.append(wanted)

    def take(self) -> LoadedEngine | LoadFailed | None:
        return self.ready.pop(0) if self.ready else None

    def give_back(self, loaded: LoadedEngine) -> None:
        self.returned.append(loaded)

    def finish(self, brightness: int = 200) -> RecordingEngine:
        """The engine that was asked for last."""
        wanted = self.asked[-1]
        engine = RecordingEngine((wanted.width, wanted.height), brightness)
        self.ready.append(LoadedEngine(wanted, engine))
        return engine

    def fail(self, message: str = "no engine can run this here") -> None:
        self.ready.append(LoadFailed(self.asked[-1], message))


@dataclass
class Stage:
    """A painter with a clock that the test moves on, a frame at a time."""

    fade_seconds: float = SECONDS
    loader: LoaderByHand = field(default_factory=LoaderByHand)
    lines: list[str] = field(default_factory=list)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.painter = LivePainter(
            self.loader, self.lines.append, clock=lambda: self.now, fade_seconds=self.fade_seconds
        )

    def paint(self, look: Look, size: tuple[int, int] = SIZE, pixels: Pixels = GREY) -> Painting:
        self.painter.aim(look, size)
        painting = self.painter(Frame(pixels, self.now, self.now))
        self.now += FRAME
        return painting

    def paint_for(self, seconds: float, look: Look, size: tuple[int, int] = SIZE) -> list[Painting]:
        return [self.paint(look, size) for _ in range(round(seconds / FRAME))]

    def start(self, look: Look, brightness: int = 200) -> RecordingEngine:
        """The engine for the look is there and faded in."""
        self.paint(look)
        engine = self.loader.finish(brightness)
        self.paint_for(1.0, look)
        engine.seen.clear()
        return engine


def write_three_files(folder: Path) -> tuple[StyleFile, StyleFile, StyleFile]:
    first, second, third = (write_small_style(folder / f"{seed}.onnx", seed=seed) for seed in range(3))
    return first, second, third


def shown(painting: Painting) -> Pixels:
    """What a person sees of it: the painting joined with the captured picture, or that alone."""
    assert painting.painted is not None, "no engine was there"
    painted = painting.painted
    return Join().rgb(painted.frame.data, painted.small, painted.pixels, painted.controls)


def brightness(paintings: list[Painting]) -> list[int]:
    return [int(shown(painting)[0, 0, 0]) for painting in paintings]
