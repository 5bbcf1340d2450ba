"""Records noise with a tone, as fast as it goes, and tells how many seconds were handed over: a program to be killed.

`python endless_recording.py FILE [MOST_BYTES]`; where a file may have no more than so many bytes it ends by itself.
"""

import resource
import sys
from contextlib import suppress
from fractions import Fraction
from itertools import count

import numpy as np

from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.sinks.recording import open_recording

RATE = 30
SAMPLES = 48000 // RATE


def main(path: str, most_bytes: int | None = None) -> None:
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    feed = SoundFeed(48000, 2)
    recording = open_recording(path, SinkRequest(size=(96, 72), frame_rate=Fraction(RATE), sound=feed))
    dice = np.random.default_rng(1)
    tone = np.tile(np.sin(np.arange(SAMPLES) * 0.06).astype(np.float32), (2, 1))
    try:
        for number in count():
            feed.put(Sound(tone, 48000, number / RATE))
            recording.write(Frame(dice.integers(0, 256, (72, 96, 3), np.uint8), number / RATE, number / RATE))
            if (number + 1) % RATE == 0:
                print((number + 1) // RATE, flush=True)
    except OSError as error:
        print(error, flush=True)
        with suppress(OSError):
            recording.close()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
