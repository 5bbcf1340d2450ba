"""Pictures of Motion JPEG, as cameras send them.

FFmpeg's decoder takes what libjpeg refuses or grumbles about on the terminal: pictures without Huffman tables, with
bytes too many, or broken off.
"""

import threading

import av
import numpy as np
from numpy.typing import NDArray

from realtime.colour import BT470BG_MATRIX, FULL, ColourTags, ToRgb
from realtime.frame import Pixels

JFIF_TAGS = ColourTags(BT470BG_MATRIX, FULL)
NEUTRAL = 128


class MotionJpegDecoder:
    """Decodes pictures to RGB of `size` (width, height), from any thread."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._codec = av.VideoCodecContext.create("mjpeg", "r")
        self._codec.thread_count = 1  # more threads would hold pictures back
        self._to_rgb = ToRgb(JFIF_TAGS, size, size)
        self._last = np.full((size[1], size[0], 3), NEUTRAL, np.uint8)
        self._lock = threading.Lock()

    def __call__(self, coded: NDArray[np.uint8]) -> Pixels:
        """(H, W, 3) uint8; for a picture that cannot be decoded the one before it, grey before the first."""
        with self._lock:
            try:
                pictures = self._codec.decode(av.Packet(coded.tobytes()))
            except av.FFmpegError:
                pictures = []
            if pictures:
                self._last = self._to_rgb(pictures[-1])
            return self._last
