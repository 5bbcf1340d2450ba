"""Many pictures: those that cannot be read are told and left out, so that a night's work does not end there."""

from collections.abc import Callable
from pathlib import Path

from engines.errors import ImpastoError, in_one_line
from realtime.media.picture_file import Picture, read_picture


class PictureReader:
    """Reads pictures, and remembers in `left_out` those that cannot be read or used.

    Where they are `needed` each, as under --strict or where there is one alone, the error is raised as it was. The line
    that is told ends with what is done `instead`. Any number of threads may read at once.
    """

    def __init__(self, report: Callable[[str], None], *, needed: bool, instead: str = "") -> None:
        self._report, self._needed, self._instead = report, needed, instead
        self.left_out: list[Path] = []

    def read(self, path: Path) -> Picture | None:
        """The picture; None where it is left out."""
        try:
            return read_picture(path)
        except (ImpastoError, OSError) as error:
            if self._needed:
                raise
            self.leave_out(path, in_one_line(error))
            return None

    def leave_out(self, path: Path, why: str) -> None:
        """One that cannot be read, or not be painted or written, which `why` says."""
        self.left_out.append(path)
        self._report(f"{why}: left out{self._instead}")


def words_about(left_out: int) -> str:
    """For the end of a summary; nothing where none was left out."""
    if not left_out:
        return ""
    return f"; left out {left_out} picture{'' if left_out == 1 else 's'} that cannot be read"
