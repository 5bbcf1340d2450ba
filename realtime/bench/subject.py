"""What is measured: a clip, the frames of it that are painted, and what paints them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from realtime.clip import Clip
from realtime.frame import Frame
from realtime.options import BenchOptions, StylizeOptions
from realtime.painting import open_stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import DecodedPicture, FileSource
from realtime.stylizer import Stylizer

SCENE_SIZE = (640, 360)
SCENE_RATE = Fraction(30)


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything that the measurements share."""

    clip: Path
    options: BenchOptions
    stylizer: Stylizer

    def source(self) -> "FirstFrames":
        return FirstFrames(FileSource(self.clip, height=self.options.height), self.options.frames)

    def frames(self, count: int) -> list[Frame]:
        """The first frames of the clip, decoded."""
        source = self.source()
        try:
            return [frame for _ in range(count) if (frame := source.read()) is not None]
        finally:
            source.close()


class FirstFrames:
    """A file source that ends after `count` frames."""

    live = False

    def __init__(self, source: FileSource, count: int) -> None:
        self._source = source
        self._left = count
        self.clip = source.clip
        self.size = source.size
        self.frame_rate = source.frame_rate

    def grab(self) -> DecodedPicture | None:
        if self._left == 0:
            return None
        self._left -= 1
        return self._source.grab()

    def retrieve(self, grabbed: DecodedPicture) -> Frame:
        return self._source.retrieve(grabbed)

    def read(self) -> Frame | None:
        grabbed = self.grab()
        return None if grabbed is None else self.retrieve(grabbed)

    def close(self) -> None:
        self._source.close()


@contextmanager
def prepared(options: BenchOptions, folder: Path, report: Callable[[str], None]) -> Iterator[Subject]:
    """The subject of these options; the built-in scene is rendered into `folder` where no clip was named."""
    clip = options.clip or render_scene(folder / "scene.mp4", options.frames)
    source = FileSource(clip, height=options.height, report=report)
    source.close()
    stylizer = open_stylizer(painting_options(options), source.size, report=report)
    try:
        yield Subject(clip, options, stylizer)
    finally:
        stylizer.engine.close()


def painting_options(options: BenchOptions) -> StylizeOptions:
    return StylizeOptions(
        style=options.style, height=options.height, engine=options.engine, precision=options.precision
    )


def render_scene(path: Path, frames: int) -> Path:
    """The built-in scene as a video file, so that it is decoded like any clip."""
    from realtime.sources.pattern import PatternSource

    source = PatternSource(*SCENE_SIZE, frame_rate=SCENE_RATE, frames=frames)
    sink = FileSink(path, Clip(size=SCENE_SIZE, time_base=1 / SCENE_RATE, frame_rate=SCENE_RATE))
    while (frame := source.read()) is not None:
        sink.write(frame)
    sink.close()
    source.close()
    return path
