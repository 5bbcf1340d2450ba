"""torch.compile in a process that can be ended: it may take minutes, and nothing can interrupt it in our own.

`python -m realtime.bench.peers.compile_ahead STYLE_FILE HEIGHT WIDTH` compiles the net and paints one black frame.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from engines.errors import ImpastoError

COMPILE_SECONDS = 180.0


def compile_ahead(style: Path, height: int, width: int, seconds: float = COMPILE_SECONDS) -> None:
    """What torch compiles for this net and size lies in its cache then; ImpastoError where it fails or takes longer."""
    command = [sys.executable, "-P", "-m", "realtime.bench.peers.compile_ahead", str(style), str(height), str(width)]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,  # a group of its own, so that the compilers it starts can be ended with it
    ) as process:
        try:
            _, said = process.communicate(timeout=seconds)
        except BaseException as error:
            _end_group(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ImpastoError(f"torch.compile had not compiled the net after {seconds:g} s") from error
            raise
    if process.returncode:
        raise ImpastoError(f"torch.compile failed: {_cause(said)}")


def _end_group(process: subprocess.Popen[str]) -> None:
    process.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _cause(said: str) -> str:
    """The line of an exception: what follows it is advice to people who work on torch."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line.partition(":")[0] or "Failed" in line.partition(":")[0]]
    return f"{(errors or lines or ['nothing was said'])[-1]:.200}"


def main() -> None:
    from engines.style.file import read_style_file
    from realtime.bench.peers.torch_painter import torch_painter

    style, height, width = read_style_file(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    import torch

    vector = style.vector(style.default)
    paint = torch_painter(style, vector, half=torch.cuda.is_available(), compiled=True)
    paint(np.zeros((height, width, 3), np.uint8))


if __name__ == "__main__":
    main()
