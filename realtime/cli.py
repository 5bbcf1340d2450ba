"""The way in: `impasto COMMAND`. From here on Ctrl-C is heard; all that takes time to load is loaded in `main`."""

import os
import signal
from types import FrameType


def main() -> None:
    """The entry point of the `impasto` script."""
    heard = signal.getsignal(signal.SIGINT)
    ours = callable(heard)  # a script's background has it ignored, and a program around Python may hear it in C
    if ours:
        signal.signal(signal.SIGINT, _end_at_once)
    from realtime.commands.all_commands import app
    from realtime.commands.console.border import INTERRUPTED, leave

    try:
        if ours:
            signal.signal(signal.SIGINT, heard)
        app(prog_name="impasto")
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else int(ended.code is not None))


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    """Nothing is begun yet that would have to be closed, and an import may take an exception for its own failure."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
