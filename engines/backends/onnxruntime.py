"""ONNX Runtime on the CPU, in fp32; the extra `impasto[onnxruntime]`."""

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

PROVIDERS = ["CPUExecutionProvider"]
ERRORS_ONLY = 3


class OnnxRuntimeEngine:
    """One session, which any number of threads may call."""

    def __init__(self, session: Any, spec: EngineSpec, style_size: int) -> None:
        self.spec = spec
        self.gate: GateReport | None = None
        self._session = session
        self._style_size = style_size

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        batch = check_frame(frame, self.spec)
        check_style(controls, self._style_size)
        session = self._session
        if session is None:
            raise ValueError("the engine is closed")
        stylized: np.ndarray = session.run(["stylized"], controls.graph_inputs(batch))[0][0]
        return stylized

    def close(self) -> None:
        """Later calls are ValueErrors; frames that are in the net come out."""
        self._session = None


class OnnxRuntimeBackend:
    """Microsoft's runtime: slower than OpenVINO on the processors we measured, but at home on more of them."""

    name = "onnxruntime"

    def probe(self) -> BackendState:
        try:
            import onnxruntime
        except ImportError:
            reason = "onnxruntime is not installed; pip install 'impasto[onnxruntime]'"
            return BackendState(self.name, False, reason)
        return BackendState(self.name, True, version=onnxruntime.__version__, precisions=("fp32",))

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        return self._open(style, spec)

    def _open(self, style: StyleFile, spec: EngineSpec) -> Engine:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec.threads
        options.log_severity_level = ERRORS_ONLY
        options.add_free_dimension_override_by_name("height", spec.height)
        options.add_free_dimension_override_by_name("width", spec.width)
        onnxruntime.disable_telemetry_events()
        try:
            session = onnxruntime.InferenceSession(style.data, options, providers=PROVIDERS)
        except Exception as error:  # its errors share no class but Exception
            raise EngineRefused(f"{spec} cannot load {style.path.name} ({one_line(error)})") from error
        return OnnxRuntimeEngine(session, spec, style.card.style_size)

    def dump(self, engine: Engine) -> bytes:
        """Nothing: a session is made in a few tens of milliseconds."""
        return b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        return self._open(style, spec)
