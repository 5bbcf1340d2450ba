"""torch on NVIDIA's GPUs in fp16 or bf16: the net rewritten for them, our fused norm, and one CUDA graph for a frame.

The net is its family's own (`NetworkFamily.half_net`), the GPU's part is in graph.py, and what a machine lacks in
probe.py. A spec with the device "CPU", which no probe gives, runs the same net there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.backends.request_slots import RequestSlots
from engines.backends.torch_eager import known_family
from engines.backends.torch_half.probe import (
    look_at_gpu,
    missing_torch,
    precisions_of,
    unfit,
)
from engines.errors import EngineRefused, refusing
from engines.kernels.compilers import find_compilers
from engines.networks.family import BuildHalfNet, network_name
from engines.protocols import BackendState, BuildAids, Engine, check_frame, check_style
from engines.spec import Controls, EngineSpec, GateReport
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    from torch import Tensor

    from engines.backends.torch_half.build import Painter, Progress

PRECISIONS = ("fp16", "bf16")


class HalfEngine:
    """A painter with a slot for every caller that may be in it at once."""

    def __init__(self, painter: "Painter", spec: EngineSpec, style_size: int, way: str) -> None:
        self.spec = spec
        self.gate: GateReport | None = None
        self.way = way
        self.takes_device_frames = painter.on_gpu
        self._painter: Painter | None = painter
        self._style_size = style_size
        self._slots: RequestSlots[Any] = RequestSlots(painter.slots)

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        batch, vector = check_frame(frame, self.spec), self._vector(controls)
        with self._turn() as (painter, slot):
            return np.squeeze(painter(slot, batch, vector), 0)

    def paint_device(self, frame: "Tensor", controls: Controls) -> "Tensor":
        """A frame that lies in the GPU's memory (engines/spec.py, DeviceEngine)."""
        wanted = (self.spec.height, self.spec.width, 3)
        if not frame.is_cuda or str(frame.dtype) != "torch.uint8" or tuple(frame.shape) != wanted:
            found = f"{frame.dtype} {tuple(frame.shape)} on {frame.device}"
            raise ValueError(f"the frame is {found}; this engine takes torch.uint8 {wanted} in RGB on its GPU")
        vector = self._vector(controls)
        with self._turn() as (painter, slot):
            return painter.paint_device(slot, frame.contiguous()[None], vector)[0]

    def _vector(self, controls: Controls) -> np.ndarray:
        check_style(controls, self._style_size)
        return control_vector(controls)

    @contextmanager
    def _turn(self) -> Iterator[tuple["Painter", Any]]:
        with self._slots.taken() as slot:
            assert self._painter is not None, "close() waits for those who have a slot"
            yield self._painter, slot

    def close(self) -> None:
        """Waits for frames that are in the net, then lets go of it; later calls are ValueErrors."""
        self._slots.close()
        self._painter = None


def control_vector(controls: Controls) -> np.ndarray:
    """float32 [S + 2]: the style vector, then strength and keep_colour."""
    return np.append(controls.style, np.array([controls.strength, controls.keep_colour], np.float32))


class TorchHalfBackend:
    """PyTorch with CUDA. What the cache keeps of an engine is the way it ran, which was what the gate has seen."""

    name = "torch-half"

    def probe(self) -> BackendState:
        if reason := missing_torch():
            return BackendState(self.name, False, reason)
        import torch

        gpu = look_at_gpu(torch)
        if isinstance(gpu, str) or (reason := unfit(gpu)):
            return BackendState(self.name, False, gpu if isinstance(gpu, str) else reason)
        return BackendState(
            self.name,
            True,
            version=f"{version('torch')} {find_compilers().words}",
            precisions=precisions_of(gpu),
            device=gpu.words,
            hardware=f"{gpu.words} {gpu.libraries}",
        )

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        return self._open(style, spec, "", aids.progress)

    def dump(self, engine: Engine) -> bytes:
        return engine.way.encode() if isinstance(engine, HalfEngine) else b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        from engines.backends.torch_half.build import WAYS

        way = blob.decode(errors="replace")
        if way not in WAYS:
            raise EngineRefused(f"{spec} was kept with a way to run, {way[:80]!r}, that this version does not know")
        return self._open(style, spec, way, lambda stage, share: None)

    def _open(self, style: StyleFile, spec: EngineSpec, way: str, progress: "Progress") -> Engine:
        half_net = _half_net(style, spec)
        unfit = ImportError, RuntimeError, KeyError, TypeError, ValueError, OSError
        with refusing(f"{spec} cannot run {style.path.name}", *unfit):
            from engines.backends.torch_half.build import open_painter

            painter, way = open_painter(half_net, style, spec, way, progress)
        return HalfEngine(painter, spec, style.card.style_size, way)


def _half_net(style: StyleFile, spec: EngineSpec) -> BuildHalfNet:
    """What makes the style's net in half precision; EngineRefused for what this backend cannot do for anybody."""
    half_net = known_family(style, spec).half_net
    if half_net is None:
        name = network_name(style)
        raise EngineRefused(f"{spec}: the network {name!r} has no half precision of its own; choose another --engine")
    if spec.precision not in PRECISIONS:
        raise EngineRefused(f"{spec} has no {spec.precision}; choose one of {', '.join(PRECISIONS)}")
    if spec.size_range is not None:
        raise EngineRefused(f"{spec} is captured for one size; ask for no range of sizes, or choose another --engine")
    return half_net
