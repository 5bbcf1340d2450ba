"""The clip that is decoded, and how much of it a row takes: so many frames, and on a slow machine fewer.

Where sizes are asked for there is a file of each: no row decodes more than it paints.
"""

import logging
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from engines.errors import BadValue
from engines.failures import on_failure
from realtime.bench.options import BenchOptions
from realtime.files.gpu_frames import AUTO, choose_frames
from realtime.frames.frame import Frame, Sink, SplitSource
from realtime.media.clip import Clip
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import DecodedPicture, FileSource
from realtime.sources.pattern import PatternSource

SCENE_SIZE = (640, 360)
SCENE_RATE = Fraction(30)
LEAST_SCENE = (64, 48)
logger = logging.getLogger("impasto")
LEAST_FRAMES = 4  # of a row, however slow it is


def wanted_sizes(options: BenchOptions) -> list[tuple[int, int]]:
    """The sizes (width, height) to paint at: those asked for, or that of the clip at the height asked for."""
    if options.sizes:
        return list(options.sizes)
    if options.clip is None:
        return [scene_size(options.height)]
    source = FileSource(options.clip, height=options.height)
    source.close()
    return [source.size]


def scene_size(height: int) -> tuple[int, int]:
    """The size (width, height) of the built-in scene at a height."""
    return 2 * round(height * SCENE_SIZE[0] / SCENE_SIZE[1] / 2), height


def clip_of(options: BenchOptions, size: tuple[int, int], folder: Path) -> Path:
    """The built-in scene at that size, or the clip: as it is where no size was asked for or it has it, else scaled."""
    target = folder / f"clip-{size[0]}x{size[1]}.mp4"
    if target.exists():
        return target
    if options.clip is None:
        return render_scene(target, options.frames, size)
    if not options.sizes:
        return options.clip
    source = FileSource(options.clip)
    try:
        return options.clip if source.size == size else _scaled(source, target, options.frames, size)
    finally:
        source.close()


def render_scene(path: Path, frames: int, size: tuple[int, int] = SCENE_SIZE) -> Path:
    """The built-in scene as a video file, so that it is decoded like any clip."""
    if size[0] < LEAST_SCENE[0] or size[1] < LEAST_SCENE[1]:
        raise BadValue(f"the built-in scene has {LEAST_SCENE[0]}x{LEAST_SCENE[1]} pixels at least; give a --clip")
    source = PatternSource(*size, frame_rate=SCENE_RATE, frames=frames)
    sink = FileSink(path, Clip(size=size, time_base=1 / SCENE_RATE, frame_rate=SCENE_RATE))
    while (frame := source.read()) is not None:
        sink.write(frame)
    sink.close()
    source.close()
    return path


def _scaled(source: FileSource, path: Path, frames: int, size: tuple[int, int]) -> Path:
    """The first frames of a clip at another size, without its sound."""
    rate = source.frame_rate or SCENE_RATE
    sink = FileSink(path, Clip(size=size, time_base=source.clip.time_base, frame_rate=rate))
    with on_failure(sink.abort):
        for _ in range(frames):
            if (frame := source.read()) is None:
                break
            smaller = cv2.resize(frame.data, size, interpolation=cv2.INTER_AREA)
            sink.write(replace(frame, data=np.ascontiguousarray(smaller, np.uint8)))
    sink.close()
    return path


class FirstFrames(SplitSource):
    """A file source that ends after `count` frames, or when `seconds` are over and it has given a few."""

    live = False

    def __init__(self, source: FileSource, count: int, seconds: float) -> None:
        self._source = source
        self._allowance = Allowance(count, seconds)
        self.clip = source.clip
        self.size = source.size
        self.frame_rate = source.frame_rate

    def prepare_for(self, stylizer: Stylizer, sink: Sink) -> None:
        """Before the first frame: have frames come, on the GPU or in planes, as `impasto video` would."""
        choose_frames(AUTO, self._source, stylizer, sink, logger.info)

    def grab(self) -> DecodedPicture | None:
        return self._source.grab() if self._allowance.take() else None

    def retrieve(self, grabbed: DecodedPicture) -> Frame:
        return self._source.retrieve(grabbed)

    def close(self) -> None:
        self._source.close()


class Allowance:
    """How many frames a row may still take: `count` in all, and after `seconds` none beyond the least."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count, self._seconds = count, seconds
        self._started = time.perf_counter()
        self.taken = 0

    def take(self) -> bool:
        if self.taken == 0:
            self._started = time.perf_counter()
        late = time.perf_counter() - self._started > self._seconds
        if self.taken >= self._count or (late and self.taken >= LEAST_FRAMES):
            return False
        self.taken += 1
        return True
