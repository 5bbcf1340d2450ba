"""The command that makes the same figures again, without the names of folders."""

import shlex
from pathlib import Path

from realtime.options import BenchOptions

DEFAULTS = BenchOptions()
SWITCHES = ("peers", "roofline", "stability", "live")
SINGLE = ("mode", "threads", "requests", "frames", "row_seconds", "repeats")


def command_line(options: BenchOptions) -> str:
    """`impasto bench` with every option that is not as it is by default."""
    words = ["impasto", "bench"]
    if options.clip is not None:
        words += ["--clip", options.clip.name]
    if options.styles != DEFAULTS.styles:
        words += _repeated("--style", [Path(style).name for style in options.styles])
    words += _repeated("--size", [f"{width}x{height}" for width, height in options.sizes])
    if not options.sizes and options.height != DEFAULTS.height:
        words += ["--height", str(options.height)]
    for option, values in (("--engine", options.engines), ("--precision", options.precisions)):
        if values != ("auto",):
            words += _repeated(option, list(values))
    for name in SINGLE:
        if (value := getattr(options, name)) != getattr(DEFAULTS, name):
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    words += [f"--{name}" for name in SWITCHES if getattr(options, name)]
    return shlex.join(words)


def _repeated(option: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
