"""An engine that takes frames as tensors, wherever they lie, and what paints with it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.spec import Controls, EngineSpec, GateReport
from realtime.painting.stylizer import Stylizer


@dataclass
class NegativeEngine:
    """Takes frames as tensors, on whatever device, and returns their negatives."""

    spec: EngineSpec = field(default_factory=lambda: EngineSpec("torch-half", "fp16", 48, 64, "CPU", "1"))
    gate: GateReport | None = None
    takes_device_frames: bool = True

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        return 255 - frame

    def paint_device(self, frame: Any, controls: Controls) -> Any:
        return 255 - frame

    def close(self) -> None: ...


def stylizer(**changes: Any) -> Stylizer:
    return Stylizer(NegativeEngine(**changes), Controls(np.zeros(1, np.float32)))
