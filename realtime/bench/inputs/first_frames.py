"""How much of a clip a row takes: so many frames, and on a slow machine fewer."""

import logging
import time

from realtime.files.gpu_frames import AUTO, choose_frames
from realtime.frames.frame import Frame, Sink, SplitSource
from realtime.painting.stylizer import Stylizer
from realtime.sources.file import DecodedPicture, FileSource

logger = logging.getLogger("impasto")
LEAST_FRAMES = 4  # of a row, however slow it is


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
