"""TensorRT and TensorRT-RTX on NVIDIA's GPUs, from the style file itself: fp16, bf16, fp32, and on request 8 bits.

Precision is a matter of the graph (strong typing): typed_graph.py and quantisation.py write it.
The backends find out whether it can run here, build, and open what was built.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from engines.backends.tensorrt.build import Order, compile_plan
from engines.backends.tensorrt.cuda import CudaBindings, CudaError
from engines.backends.tensorrt.engine import Plan, TensorRtEngine, unpack
from engines.backends.tensorrt.flavours import Flavour, PlainTensorRt, TensorRtRtx
from engines.errors import EngineRefused, in_one_line, refusing
from engines.names import CALIBRATED
from engines.protocols import BackendState, BuildAids, Engine
from engines.spec import EngineSpec
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    import onnx

DEVICE = "CUDA"


class _Backend:
    """A backend on a module of either flavour."""

    name: str
    flavour: Flavour

    def probe(self) -> BackendState:
        """Neither torch nor, where there is no GPU, TensorRT itself is imported."""
        for package, module in ((self.name, self.flavour.module), ("cuda-bindings", "cuda")):
            if find_spec(module) is None:
                reason = f"{package} is not installed; pip install 'impasto[{self.name}]'"
                return BackendState(self.name, False, reason)
        try:
            gpu = CudaBindings().gpu()
            trt = import_module(self.flavour.module)
        except CudaError as error:
            return BackendState(self.name, False, str(error))
        except (ImportError, OSError) as error:
            reason = (
                f"{self.name} cannot be loaded ({in_one_line(error)}); pip install --upgrade 'impasto[{self.name}]'"
            )
            return BackendState(self.name, False, reason)
        if reason := self._too_old(trt) or self.flavour.objection(trt, gpu):
            return BackendState(self.name, False, reason)
        return BackendState(
            self.name,
            True,
            version=trt.__version__,
            precisions=self.flavour.precisions(gpu.capability),
            on_request=self.flavour.on_request(gpu.capability),
            device=DEVICE,
            hardware=gpu.hardware,
            size_ranges=True,
            carries_state=True,
        )

    def build(self, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Engine:
        trt, cuda = import_module(self.flavour.module), CudaBindings()
        cuda.make_current()
        plan = self.compile(trt, style, spec, aids)
        return self._open(Plan(trt, self.flavour, plan), style, spec, cuda)

    def compile(self, trt: Any, style: StyleFile, spec: EngineSpec, aids: BuildAids) -> bytes:
        """The compiled plan of a style for `spec`; EngineRefused in a line where that cannot be."""
        model = model_for(style, spec, aids)
        size, exact = (spec.height, spec.width), spec.precision == "fp32"
        order = Order(model.SerializeToString(), size, spec.size_range, exact, style.card.state)
        try:
            return compile_plan(
                trt,
                order,
                lambda config: self.flavour.tuned(trt, config, aids.folder),
                lambda share: aids.progress(f"compiling with {self.name}", share),
            )
        except EngineRefused as error:
            raise EngineRefused(f"{spec} cannot take {style.path.name}: {error}") from error

    def dump(self, engine: Engine) -> bytes:
        return engine.export() if isinstance(engine, TensorRtEngine) else b""

    def restore(self, blob: bytes, style: StyleFile, spec: EngineSpec) -> Engine:
        plan, kept = unpack(blob)
        trt, cuda = import_module(self.flavour.module), CudaBindings()
        cuda.make_current()
        return self._open(Plan(trt, self.flavour, plan, kept), style, spec, cuda)

    def _open(self, plan: Plan, style: StyleFile, spec: EngineSpec, cuda: CudaBindings) -> Engine:
        return TensorRtEngine(
            plan,
            spec,
            style_size=style.card.style_size,
            cuda=cuda,
            captures=self.flavour.captures,
            state=style.card.state,
        )

    def _too_old(self, trt: Any) -> str:
        least = self.flavour.least_version
        if version_of(trt.__version__) >= least:
            return ""
        needed = ".".join(map(str, least))
        return f"{self.name} {trt.__version__} is too old, {needed} is needed; pip install -U 'impasto[{self.name}]'"


class TensorRtBackend(_Backend):
    """NVIDIA's compiler for all its GPUs from Turing on; kernels are chosen by timing them while it builds."""

    name = "tensorrt"
    flavour: Flavour = PlainTensorRt()


class TensorRtRtxBackend(_Backend):
    """NVIDIA's smaller compiler for its consumer GPUs; it builds in a second."""

    name = "tensorrt-rtx"
    flavour: Flavour = TensorRtRtx()


def model_for(style: StyleFile, spec: EngineSpec, aids: BuildAids) -> "onnx.ModelProto":
    """The typed graph of a style for `spec`; EngineRefused where it has parts that cannot be given a type."""
    import onnx

    from engines.backends.calibration import calibration_frames
    from engines.backends.tensorrt.quantisation import quantised_model
    from engines.backends.tensorrt.ranges import bearable_ranges
    from engines.backends.tensorrt.typed_graph import typed_model

    size = None if spec.size_range else (spec.height, spec.width)
    unfit = ValueError, KeyError, TypeError, RuntimeError, onnx.checker.ValidationError
    with refusing(f"{spec} cannot convert {style.path.name}", *unfit):
        if spec.precision not in CALIBRATED:
            return typed_model(style, spec.precision, size)
        frames = calibration_frames(aids.calibration)
        ranges = bearable_ranges(style, spec.precision, frames, lambda share: aids.progress("measuring ranges", share))
        return quantised_model(style, spec.precision, size, ranges)


def version_of(text: str) -> tuple[int, int]:
    """The first two numbers of a version, (0, 0) where it has none."""
    parts = text.split(".")[:2]
    return (int(parts[0]), int(parts[1])) if len(parts) == 2 and all(part.isdecimal() for part in parts) else (0, 0)
