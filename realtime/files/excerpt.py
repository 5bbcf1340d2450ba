"""Parts of a film: some of its middle, to try an encoder with, and its beginning, to try anything with."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import av

from realtime.frames.frame import Frame, SplitSource
from realtime.media.streams import file_url, film_of
from realtime.sources.animated_webp import AnimatedWebpSource
from realtime.sources.file import DecodedPicture, FileSource
from realtime.sources.pictures import PictureSource

LEAST_PICTURES, MOST_PICTURES = 4, 64
ENOUGH_SECONDS = 1.0  # of painting, and of encoding, where the least are done by then
VideoSource = FileSource | PictureSource | AnimatedWebpSource


class Beginning(SplitSource):
    """The pictures of a source that are shown before so many `seconds`."""

    live = False

    def __init__(self, source: VideoSource, seconds: float) -> None:
        self.size, self.frame_rate = source.size, source.frame_rate
        self._source, self._seconds = source, seconds

    def grab(self) -> Any | None:
        """The next; None after the last."""
        grabbed = self._source.grab()
        is_over = grabbed is not None and self._source.seconds_of(grabbed) >= self._seconds  # type: ignore[arg-type]
        return None if is_over else grabbed

    def retrieve(self, grabbed: Any) -> Frame:
        return self._source.retrieve(grabbed)

    def close(self) -> None:
        self._source.close()


def excerpt_of(source: object, stop: threading.Event) -> "Excerpt | None":
    """Some of what `source` will give, which stays unread; None where that can be read only once."""
    if isinstance(source, PictureSource):
        middle = (source.clip.frames or 0) // 2
        return Excerpt(source, iter(range(middle, source.clip.frames or 0)), stop)
    if isinstance(source, FileSource) and source.clip.path is not None:
        return Excerpt(source, _from_the_middle(source.clip.path), stop)
    return None


class Excerpt(SplitSource):
    """Pictures that follow one another, `retrieved` by the source of which they are."""

    live = False

    def __init__(self, source: FileSource | PictureSource, grabbed: Iterator[Any], stop: threading.Event) -> None:
        self.size, self.frame_rate, self.clip = source.size, source.frame_rate, source.clip
        self._source, self._stop = source, stop
        self._grabbed = islice(grabbed, MOST_PICTURES)
        self._given = 0
        self._late_at = time.perf_counter() + ENOUGH_SECONDS

    def grab(self) -> Any | None:
        """The next; None after enough of them, the first of which is there to warm up with."""
        self._given += 1
        late = self._given > LEAST_PICTURES + 1 and time.perf_counter() > self._late_at
        return None if late or self._stop.is_set() else next(self._grabbed, None)

    def retrieve(self, grabbed: Any) -> Frame:
        return self._source.retrieve(grabbed)

    def close(self) -> None:
        """The source goes on."""


def _from_the_middle(path: Path) -> Iterator[DecodedPicture]:
    """From the key frame before it; nothing where the film does not decode there."""
    with suppress(av.FFmpegError), av.open(file_url(path), metadata_errors="replace") as container:
        film = film_of(container)
        assert film is not None, "the source has found it"
        film.thread_type = "AUTO"
        container.seek((container.start_time or 0) + (container.duration or 0) // 2)
        for picture in container.decode(film):
            yield DecodedPicture(picture, picture.pts or 0, time.perf_counter())
