"""Any style as a teacher for another net: torch pictures in, what it paints of them out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.protocols import begin_anew
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def open_teacher(
    file: StyleFile, name: str, size: int, report: Callable[[str], None]
) -> Iterator[Callable[["Tensor"], "Tensor"]]:
    """Paints pictures [B, 3, size, size], RGB in 0..1, in fp32; every one as the first of a sequence."""
    import torch

    engine = load_engine(file, height=size, width=size, choice=EngineChoice(precision="fp32"), report=report)
    controls = Controls(file.vector(name))

    def painted(picture: "Tensor") -> "Tensor":
        begin_anew(engine)
        frame = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        return torch.from_numpy(engine(np.ascontiguousarray(frame), controls)).permute(2, 0, 1).float() / 255

    try:
        yield lambda pictures: torch.stack([painted(picture) for picture in pictures])
    finally:
        engine.close()
