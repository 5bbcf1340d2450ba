"""Sound on its way: blocks of samples, handed to everyone who listens."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.frames.frame_queue import FrameQueue

MOST_WAITING = 256  # blocks for one listener, several seconds; then the oldest is dropped


@dataclass(frozen=True, slots=True)
class Sound:
    """A block of sound.

    `samples` is float32 [channels, samples] in -1..1, `rate` in samples a second; the first sample was heard at
    `captured_at`, on the clock of a Frame's `captured_at`.
    """

    samples: NDArray[np.float32]
    rate: int
    captured_at: float


class Audience:
    """Everyone who listens, on any thread."""

    def __init__(self) -> None:
        self.listens = threading.Event()  # set while anyone does
        self._queues: list[FrameQueue[Sound]] = []
        self._lock = threading.Lock()

    def add(self, queue: FrameQueue[Sound]) -> None:
        with self._lock:
            self._queues.append(queue)
            self.listens.set()

    def remove(self, queue: FrameQueue[Sound]) -> None:
        with self._lock:
            self._queues.remove(queue)
            if not self._queues:
                self.listens.clear()

    def hear(self, sound: Sound) -> None:
        with self._lock:
            queues = tuple(self._queues)
        for queue in queues:
            queue.put(sound)


class SoundFeed:
    """Hands each block to every listener; one that does not keep up loses its oldest blocks.

    All blocks of a feed have the same `rate` and number of `channels`.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.rate = rate
        self.channels = channels
        self._audience = Audience()

    @property
    def listened(self) -> threading.Event:
        """Set while anyone listens, so that nobody decodes for nothing."""
        return self._audience.listens

    def take_over(self, other: "SoundFeed") -> None:
        """Whoever listens to the other feed, or will, hears this one: a source that came back goes on in its place.

        ValueError where the two differ in rate or channels.
        """
        if (self.rate, self.channels) != (other.rate, other.channels):
            raise ValueError(
                f"the sound came back with {self.channels} channels at {self.rate} Hz instead of {other.channels} at "
                f"{other.rate} Hz"
            )
        self._audience = other._audience

    def listen(self) -> FrameQueue[Sound]:
        """A queue that gets every block from now on; `leave` gives it back."""
        listener: FrameQueue[Sound] = FrameQueue(MOST_WAITING, newest_only=True)
        self._audience.add(listener)
        return listener

    def leave(self, listener: FrameQueue[Sound]) -> None:
        self._audience.remove(listener)
        listener.finish()

    def put(self, sound: Sound) -> None:
        self._audience.hear(sound)
