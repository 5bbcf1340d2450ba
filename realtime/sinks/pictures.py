"""Frames as numbered pictures."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engines.errors import BadValue, FileMissing
from realtime.frames.frame import Frame, SplitSink
from realtime.media.picture_file import NUMBERED, PICTURE_SUFFIXES, Picture, encode_picture, write_whole


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """The bytes of a picture file."""

    data: bytes


class PictureSink(SplitSink):
    """Writes frame after frame under a pattern such as "painted/%05d.png", counting from 1."""

    def __init__(self, pattern: Path, *, overwrite: bool = True) -> None:
        if not NUMBERED.search(pattern.name):
            raise BadValue(f"{pattern} has no place for the number; write it as in %05d.png")
        if pattern.suffix.lower() not in PICTURE_SUFFIXES:
            known = ", ".join(sorted(PICTURE_SUFFIXES))
            raise BadValue(f"{pattern.name}: {pattern.suffix!r} is no picture format; use one of {known}")
        if not pattern.parent.is_dir():
            raise FileMissing(f"there is no folder {pattern.parent} to write pictures into; create it first")
        self._pattern = pattern
        self._overwrite = overwrite
        self._written: list[Path] = []
        self._closed = False

    def prepare(self, frame: Frame) -> EncodedPicture:
        """The frame as a file of the pattern's format."""
        return EncodedPicture(encode_picture(Picture(frame.data), self._pattern.suffix))

    def put(self, prepared: EncodedPicture) -> None:
        """Write the next picture."""
        number = len(self._written) + 1
        path = self._pattern.with_name(NUMBERED.sub(lambda place: place[0] % number, self._pattern.name, count=1))
        write_whole(path, prepared.data, overwrite=self._overwrite)
        self._written.append(path)

    def close(self) -> None:
        """Every picture is complete already."""
        self._closed = True

    def abort(self) -> None:
        """Remove the pictures of a run that failed."""
        for path in () if self._closed else self._written:
            with suppress(OSError):
                path.unlink()
