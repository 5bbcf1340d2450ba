"""`bars:` — colour bars with a line that runs across: judge colours and smoothness by them."""

import time
from fractions import Fraction

import numpy as np

from realtime import Frame, SourceRequest


class ColourBars:
    def __init__(self, address: str, request: SourceRequest) -> None:
        self.live = True
        self.size, self.frame_rate = request.size or (640, 360), request.frame_rate or Fraction(30)
        bar = 7 - np.arange(self.size[0]) * 8 // self.size[0]  # 7 to 0 is white to black: bits of green, red and blue
        self._bars = np.stack([191 * (bar >> bit & 1) for bit in (1, 2, 0)], axis=1).astype(np.uint8)
        self._began, self._stop = time.perf_counter(), request.stop

    def read(self) -> Frame | None:
        now = time.perf_counter()
        number = int((now - self._began) * self.frame_rate) + 1
        if self._stop.wait(max(0.0, self._began + number / self.frame_rate - now)):
            return None
        picture = np.repeat(self._bars[None], self.size[1], axis=0)
        picture[:, number * 4 % self.size[0]] = 255
        return Frame(picture, float(number / self.frame_rate), time.perf_counter())

    def close(self) -> None: ...
