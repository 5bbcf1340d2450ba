"""Streams pushed for tests, as a lane pushes them, and what comes out at the other end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import av
from servers import open_soon, read_some

from realtime.frames.frame import Frame, SignalLost, Sink
from realtime.frames.request import SinkRequest
from realtime.live.openers import open_sink
from realtime.sources.stream_source import StreamSource

RATE = Fraction(25)
SIZE = (320, 240)
FRAMES = 30


def request(**changes: object) -> SinkRequest:
    return SinkRequest(size=SIZE, frame_rate=RATE, **changes)  # type: ignore[arg-type]


def push(address: str, frames: list[Frame], **changes: object) -> None:
    sink = open_sink(address, request(**changes))
    try:
        for frame in frames:
            sink.write(frame)
    finally:
        sink.close()


def push_until_lost(sink: Sink, frames: list[Frame]) -> str:
    """Goes on as a lane would; the message of the loss."""
    for number in range(3000):
        try:
            sink.write(replace(frames[number % len(frames)], pts=number))
        except SignalLost as lost:
            sink.close()
            return str(lost)
        threading.Event().wait(0.01)  # the lane's tick
    raise AssertionError("the loss was not noticed")


def watch_while_pushing(to: str, address: str, frames: list[Frame]) -> tuple[list[int], StreamSource]:
    """Which of the frames that go to `to` at their rate come at `address`, by their times, and by whom."""
    done = threading.Event()

    def go_on() -> None:
        sink = open_sink(to, request())
        started_at = time.perf_counter()
        for tick in range(10**6):
            sink.write(replace(frames[tick % FRAMES], pts=tick))
            if done.wait(max(0.0, started_at + tick / 25 - time.perf_counter())):
                break
        sink.close()

    with ThreadPoolExecutor() as pool:
        pushing = pool.submit(go_on)
        try:
            source = open_soon(address)
            seen = [round((frame.pts_seconds) * 25) for frame in read_some(source, FRAMES)]
            source.close()
        finally:
            done.set()
        pushing.result(timeout=10)
    return seen, source


def pull(address: str) -> tuple[int, int]:
    """How many pictures and blocks of sound a file holds."""
    counts = {"video": 0, "audio": 0}
    with av.open(address) as stream:
        for packet in stream.demux():
            counts[packet.stream.type] += len(packet.decode())
    return counts["video"], counts["audio"]
