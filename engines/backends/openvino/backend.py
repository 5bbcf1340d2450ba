"""OpenVINO on the CPU: fp32 everywhere, bf16 where the processor multiplies it natively (AVX512-BF16, AMX), int8.

For throughput each request has a stream of its own, for on a few cores two frames side by side need less waiting than
one frame split over all; for latency all share one stream, which has all the threads. Threads are bound to cores only
where that is asked for: they share the cores with decoding and encoding.

The state of a style lies in main memory, in two copies that change places with every frame.

OpenVINO 2026.4 gives the thread that compiles a net an alternate signal stack (sigaltstack), and when the net is freed
it puts back the one that it had found. Two nets that are not freed in the reverse of that order leave the thread with a
stack that is freed already, and the next Ctrl-C, which Python handles on it, is a segmentation fault: the thread's own
is kept for it.
"""

import ctypes
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np

from engines.backends.openvino.layers import DEVICE
from engines.backends.openvino.ready_int8 import ready_nets
from engines.backends.request_slots import RequestSlots
from engines.errors import in_one_line, refusing
from engines.packages import import_openvino
from engines.protocols import BackendState, BuildAids, Engine, check_frame, check_style, resized_spec
from engines.spec import Controls, EngineSpec, GateReport
from engines.style.card import StyleCard
from engines.style.state import CarriedState
from engines.style.styles import StyleFile


