"""`timelapse:FOLDER` — keeps a picture every ten seconds; `impasto video FOLDER film.mp4` makes a film of them."""

from datetime import datetime
from pathlib import Path

from engines.errors import ImpastoError
from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.media.output_file import fresh_name
from realtime.media.picture_file import Picture, encode_picture, write_whole

EVERY_SECONDS = 10.0


class TimeLapse:
    def __init__(self, address: str, request: SinkRequest) -> None:
        self._folder, self._next_at = Path(address.partition(":")[2]), float("-inf")
        if not self._folder.is_dir():
            raise ImpastoError(f"there is no folder {self._folder} to keep pictures in; create it first")

    def write(self, frame: Frame) -> None:
        if frame.captured_at >= self._next_at:
            self._next_at = frame.captured_at + EVERY_SECONDS
            write_whole(fresh_name(self._folder, ".jpg", datetime.now()), encode_picture(Picture(frame.data), ".jpg"))

    def close(self) -> None: ...
