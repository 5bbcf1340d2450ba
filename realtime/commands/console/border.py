"""The command line's border: an exception becomes one line on stderr and exit code 1, or 2 of a wrong command line."""

import functools
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, ParamSpec

import typer

from engines.errors import DEBUG_VARIABLE, BadValue, Interrupted, UnknownStyle, in_one_line

FAILED, MISUSED = 1, 2
INTERRUPTED = 130
MISUSES = BadValue, UnknownStyle  # but not their own kinds: those are of files that were asked for rightly
WHERE = f" ({DEBUG_VARIABLE}=1 shows where)"
Parameters = ParamSpec("Parameters")


def at_the_border(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """The command, ending with one line and an exit code where it raised; its signature stays as it is."""

    @functools.wraps(command)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Interrupted as stopped:
            if str(stopped):
                print(f"impasto: {stopped}", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:  # the command line's border
            if wants_traceback():
                raise
            print(f"impasto: {in_one_line(error, WHERE)}", file=sys.stderr)
            raise typer.Exit(MISUSED if type(error) in MISUSES else FAILED) from None

    return guarded


def leave(code: int) -> NoReturn:
    """End the process with this code.

    A thread that is inside a runtime, as one that restores an engine which nobody waits for any more, comes back while
    Python shuts down; Python then ends the thread, and C++ aborts the process. So where there is one it ends at once.

    So it does after an interrupt: where that came while a package in C ran Python (PyRun_String, at an import), CPython
    takes it for unhandled, whoever handled it, and ends by the signal in place of the code.
    """
    if code != INTERRUPTED and not any(thread.daemon for thread in threading.enumerate()):
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def wants_traceback() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
