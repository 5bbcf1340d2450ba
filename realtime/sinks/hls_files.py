"""The files of FFmpeg's HLS muxer: it tells nobody when the disk does not take them."""

import io
from typing import Any

from realtime.media.output_file import failure_to_write

FILE_SCHEME = "file:"


class HlsFiles:
    """Opens segments and playlists for the muxer, and keeps the first error of the disk."""

    def __init__(self) -> None:
        self.error: OSError | None = None

    def open(self, url: str, _flags: int, _options: dict[str, Any]) -> "_File":
        """The file at a path, begun anew; what PyAV calls in place of FFmpeg's own way."""
        return _File(url.removeprefix(FILE_SCHEME), self)

    def check(self) -> None:
        """Raise the error of the disk, if there was one."""
        if self.error is not None:
            raise self.error


class _File(io.FileIO):
    """A file whose errors are kept for all of them; FFmpeg hears that everything is written."""

    def __init__(self, path: str, files: HlsFiles) -> None:
        super().__init__(path, "wb")
        self._files = files

    def write(self, data: Any) -> int:
        error = failure_to_write(super().write, data)
        self._files.error = self._files.error or error
        return len(data)
