"""A file that is written beside its final name and gets the name when it is complete."""

import os
from contextlib import suppress
from pathlib import Path

from engines.errors import ImpastoError


class PartialFile:
    """`path` is where to write: a hidden name in the folder of `final`, with the same suffix.

    Raises FileNotFoundError where the folder is missing, FileExistsError where `final` exists and may not be replaced,
    and ImpastoError where `final` is a folder.
    """

    def __init__(self, final: Path, *, overwrite: bool = True) -> None:
        if not final.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {final.parent} to write {final.name} into; create it first")
        if final.is_dir():
            raise ImpastoError(f"{final} is a folder; name the file to write, such as {final / 'painted.mp4'}")
        if final.exists() and not overwrite:
            raise FileExistsError(f"{final} exists already; choose another name or allow overwriting")
        self.final = final
        self.path = final.with_name(f".{final.stem}.{os.getpid()}.part{final.suffix}")
        self._done = False

    def commit(self) -> None:
        """Move the complete file to its final name."""
        os.replace(self.path, self.final)
        self._done = True

    def discard(self) -> None:
        """Remove what was written, unless it was committed; never raises."""
        if not self._done:
            with suppress(OSError):
                self.path.unlink()
