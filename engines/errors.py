"""Errors that are meant for people: one line that says what, the value and the remedy.

Those that a caller may want to tell apart are Python's own error of that kind too, so that `except FileNotFoundError`
and `except ImpastoError` both find a file that is missing. What says nothing but that a thing could not be done is an
ImpastoError and no more.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self


class ImpastoError(Exception):
    """The work cannot be done; the message is one line for the person at the terminal."""


class FileError(ImpastoError, OSError):
    """The system does not let a file or folder be written, and the line says more than the system's words do.

    `errno` is the system's number where it gave one.
    """

    @classmethod
    def told(cls, line: str, error: OSError) -> Self:
        """This line in place of the system's words, with its number."""
        told = cls(line)
        told.errno = error.errno
        return told


class FileMissing(FileError, FileNotFoundError):
    """There is no such file or folder."""


class FileTaken(FileError, FileExistsError):
    """There is something already that must not be written over."""


class BadValue(ImpastoError, ValueError):
    """An argument or option is none of those that are taken."""


class BadFile(BadValue):
    """A file is there and is not what it should be: no video, no style file, damaged."""


class TooSmall(BadValue):
    """A picture has fewer pixels than nets need."""


class UnknownStyle(ImpastoError, LookupError):
    """No style is called so."""


class EngineRefused(ImpastoError):
    """An engine cannot run here, or did not agree with the fp32 reference.

    It is no RuntimeError: that is what the runtimes raise, and backends make this of it.
    """


class NotFinite(ImpastoError, FloatingPointError):
    """A loss of a training has become infinite, or no number at all."""


class NotEnoughMemory(ImpastoError, MemoryError):
    """There is less memory than the work takes."""


class NotInstalled(ImpastoError, ImportError):
    """A package that only this needs is not installed."""


class Interrupted(ImpastoError, KeyboardInterrupt):
    """The work was told to stop before it had anything to give back."""


DEBUG_VARIABLE = "IMPASTO_DEBUG"
# As README says it: no package index has impasto.
INSTALL_AGAIN = "install impasto again, in its folder: pip install --force-reinstall --no-deps ."
LONGEST_CAUSE = 300  # characters
# The libraries that opencv-python takes from the system, which a small Debian does not have.
OPENCV_LIBRARIES = ("libGL.so", "libglib-2.0.so", "libgthread-2.0.so")


def printable(text: str) -> str:
    """With escapes for what would steer a terminal, or turn the line around."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def some_of(names: Iterable[str]) -> str:
    """The first three names of a foreign file, as they can be printed, and how many more there are."""
    known = list(map(printable, names))
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")


def in_one_line(error: BaseException, hint: str = "") -> str:
    """What happened, for a person, as it can be printed.

    Our own errors, and the builtins that carry a message, say it themselves. Of all others the type is told, the last
    line of what they say (that of a runtime runs over many, and the cause stands at the end), and the `hint`.
    """
    return printable(_in_words(error, hint))


def _in_words(error: BaseException, hint: str) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    if isinstance(error, ImpastoError) and text:
        return text
    if isinstance(error, ImportError) and any(library in text for library in OPENCV_LIBRARIES):
        return f"OpenCV cannot be loaded ({text}); on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
    if isinstance(error, MemoryError):
        return "there is not enough memory; try a smaller --height"
    cause = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
    if isinstance(error, (OSError, ValueError, ModuleNotFoundError)) and cause:
        return f"{cause:.{LONGEST_CAUSE}}"
    return (f"{type(error).__name__}: {cause:.{LONGEST_CAUSE}}" if cause else type(error).__name__) + hint


@contextmanager
def refusing(what: str, *errors: type[Exception]) -> Iterator[None]:
    """EngineRefused, which says `what` could not be done and why, in place of these errors."""
    try:
        yield
    except errors as error:
        raise EngineRefused(f"{what} ({in_one_line(error)})") from error