class _Stack(ctypes.Structure):
    """Linux's stack_t."""

    _fields_ = [("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Whatever happens inside, this thread has its own signal stack back afterwards. Seen on Linux, and done there."""
    if sys.platform != "linux":
        yield
        return
    libc, before = ctypes.CDLL(None), _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)


class OpenVinoEngine:
    """A compiled net with one infer request for every caller that may be in it at once."""

    def __init__(self, compiled: Any, spec: EngineSpec, card: StyleCard) -> None:
        self.spec = spec
        self.carries_state = bool(card.state)
        self.gate: GateReport | None = None
        self._compiled = compiled
        self._card = card
        self._state = CarriedState(card.state, spec.height, spec.width)
        self._tensor = import_openvino().Tensor
        self._requests: RequestSlots[Any] = RequestSlots(
            [compiled.create_infer_request() for _ in range(spec.requests)]
        )

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        batch = check_frame(frame, self.spec)
        check_style(controls, self._card.style_size)
        with self._requests.taken() as request:
            return self._infer(request, batch, controls)

    def _infer(self, request: Any, batch: np.ndarray, controls: Controls) -> np.ndarray:
        """The request reads the caller's frame and writes the new array in place; only a read-only frame is copied."""
        stylized = np.empty_like(batch)
        # The request takes the addresses alone: this keeps the arrays alive until it is done.
        inputs = controls.graph_inputs(batch) | self._state.values
        for name, array in inputs.items():
            request.set_tensor(name, self._tensor(array, shared_memory=array.flags.writeable))
        outputs = self._state.arrays()
        for name, array in {"stylized": stylized, **outputs}.items():
            request.set_tensor(name, self._tensor(array, shared_memory=True))
        request.infer()
        self._state.feed_back(outputs)
        return np.squeeze(stylized, 0)

    def reset(self) -> None:
        """As a StatefulEngine does."""
        with self._requests.taken():
            self._state.reset()

    def resized(self, height: int, width: int) -> "OpenVinoEngine":
        """An engine of another size from the same compiled net; closed by the caller, like this one.

        ValueError where the size is outside `spec.size_range`, or this engine has none or is closed.
        """
        compiled = self._compiled
        spec = resized_spec(self.spec, height, width, closed=compiled is None)
        return OpenVinoEngine(compiled, spec, self._card)

    def export(self) -> bytes:
        """The compiled net, as `OpenVinoBackend.restore` takes it."""
        blob = self._compiled.export_model()
        return bytes(blob.getvalue() if isinstance(blob, io.BytesIO) else blob)

    def close(self) -> None:
        """Waits for frames that are in the net, then lets go of it; later calls are ValueErrors."""
        with kept_signal_stack():
            self._requests.close()
            self._compiled = None


class OpenVinoBackend:
    """Intel's runtime; it runs on AMD's processors as well."""

    name = "openvino"

    def probe(self) -> BackendState:
        """int8 is named although nncf may be missing: an engine from the cache does without."""
        try:
            openvino = import_openvino()
        except ImportError as error:
            return BackendState(self.name, False, f"no openvino ({in_one_line(error)}); pip install openvino")
        core = openvino.Core()
        if DEVICE not in core.available_devices:
            return BackendState(self.name, False, f"OpenVINO has no CPU device here, only {core.available_devices}")
        capabilities = _capabilities(core)
        return BackendState(
            self.name,
            True,
            version=openvino.__version__.split("-")[0],
            precisions=("bf16", "fp32") if "BF16" in capabilities else ("fp32",),
            on_request=("int8",),
            ready=ready_nets(),
            makes_on_request=find_spec("nncf") is not None,
            device=DEVICE,
            size_ranges=True,
            carries_state=True,
            hardware=f"{core.get_property(DEVICE, 'FULL_DEVICE_NAME')} {' '.join(sorted(capabilities))}",
        )

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        with kept_signal_stack():
            return self._build(style, spec, aids)

    def _build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        core = import_openvino().Core()
        settings = settings_of(spec, core)
        quantised = _quantised(style, spec, aids, settings) if spec.precision == "int8" else None
        with refusing(f"{spec} cannot compile {style.path.name}", RuntimeError, ValueError):
            model = quantised or core.read_model(style.data, b"")
            model.reshape(_shapes(style, spec))
            compiled = core.compile_model(model, DEVICE, settings)
            return OpenVinoEngine(compiled, spec, style.card)

    def dump(self, engine: Engine) -> bytes:
        return engine.export() if isinstance(engine, OpenVinoEngine) else b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        with kept_signal_stack():
            return self._restore(blob, style, spec)

    def _restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        core = import_openvino().Core()
        with refusing(f"{spec} cannot take the compiled net", RuntimeError, ValueError):
            compiled = core.import_model(blob, DEVICE, settings_of(spec, core))
            return OpenVinoEngine(compiled, spec, style.card)


def _quantised(style: StyleFile, spec: EngineSpec, aids: BuildAids, settings: dict[str, str]) -> Any:
    from engines.backends.openvino.int8 import quantised

    return quantised(style, spec, aids, settings)


def _capabilities(core: Any) -> list[str]:
    capabilities: list[str] = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return capabilities


def settings_of(spec: EngineSpec, core: Any) -> dict[str, str]:
    """With which OpenVINO compiles a net."""
    settings = {
        "INFERENCE_PRECISION_HINT": _float_type(spec, core),
        "NUM_STREAMS": str(spec.requests if spec.mode == "throughput" else 1),
        "ENABLE_CPU_PINNING": "YES" if spec.pinned else "NO",
    }
    return settings | ({"INFERENCE_NUM_THREADS": str(spec.threads)} if spec.threads else {})


def _float_type(spec: EngineSpec, core: Any) -> str:
    """What everything that is not in integers is computed in."""
    if spec.precision == "int8":
        return "bf16" if "BF16" in _capabilities(core) else "f32"
    return {"fp32": "f32", "bf16": "bf16"}[spec.precision]


def _shapes(style: StyleFile, spec: EngineSpec) -> dict[str, list[int]]:
    """What the compiled net takes as `frame` and as state: those of one size, or for a range any.

    Told the range itself, OpenVINO 2026.4 takes a remainder for known where it is the same at both ends (the padding of
    the picture), and then fails at sizes between.
    """
    size = spec.height, spec.width
    if spec.size_range is None:
        return {"frame": [1, *size, 3]} | {each.name: list(each.shape_at(*size)) for each in style.card.state}
    if size not in spec.size_range:
        raise ValueError(f"it takes the sizes {spec.size_range}, which {spec.width}x{spec.height} is not among")
    carried = {each.name: [-1 if side is None else side for side in each.dimensions] for each in style.card.state}
    return {"frame": [1, -1, -1, 3]} | carried
