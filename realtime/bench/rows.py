"""The rows of the table (the net alone, decode to nothing, decode to file), and each stage alone."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from realtime.bench.subject import Subject
from realtime.encoding import choose_encoding
from realtime.frame import Frame, Sink
from realtime.loop import run, worker_count
from realtime.sinks.file import FileSink
from realtime.sinks.null import NullSink

FRAMES_IN_MEMORY = 32
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement of one row: frames a second, and the milliseconds that a frame spent in each stage."""

    fps: float
    stage_ms: dict[str, float]


def net_only(subject: Subject) -> Measurement:
    """The engine on frames that lie in memory, as many at once as it takes; `net` is the time of one frame in it."""
    frames = subject.frames(FRAMES_IN_MEMORY)
    stylizer = subject.stylizer
    stylizer(frames[0])
    seconds: list[float] = []

    def paint(frame: Frame) -> None:
        started = time.perf_counter()
        stylizer(frame)
        seconds.append(time.perf_counter() - started)

    repeated = [frames[number % len(frames)] for number in range(subject.options.frames)]
    fps = frames_a_second(paint, repeated, threads=stylizer.requests)
    return Measurement(fps, {"net": 1e3 * sorted(seconds)[len(seconds) // 2]})


def to_null(subject: Subject) -> Measurement:
    """decode → stylize → nothing."""
    return _pipeline(subject, NullSink())


def to_file(subject: Subject, output: Path) -> Measurement:
    """decode → stylize → encode, as `impasto video` does it; the sound ends with the last frame that is measured."""
    source = subject.source()
    clip = source.clip
    source.close()
    sound_ends = threading.Event()
    sound_ends.set()
    return _pipeline(subject, FileSink(output, clip, stop=sound_ends))


def _pipeline(subject: Subject, sink: Sink) -> Measurement:
    stats = run(subject.source(), subject.stylizer, [sink])
    return Measurement(stats.fps, stats.stage_ms)


def stages_alone(subject: Subject, output: Path) -> dict[str, float]:
    """Frames a second of each stage but the net while no other runs, on the threads that it has in the pipeline."""
    source = subject.source()
    sink = FileSink(output, source.clip, encoding=choose_encoding(output))
    workers = worker_count(subject.stylizer, converts=True)
    try:
        decode, grabbed = _decode_alone(source, FRAMES_IN_MEMORY)
        frames = [source.retrieve(picture) for picture in grabbed]
        reading = frames_a_second(source.retrieve, _as_many(grabbed, subject), threads=workers)
        writing = frames_a_second(sink.prepare, _as_many(frames, subject), threads=workers)
        encode = frames_a_second(sink.put, [sink.prepare(frame) for frame in frames], threads=1)
    finally:
        sink.abort()
        source.close()
    return {"decode": decode, "convert": 1 / (1 / reading + 1 / writing), "encode": encode}


def _decode_alone(source: Any, kept: int) -> tuple[float, list[Any]]:
    """Frames a second of decoding, and the first decoded pictures."""
    pictures: list[Any] = []
    count, started = 0, time.perf_counter()
    while (grabbed := source.grab()) is not None:
        count += 1
        if count <= kept:
            pictures.append(grabbed)
    return count / (time.perf_counter() - started), pictures


def _as_many(items: Sequence[Item], subject: Subject) -> list[Item]:
    """The items over and over, as many as a row has frames."""
    return [items[number % len(items)] for number in range(subject.options.frames)]


def frames_a_second(work: Callable[[Item], object], items: Iterable[Item], *, threads: int) -> float:
    items = list(items)
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        for _ in pool.map(work, items):
            pass
        return len(items) / (time.perf_counter() - started)
