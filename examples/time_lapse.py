"""`timelapse:FOLDER` — keeps a picture every ten seconds; `impasto video FOLDER film.mp4` makes a film of them."""

import time
from pathlib import Path

import cv2

from engines import FileError, FileMissing
from realtime import Frame, SinkRequest

EVERY_SECONDS = 10.0


class TimeLapse:
    def __init__(self, address: str, request: SinkRequest) -> None:
        self._folder, self._next_at = Path(address.partition(":")[2]), float("-inf")
        if not self._folder.is_dir():
            raise FileMissing(f"there is no folder {self._folder} to keep pictures in; create it first")

    def write(self, frame: Frame) -> None:
        if frame.captured_at >= self._next_at:
            self._next_at = frame.captured_at + EVERY_SECONDS
            path = self._folder / f"{time.time_ns()}.jpg"
            if not cv2.imwrite(str(path), cv2.cvtColor(frame.data, cv2.COLOR_RGB2BGR)):
                raise FileError(f"{path} cannot be written; is the disk full?")

    def close(self) -> None: ...
