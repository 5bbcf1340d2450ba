"""Pictures of a person's own clip, for engines that learn from them which values to expect."""

import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from engines.errors import ImpastoError
from engines.spec import Calibration
from realtime.clip import file_url, film_of
from realtime.colour import ColourTags, ToRgb
from realtime.frame import Pixels

PICTURES = 32
LEAP_SECONDS = 10.0  # from here on seeking costs less than decoding what lies between


def calibration_of(clip: Path, size: tuple[int, int], stop: threading.Event) -> Calibration:
    """Pictures from all over the clip at `size` (width, height); KeyboardInterrupt soon after `stop` is set.

    FileNotFoundError where there is no such file, ImpastoError where no picture of it can be decoded.
    """
    try:
        frames = list(_pictures(clip, size, stop))
    except av.FileNotFoundError:
        raise FileNotFoundError(f"there is no file {clip}") from None
    except av.FFmpegError as error:
        raise ImpastoError(f"{clip} is not a video that FFmpeg can read: {error.strerror}") from None
    if not frames:
        raise ImpastoError(f"{clip} holds no picture to calibrate on; give a video")
    return Calibration(np.stack(frames), clip.name)


def _pictures(clip: Path, size: tuple[int, int], stop: threading.Event) -> Iterator[Pixels]:
    """One from each of as many equal parts of the clip; of a long one, most is passed over."""
    with av.open(file_url(clip), metadata_errors="replace") as container:
        stream = film_of(container)
        if stream is None:
            return
        begin, seconds = ((ticks or 0) / av.time_base for ticks in (container.start_time, container.duration))
        frames, at = container.decode(stream), begin
        for number in range(PICTURES):
            wanted = begin + seconds * number / PICTURES
            if wanted > at + LEAP_SECONDS:
                container.seek(int(wanted * av.time_base))
                frames = container.decode(stream)
            picture = next((frame for frame in frames if stop.is_set() or _is_due(frame, wanted)), None)
            if stop.is_set():
                raise KeyboardInterrupt
            if picture is None:
                return
            at = wanted
            yield ToRgb(ColourTags.of(picture), (picture.width, picture.height), size)(picture)


def _is_due(frame: av.VideoFrame, wanted: float) -> bool:
    """Raw streams tell no times: then every frame will do."""
    return frame.time is None or frame.time >= wanted
