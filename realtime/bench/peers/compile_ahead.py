"""torch.compile in a process that can be ended: it may take minutes, and nothing can interrupt it in our own.

`python -m realtime.bench.peers.compile_ahead STYLE_FILE HEIGHT WIDTH` compiles the net and paints one black frame.
"""

import sys
from pathlib import Path

import numpy as np

from engines.child_process import ChildProcess, end_with_input
from engines.errors import ImpastoError

COMPILE_SECONDS = 180.0


def compile_ahead(style: Path, height: int, width: int, seconds: float = COMPILE_SECONDS) -> None:
    """What torch compiles for this net and size lies in its cache then; ImpastoError where it fails or takes longer."""
    with ChildProcess("realtime.bench.peers.compile_ahead", str(style), str(height), str(width)) as child:
        status = child.wait(seconds)
        if status is None:
            raise ImpastoError(f"torch.compile had not compiled the net after {seconds:g} s")
        if status:
            raise ImpastoError(f"torch.compile failed: {_cause(child.last_errors())}")


def _cause(lines: list[str]) -> str:
    """The line of an exception: what follows it is advice to people who work on torch."""
    errors = [line for line in lines if "Error" in line.partition(":")[0] or "Failed" in line.partition(":")[0]]
    return f"{(errors or lines or ['nothing was said'])[-1]:.200}"


def main() -> None:
    end_with_input()
    from engines.style.file import read_style_file
    from realtime.bench.peers.torch_painter import torch_painter

    style, height, width = read_style_file(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    import torch

    vector = style.vector(style.default)
    paint = torch_painter(style, vector, half=torch.cuda.is_available(), compiled=True)
    paint(np.zeros((height, width, 3), np.uint8))


if __name__ == "__main__":
    main()
