"""Frames of a person's own video to calibrate 8-bit engines on: what they will paint is what their ranges fit best.

The same file always gives the same frames, for their hash is part of an engine's name in the cache. So they are taken
at fixed places: from the key frame before each, since decoding all of a film to choose sixteen frames would take long.
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from engines.names import CALIBRATED
from engines.spec import Calibration
from realtime.frames.frame import Pixels
from realtime.media.clip import display_matrix, turn_upright
from realtime.media.colour.rgb import ColourTags, ToRgb
from realtime.media.picture_filter import PictureFilters
from realtime.media.streams import FALLBACK_RATE, file_url, film_of
from realtime.sources.pictures import PictureSource

COUNT = 16
LONGER_SIDE_PX = 640
LEAST_SIDE_PX = 16
# Where key frames are rarer than the places, so many frames behind one are decoded at most: fewer for the first places
# than for the last, so that several places behind one key frame give different frames.
MOST_DECODED = 32
STEP = 8  # of the frames of the beginning, where only those can be had


def calibration_for(source: str, pictures: list[Path] | None, precision: str) -> Calibration | None:
    """Frames of the `pictures`, or else of a video, where the precision asked for needs any and they can be had."""
    if precision not in CALIBRATED:
        return None
    return calibrate_on_video(Path(source)) if pictures is None else calibrate_on_pictures(pictures)


def calibrate_on_video(path: Path, count: int = COUNT) -> Calibration | None:
    """Up to `count` different frames from all over a video, their longer side at most 640 pixels.

    None where the file gives none: the source that is to be painted says why.
    """
    if not path.is_file():  # a pipe can be read only once
        return None
    frames: list[Pixels] = []
    for take in (_spread, _from_start):
        with suppress(av.FFmpegError), av.open(file_url(path), metadata_errors="replace") as container:
            film = film_of(container)
            if not frames and film is not None and film.codec_context is not None:
                film.thread_type = "AUTO"
                for picture in take(container, film, count):
                    frames.append(_as_first(_rgb(picture, film), frames))
    return Calibration(np.stack(frames), str(path)) if frames else None


def calibrate_on_pictures(paths: list[Path]) -> Calibration:
    """Some of the pictures, from all over the list; all at the size of the first, as they will be painted."""
    chosen = sorted({paths[place * len(paths) // COUNT] for place in range(COUNT)}, key=paths.index)
    source = PictureSource(chosen, FALLBACK_RATE)
    frames: list[Pixels] = []
    while (frame := source.read()) is not None:
        frames.append(_as_first(frame.data, frames))
    return Calibration(np.stack(frames), f"{paths[0]} and others")


def _spread(container: av.container.InputContainer, film: av.VideoStream, count: int) -> Iterator[av.VideoFrame]:
    """Frames near the middles of `count` equal parts of the film, none twice."""
    given = set()
    for place in range(count):
        moment = _start(film) + _length(container, film) * (2 * place + 1) // (2 * count)
        picture = _near(container, film, moment, 1 + MOST_DECODED * place // count)
        if picture is not None and picture.pts not in given:
            given.add(picture.pts)
            yield picture


def _from_start(container: av.container.InputContainer, film: av.VideoStream, count: int) -> Iterator[av.VideoFrame]:
    """Frames of the beginning, for a file in which no place can be found (a transport stream with few key frames)."""
    return islice(container.decode(film), 0, count * STEP, STEP)


def _start(film: av.VideoStream) -> int:
    return film.start_time or 0


def _length(container: av.container.InputContainer, film: av.VideoStream) -> int:
    """The film's duration in ticks of its own; 0 where nothing tells it."""
    if film.duration is not None:
        return film.duration
    return int(Fraction(container.duration or 0, av.time_base) / _tick(film))


def _tick(film: av.VideoStream) -> Fraction:
    return film.time_base or 1 / FALLBACK_RATE


def _near(container: av.container.InputContainer, film: av.VideoStream, moment: int, most: int) -> av.VideoFrame | None:
    """The frame at a moment, or one before it, by decoding `most` frames; None where nothing decodes there."""
    picture = None
    with suppress(av.FFmpegError):  # damage here leaves the other places
        container.seek(moment, stream=film)
        for number, picture in enumerate(container.decode(film), start=1):
            if number == most or (picture.pts is not None and picture.pts >= moment):
                break
    return picture


def _rgb(picture: av.VideoFrame, film: av.VideoStream) -> Pixels:
    """As FileSource gives it: deinterlaced, tone-mapped and turned upright where that is needed."""
    filters = PictureFilters(_tick(film), lambda line: None)
    filtered = next(iter([*filters.push(picture), *filters.rest()]), picture)
    size = (filtered.width, filtered.height)
    return turn_upright(ToRgb(ColourTags.of(filtered), size, _bounded(size))(filtered), display_matrix(picture))


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    """A size (width, height) made smaller where its longer side is above LONGER_SIDE_PX; even, as chroma likes it."""
    scale = min(1.0, LONGER_SIDE_PX / max(size))
    width, height = (max(LEAST_SIDE_PX, round(side * scale / 2) * 2) for side in size)
    return width, height


def _as_first(frame: Pixels, frames: list[Pixels]) -> Pixels:
    """The frame at the size of the first."""
    height, width = frames[0].shape[:2] if frames else _bounded((frame.shape[1], frame.shape[0]))[::-1]
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
