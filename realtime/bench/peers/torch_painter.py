"""The net in torch as a person would write it: rebuilt from the style file, layer by layer or through torch.compile.

torch.compile may take minutes, and nothing can interrupt it in our own process: it runs in one that can be ended.
`python -m realtime.bench.peers.torch_painter STYLE_FILE HEIGHT WIDTH` compiles the net and paints one black frame.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines.backends.torch_eager import rebuild_net
from engines.child_process import ChildProcess, end_with_input
from engines.errors import ImpastoError
from engines.packages import needing_extra
from engines.style.styles import StyleFile

Paint = Callable[[np.ndarray], np.ndarray]
COMPILE_SECONDS = 180.0


def import_torch() -> Any:
    """torch; ImpastoError where it is not installed."""
    with needing_extra("train", "it"):
        import torch
    return torch


def torch_painter(style: StyleFile, vector: np.ndarray, *, half: bool, compiled: bool) -> Paint:
    """The torch net between two arrays, on CUDA where there is a card."""
    torch = import_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = (torch.float16 if device == "cuda" else torch.bfloat16) if half else torch.float32
    net = rebuild_net(style).to(device, kind)
    painting = torch.compile(net) if compiled else net
    row = torch.from_numpy(vector.copy())[None].to(device, kind)

    def paint(rgb: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            picture = torch.from_numpy(rgb).to(device).permute(2, 0, 1).to(kind).div(255)[None]
            painted = painting(picture, row)[0].float().clamp(0, 1).mul(255).round()
            array: np.ndarray = painted.permute(1, 2, 0).byte().cpu().numpy()
        return array

    return paint


def compile_ahead(style: Path, height: int, width: int, seconds: float = COMPILE_SECONDS) -> None:
    """What torch compiles for this net and size lies in its cache then; ImpastoError where it fails or takes longer."""
    with ChildProcess("realtime.bench.peers.torch_painter", str(style), str(height), str(width)) as child:
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

    style, height, width = read_style_file(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    import torch

    vector = style.vector(style.default)
    paint = torch_painter(style, vector, half=torch.cuda.is_available(), compiled=True)
    paint(np.zeros((height, width, 3), np.uint8))


if __name__ == "__main__":
    main()
