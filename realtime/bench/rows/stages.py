"""The waterfall: what each stage of the pipeline costs while no other runs, and which one bounds the whole."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from realtime.bench.inputs.clips import FirstFrames
from realtime.bench.inputs.subject import Subject
from realtime.bench.rows.rows import allowance_of, each_ms, frames_a_second
from realtime.files.loop import worker_count
from realtime.files.stats import STAGES
from realtime.frames.frame import Frame
from realtime.painting.full_size.join import Painted
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import DecodedPicture

PICTURES_KEPT = 24
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class StageAlone:
    """One stage alone: `ms` of one frame on one thread, and frames a second on the threads it has in the pipeline."""

    ms: float
    fps: float


def stages_alone(subject: Subject, output: Path, net: StageAlone) -> dict[str, StageAlone]:
    """Every stage by name in the order in which a frame meets them; `net` was measured before, as a row."""
    ended = threading.Event()
    ended.set()
    source = subject.source()
    sink = FileSink(output, source.clip, stop=ended)
    workers = worker_count(subject.stylizer, converts=True)
    try:
        source.prepare_for(subject.stylizer, sink)
        decode, pictures = _decode(source)
        frames = [source.retrieve(picture) for picture in pictures]
        converting = _parallel(subject, source.retrieve, pictures, workers)
        painted = _painted(subject, frames)
        steadying = _one_by_one(subject, partial(_steadied, subject.stylizer), painted)
        held = [subject.stylizer.steadied(each) for each in painted]
        join = subject.single.join
        joining = _parallel(subject, lambda each: sink.prepare(join(each)), held, workers)
        encode = _encode(sink, [join(each) for each in held])
    finally:
        sink.abort()
        source.close()
    return dict(zip(STAGES, (decode, converting, net, steadying, joining, encode), strict=True))


def _steadied(stylizer: Stylizer, painted: Painted) -> Painted:
    """With the watching before it is painted."""
    return stylizer.steadied(painted, stylizer.watched(painted.frame, painted.small))


def _decode(source: FirstFrames) -> tuple[StageAlone, list[DecodedPicture]]:
    """Decoding to the end of the row, and the first pictures of it. FFmpeg decodes on threads of its own."""
    pictures: list[DecodedPicture] = []
    count, started = 0, time.perf_counter()
    while (grabbed := source.grab()) is not None:
        count += 1
        if count <= PICTURES_KEPT:
            pictures.append(grabbed)
    fps = count / (time.perf_counter() - started)
    return StageAlone(1e3 / fps, fps), pictures


def _parallel(subject: Subject, work: Callable[[Item], object], items: Sequence[Item], workers: int) -> StageAlone:
    alone = sorted(each_ms(work, items, allowance_of(subject)))
    fps = frames_a_second(work, items, allowance_of(subject), threads=workers)
    return StageAlone(alone[len(alone) // 2], fps)


def _one_by_one(subject: Subject, work: Callable[[Item], object], items: Sequence[Item]) -> StageAlone:
    times = sorted(each_ms(work, items, allowance_of(subject)))
    median = times[len(times) // 2]
    return StageAlone(median, 1e3 / median)


def _painted(subject: Subject, frames: Sequence[Frame]) -> list[Painted]:
    """Painted frames are harder to encode than those of the clip; a slow net paints only the first of them."""
    allowance, single = allowance_of(subject), subject.single
    return [single.paint(frame, single.small(frame)) for frame in frames if allowance.take()]


def _encode(sink: FileSink, frames: Sequence[Frame]) -> StageAlone:
    """Until the last frame is in the file: encoders hold some back."""
    prepared = [sink.prepare(frame) for frame in frames]
    started = time.perf_counter()
    for picture in prepared:
        sink.put(picture)
    sink.close()
    fps = len(prepared) / (time.perf_counter() - started)
    return StageAlone(1e3 / fps, fps)
