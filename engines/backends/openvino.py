"""OpenVINO on the CPU: fp32 everywhere, bf16 where the processor multiplies it natively (AVX512-BF16, AMX).

Each request has a stream of its own, for on a few cores two frames side by side need less waiting than one frame split
over all. Threads are not pinned to cores, which they share with decoding and encoding.
"""

import io
import sys
from queue import SimpleQueue
from typing import Any

import numpy as np

from engines.errors import EngineRefused
from engines.spec import (
    BackendState,
    BuildAids,
    Controls,
    Engine,
    EngineSpec,
    GateReport,
    check_frame,
    check_style,
    one_line,
)
from engines.style import StyleFile

DEVICE = "CPU"
HINTS = {"fp32": "f32", "bf16": "bf16"}


def import_openvino() -> Any:
    """The openvino package without its model converter, which on import reports to a server and takes half the time."""
    converter = "openvino.tools.ovc"
    unwanted = "openvino" not in sys.modules and converter not in sys.modules
    if unwanted:
        sys.modules[converter] = None  # type: ignore[assignment]  # None makes the import fail, which openvino allows for
    try:
        import openvino
    finally:
        if unwanted:
            del sys.modules[converter]
    return openvino


class OpenVinoEngine:
    """A compiled net with one infer request for every caller that may be in it at once."""

    def __init__(self, compiled: Any, spec: EngineSpec, style_size: int) -> None:
        self.spec = spec
        self.gate: GateReport | None = None
        self._compiled = compiled
        self._style_size = style_size
        self._tensor = import_openvino().Tensor
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(spec.requests):
            self._idle.put(compiled.create_infer_request())

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        batch = check_frame(frame, self.spec)
        check_style(controls, self._style_size)
        request = self._idle.get()
        try:
            if request is None:
                raise ValueError("the engine is closed")
            return self._infer(request, batch, controls)
        finally:
            self._idle.put(request)

    def _infer(self, request: Any, batch: np.ndarray, controls: Controls) -> np.ndarray:
        """The request reads the caller's frame and writes the new array in place; only a read-only frame is copied."""
        stylized = np.empty_like(batch)
        # The request takes the addresses alone: this keeps the arrays alive until it is done.
        inputs = controls.graph_inputs(batch)
        for name, array in inputs.items():
            request.set_tensor(name, self._tensor(array, shared_memory=array.flags.writeable))
        request.set_output_tensor(self._tensor(stylized, shared_memory=True))
        request.infer()
        return np.squeeze(stylized, 0)

    def export(self) -> bytes:
        """The compiled net, as `OpenVinoBackend.restore` takes it."""
        blob = self._compiled.export_model()
        return bytes(blob.getvalue() if isinstance(blob, io.BytesIO) else blob)

    def close(self) -> None:
        """Waits for frames that are in the net, then lets go of it; later calls are ValueErrors."""
        if self._compiled is None:
            return
        self._compiled = None
        for _ in range(self.spec.requests):
            self._idle.get()
        self._idle.put(None)


class OpenVinoBackend:
    """Intel's runtime; it runs on AMD's processors as well."""

    name = "openvino"

    def probe(self) -> BackendState:
        try:
            openvino = import_openvino()
        except ImportError as error:
            return BackendState(self.name, False, f"no openvino ({one_line(error)}); pip install openvino")
        core = openvino.Core()
        if DEVICE not in core.available_devices:
            return BackendState(self.name, False, f"OpenVINO has no CPU device here, only {core.available_devices}")
        capabilities = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
        return BackendState(
            self.name,
            True,
            version=openvino.__version__.split("-")[0],
            precisions=("bf16", "fp32") if "BF16" in capabilities else ("fp32",),
            device=DEVICE,
            hardware=f"{core.get_property(DEVICE, 'FULL_DEVICE_NAME')} {' '.join(sorted(capabilities))}",
        )

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        core = import_openvino().Core()
        try:
            model = core.read_model(style.data, b"")
            model.reshape({"frame": [1, spec.height, spec.width, 3]})
            compiled = core.compile_model(model, DEVICE, _settings(spec))
        except (RuntimeError, ValueError) as error:
            raise EngineRefused(f"{spec} cannot compile {style.path.name} ({one_line(error)})") from error
        return OpenVinoEngine(compiled, spec, style.card.style_size)

    def dump(self, engine: Engine) -> bytes:
        return engine.export() if isinstance(engine, OpenVinoEngine) else b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        try:
            compiled = import_openvino().Core().import_model(blob, DEVICE, _settings(spec))
            return OpenVinoEngine(compiled, spec, style.card.style_size)
        except (RuntimeError, ValueError) as error:
            raise EngineRefused(f"{spec} cannot take the compiled net ({one_line(error)})") from error


def _settings(spec: EngineSpec) -> dict[str, str]:
    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[spec.precision],
        "NUM_STREAMS": str(spec.requests),
        "ENABLE_CPU_PINNING": "NO",
    }
    return settings | ({"INFERENCE_NUM_THREADS": str(spec.threads)} if spec.threads else {})
