"""The command line's border: an exception becomes one line on stderr and exit code 1, never a traceback."""

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from engines.errors import ImpastoError

DEBUG_VARIABLE = "IMPASTO_DEBUG"
FAILED = 1
INTERRUPTED = 130
# The libraries that opencv-python takes from the system, which a small Debian does not have.
OPENCV_LIBRARIES = ("libGL.so", "libglib-2.0.so", "libgthread-2.0.so")
Parameters = ParamSpec("Parameters")


def at_the_border(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """The command, ending with one line and an exit code where it raised; its signature stays as it is."""

    @functools.wraps(command)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if wants_traceback():
                raise
            print(f"impasto: {in_one_line(error)}", file=sys.stderr)
            raise typer.Exit(FAILED) from None

    return guarded


def wants_traceback() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")


def in_one_line(error: Exception) -> str:
    """What happened, for a person. Our own errors and the builtins that carry a message say it themselves."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    if isinstance(error, ImportError) and any(library in text for library in OPENCV_LIBRARIES):
        return f"OpenCV cannot be loaded ({text}); on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
    if isinstance(error, MemoryError):
        return "there is not enough memory; try a smaller --height"
    if isinstance(error, (ImpastoError, OSError, ValueError, ModuleNotFoundError)) and text:
        return text
    return f"{type(error).__name__}: {text} ({DEBUG_VARIABLE}=1 shows where)"
