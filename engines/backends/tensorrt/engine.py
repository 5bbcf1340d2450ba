"""A compiled plan as an engine: one lane for every request, and engines of other sizes from the same plan."""

import struct
from contextlib import ExitStack
from typing import Any

import numpy as np

from engines.backends.request_slots import RequestSlots
from engines.backends.tensorrt.build import listening_logger, started
from engines.backends.tensorrt.cuda import Cuda
from engines.backends.tensorrt.flavours import Flavour
from engines.backends.tensorrt.lane import Lane
from engines.errors import EngineRefused
from engines.protocols import check_frame, check_style, resized_spec
from engines.spec import Controls, EngineSpec, GateReport
from engines.style.state import StateInput

_HEADER = struct.Struct("<Q")


class Plan:
    """A compiled plan, opened on this GPU: what several engines may share.

    EngineRefused where TensorRT does not open it: it is of another version, driver or GPU. The runtime must live as
    long as the engine.
    """

    def __init__(self, trt: Any, flavour: Flavour, plan: bytes, kept: bytes = b"") -> None:
        self._plan = plan
        self._logger = listening_logger(trt)
        self._runtime = started(trt, trt.Runtime)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            reason = flavour.why_invalid(trt, self._runtime, plan) or self._logger.error or "no reason given"
            raise EngineRefused(f"the plan was built by another version, driver or GPU, or is damaged: {reason}")
        self._contexts = flavour.contexts(trt, self._engine, kept)

    def context(self) -> Any:
        """A new execution context; EngineRefused where the GPU has no memory left for it."""
        context = self._contexts.create()
        if context is None:
            raise EngineRefused(f"TensorRT cannot open the net on the GPU: {self._logger.error or 'no reason given'}")
        return context

    def packed(self) -> bytes:
        """The plan, and what makes it quick to open; `unpack` takes it apart."""
        return _HEADER.pack(len(self._plan)) + self._plan + self._contexts.kept()


def unpack(blob: bytes) -> tuple[bytes, bytes]:
    """The plan and what was kept with it; EngineRefused where the blob is none of ours."""
    start = _HEADER.size
    length = _HEADER.unpack_from(blob)[0] if len(blob) >= start else 0
    if not 0 < length <= len(blob) - start:
        raise EngineRefused("the compiled engine is cut off")
    return blob[start : start + length], blob[start + length :]


class TensorRtEngine:
    """Frames in, frames out; up to `spec.requests` callers paint at once, more wait."""

    takes_device_frames = True

    def __init__(
        self,
        plan: Plan,
        spec: EngineSpec,
        *,
        style_size: int,
        cuda: Cuda,
        captures: bool,
        state: tuple[StateInput, ...] = (),
    ) -> None:
        self.spec = spec
        self.carries_state = bool(state)
        self.gate: GateReport | None = None
        self._plan: Plan | None = plan
        self._style_size = style_size
        self._cuda = cuda
        self._captures = captures
        self._state = state
        with ExitStack() as undone:
            lanes = []
            for _ in range(spec.requests):
                lanes.append(self._open_lane(plan))
                undone.callback(lanes[-1].close)
            undone.pop_all()
        self._lanes = RequestSlots(lanes)

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        batch = check_frame(frame, self.spec)
        check_style(controls, self._style_size)
        with self._lanes.taken() as lane:
            return lane.paint(batch[0], controls)

    def paint_device(self, frame: Any, controls: Controls) -> Any:
        """As `DeviceEngine` says: a tensor of torch on the GPU in, a new one out. torch itself is not needed here."""
        wanted = (self.spec.height, self.spec.width, 3)
        if tuple(frame.shape) != wanted or str(frame.dtype) != "torch.uint8":
            raise ValueError(
                f"the frame is {frame.dtype} {tuple(frame.shape)}; this engine takes uint8 {wanted} in RGB"
            )
        if not (frame.is_cuda and frame.is_contiguous()):
            raise ValueError(f"the frame must be contiguous on the GPU, and lies on {frame.device}")
        check_style(controls, self._style_size)
        stylized = frame.new_empty(wanted)
        with self._lanes.taken() as lane:
            lane.paint_device(frame.data_ptr(), stylized.data_ptr(), controls)
        return stylized

    def resized(self, height: int, width: int) -> "TensorRtEngine":
        """An engine of another size from the same plan, opened in a moment; closed by the caller, like this one.

        ValueError where the size is outside `spec.size_range`, or this engine has none or is closed.
        """
        plan = self._plan
        spec = resized_spec(self.spec, height, width, closed=plan is None)
        assert plan is not None, "it is not closed"
        return TensorRtEngine(
            plan, spec, style_size=self._style_size, cuda=self._cuda, captures=self._captures, state=self._state
        )

    def reset(self) -> None:
        """As a StatefulEngine does."""
        with self._lanes.taken() as lane:
            lane.reset()

    def export(self) -> bytes:
        """The compiled plan, as the backend's `restore` takes it; empty where the engine is closed."""
        return self._plan.packed() if self._plan is not None else b""

    def close(self) -> None:
        """Waits for frames that are in the net, then frees the GPU's memory; later calls are ValueErrors."""
        for lane in self._lanes.close():
            lane.close()
        self._plan = None

    def _open_lane(self, plan: Plan) -> Lane:
        return Lane(
            self._cuda,
            plan.context(),
            size=(self.spec.height, self.spec.width),
            style_size=self._style_size,
            ranged=self.spec.size_range is not None,
            captures=self._captures,
            state=self._state,
        )
