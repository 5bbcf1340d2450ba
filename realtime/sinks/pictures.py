"""Frames as numbered pictures."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engines.errors import BadValue, FileMissing
from realtime.frames.frame import Frame, SplitSink
from realtime.media.output_file import PartialFile
from realtime.media.picture_file import NUMBERED, PICTURE_SUFFIXES, Picture, encode_picture, write_named, write_whole


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
        self._count = 0
        self._new: list[Path] = []
        self._replacing: list[PartialFile] = []  # of names that were taken: what is there stays until the run has ended
        self._closed = False

    def prepare(self, frame: Frame) -> EncodedPicture:
        """The frame as a file of the pattern's format."""
        return EncodedPicture(encode_picture(Picture(frame.data), self._pattern.suffix))

    def put(self, prepared: EncodedPicture) -> None:
        """Write the next picture; under its name at once where that is free."""
        number = self._count + 1
        path = self._pattern.with_name(NUMBERED.sub(lambda place: place[0] % number, self._pattern.name, count=1))
        if path.exists():
            partial = PartialFile(path, overwrite=self._overwrite)
            self._replacing.append(partial)
            write_named(partial, prepared.data)
        else:
            write_whole(path, prepared.data, overwrite=self._overwrite)
            self._new.append(path)
        self._count = number

    def close(self) -> None:
        """Pictures of earlier runs give their names to those of this one; the others are complete already."""
        if not self._closed:
            for partial in self._replacing:
                partial.commit()
            self._closed = True

    def abort(self) -> None:
        """Remove the pictures of a run that failed, and leave those of earlier runs as they were."""
        for partial in self._replacing:
            partial.discard()
        for path in () if self._closed else self._new:
            with suppress(OSError):
                path.unlink()
