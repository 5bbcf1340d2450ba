"""The rows of the table: the net alone for one frame and for several, decode to nothing, decode to file."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

from engines.failures import on_failure
from realtime.bench.inputs.clips import Allowance, FirstFrames
from realtime.bench.inputs.subject import Subject
from realtime.files.loop import run
from realtime.frames.frame import Frame, Pixels, Sink
from realtime.media.colour.device import CUDA, why_no_tensors
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sinks.null import NullSink

FRAMES_IN_MEMORY = 16
WARM_UP_FRAMES = 2
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Throughput:
    """One measurement: frames a second, how many processor cores were busy meanwhile, milliseconds a frame by stage."""

    fps: float
    busy_cores: float
    stage_ms: dict[str, float]


def net_latency_ms(subject: Subject) -> list[float]:
    """Milliseconds of every frame, one after the other, on frames that lie in memory."""
    copies = small_copies(subject.single, subject.frames(FRAMES_IN_MEMORY))
    return _net_ms(subject, copies)


def small_copies(stylizer: Stylizer, frames: Sequence[Frame]) -> list[tuple[Frame, Pixels]]:
    """Each frame with the copy of it that the net is given."""
    return [(frame, stylizer.small(frame)) for frame in frames]


def _net_ms(subject: Subject, copies: Sequence[tuple[Frame, Pixels]]) -> list[float]:
    single = subject.single
    for copy in copies[:WARM_UP_FRAMES]:
        single.paint(*copy)
    return each_ms(lambda copy: single.paint(*copy), copies, allowance_of(subject))


def seconds_of_a_frame(subject: Subject) -> float:
    """Of the net, by the second frame that it paints: near enough to tell how long its rows will take."""
    (frame,) = subject.frames(1)
    subject.single(frame)
    started = time.perf_counter()
    subject.single(frame)
    return time.perf_counter() - started


def on_gpu_ms(subject: Subject) -> list[float]:
    """The same on frames that lie in the GPU's memory, and stay there; empty where the engine takes none."""
    if not subject.single.takes_device_frames or why_no_tensors():
        return []
    import torch

    given = subject.frames(FRAMES_IN_MEMORY)
    frames = [replace(frame, data=cast("Pixels", torch.from_numpy(frame.data).to(CUDA))) for frame in given]
    torch.cuda.synchronize()
    return _net_ms(subject, small_copies(subject.single, frames))


def net_throughput(subject: Subject) -> Throughput:
    """As many frames at once as the engine takes."""
    stylizer = subject.stylizer
    copies = small_copies(stylizer, subject.frames(FRAMES_IN_MEMORY))
    for copy in copies[:WARM_UP_FRAMES]:
        stylizer.paint(*copy)
    before = time.process_time()
    started = time.perf_counter()
    fps = frames_a_second(lambda copy: stylizer.paint(*copy), copies, allowance_of(subject), threads=stylizer.requests)
    return Throughput(fps, (time.process_time() - before) / (time.perf_counter() - started), {})


def to_null(subject: Subject) -> Throughput:
    """decode → stylize → nothing."""
    return _pipeline(subject, lambda source: NullSink())


def to_file(subject: Subject, output: Path) -> Throughput:
    """decode → stylize → encode, as `impasto video` does it; the sound ends with the last frame that is measured."""
    sound_ends = threading.Event()
    sound_ends.set()
    return _pipeline(subject, lambda source: FileSink(output, source.clip, stop=sound_ends))


def _pipeline(subject: Subject, open_sink: Callable[[FirstFrames], Sink]) -> Throughput:
    source = subject.source()
    with on_failure(source.close):
        sink = open_sink(source)
    source.prepare_for(subject.stylizer, sink)
    before = time.process_time()
    stats = run(source, subject.stylizer, [sink])
    busy = (time.process_time() - before) / stats.seconds
    return Throughput(stats.fps, busy, stats.stage_ms)


def allowance_of(subject: Subject) -> Allowance:
    return Allowance(subject.options.frames, subject.options.row_seconds)


def each_ms(work: Callable[[Item], object], items: Sequence[Item], allowance: Allowance) -> list[float]:
    """Milliseconds of each piece of work; the items come over and over."""
    times: list[float] = []
    while allowance.take():
        started = time.perf_counter()
        work(items[len(times) % len(items)])
        times.append(1e3 * (time.perf_counter() - started))
    return times


def frames_a_second(
    work: Callable[[Item], object], items: Sequence[Item], allowance: Allowance, *, threads: int
) -> float:
    """The items over and over on so many threads, as long as the allowance lasts."""
    turn = threading.Lock()

    def take_turns(_: int) -> None:
        while True:
            with turn:
                if not allowance.take():
                    return
                item = items[(allowance.taken - 1) % len(items)]
            work(item)

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        for _ in pool.map(take_turns, range(threads)):
            pass
        return allowance.taken / (time.perf_counter() - started)
