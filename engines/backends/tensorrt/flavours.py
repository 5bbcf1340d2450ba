"""Where TensorRT and TensorRT-RTX differ; everything else is written once, over a module of either name.

TensorRT times kernels on the GPU while it builds, so that the timings are worth keeping, and leaves CUDA graphs to its
caller. TensorRT-RTX builds without a GPU and compiles kernels when a plan is opened: what is worth keeping are those
kernels (its runtime cache), and it captures CUDA graphs itself, since it may still be swapping kernels. Its timing
cache does nothing and is not used.
"""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from engines.backends.tensorrt.cuda import Gpu
from engines.cache.aids import read_aid, write_aid

HAS_BF16, HAS_FP8 = (8, 0), (8, 9)
LEAST_CAPABILITY = (7, 5)
logger = logging.getLogger("impasto")


class Contexts(Protocol):
    """Makes execution contexts of one deserialised engine; `kept` is what makes that faster the next time."""

    def create(self) -> Any: ...
    def kept(self) -> bytes: ...


class Flavour(Protocol):
    """`captures`: whether the caller shall capture CUDA graphs."""

    name: str
    module: str
    least_version: tuple[int, int]
    captures: bool

    def precisions(self, capability: tuple[int, int]) -> tuple[str, ...]:
        """Those that "auto" tries, the best first."""

    def on_request(self, capability: tuple[int, int]) -> tuple[str, ...]: ...
    def objection(self, trt: Any, gpu: Gpu) -> str:
        """Why it cannot run on this GPU; empty where it can."""

    def tuned(self, trt: Any, config: Any, folder: Path) -> AbstractContextManager[None]:
        """A context manager around the build, with what this flavour sets on its config."""

    def why_invalid(self, trt: Any, runtime: Any, plan: bytes) -> str:
        """What is known about a plan that could not be opened."""

    def contexts(self, trt: Any, engine: Any, kept: bytes) -> Contexts: ...


class PlainTensorRt:
    """TensorRT 10.12 or newer: the first that has strong typing for all layers; 11 has nothing else."""

    name = "tensorrt"
    module = "tensorrt"
    least_version = (10, 12)
    captures = True

    def precisions(self, capability: tuple[int, int]) -> tuple[str, ...]:
        return _float_precisions(capability)

    def on_request(self, capability: tuple[int, int]) -> tuple[str, ...]:
        return ("int8", "fp8") if capability >= HAS_FP8 else ("int8",)

    def objection(self, trt: Any, gpu: Gpu) -> str:
        if gpu.capability >= LEAST_CAPABILITY:
            return ""
        return f"TensorRT {trt.__version__} needs compute capability 7.5 or newer, the {gpu.hardware} is too old"

    @contextmanager
    def tuned(self, trt: Any, config: Any, folder: Path) -> Iterator[None]:
        """With the timings of earlier builds; those of this build are added to them."""
        path = folder / f"tensorrt-{trt.__version__}.timing"
        cache = config.create_timing_cache(read_aid(path))
        # One of another GPU, or a damaged one, is refused, and a new one begun.
        if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
            cache = config.create_timing_cache(b"")
            config.set_timing_cache(cache, ignore_mismatch=False)
        yield
        try:
            write_aid(path, bytes(cache.serialize()))
        except OSError as error:
            logger.info("TensorRT's timings cannot be kept in %s (%s)", folder, error.strerror)

    def why_invalid(self, trt: Any, runtime: Any, plan: bytes) -> str:
        return ""

    def contexts(self, trt: Any, engine: Any, kept: bytes) -> Contexts:
        return _PlainContexts(engine)


class TensorRtRtx:
    """TensorRT-RTX 1.2 or newer, which has CUDA graphs of its own; for the GPUs that its module names."""

    name = "tensorrt-rtx"
    module = "tensorrt_rtx"
    least_version = (1, 2)
    captures = False

    def precisions(self, capability: tuple[int, int]) -> tuple[str, ...]:
        return _float_precisions(capability)

    def on_request(self, capability: tuple[int, int]) -> tuple[str, ...]:
        """No int8: its support matrix has that for the weights of matrix products alone."""
        return ("fp8",) if capability >= HAS_FP8 else ()

    def objection(self, trt: Any, gpu: Gpu) -> str:
        known = trt.ComputeCapability.__members__
        if "SM{}{}".format(*gpu.capability) in known:
            return ""
        names = ", ".join(sorted(name for name in known if name.startswith("SM")))
        return f"TensorRT-RTX {trt.__version__} knows the GPUs {names}, not the {gpu.hardware}; try --engine tensorrt"

    @contextmanager
    def tuned(self, trt: Any, config: Any, folder: Path) -> Iterator[None]:
        """For this GPU alone, which saves compiling for the others, and the space."""
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.ComputeCapability.CURRENT, 0)
        yield

    def why_invalid(self, trt: Any, runtime: Any, plan: bytes) -> str:
        validity, diagnostics = runtime.get_engine_validity(plan)
        if validity != trt.EngineValidity.INVALID:
            return ""
        reasons = trt.EngineInvalidityDiagnostics.__members__.items()
        named = [name for name, value in reasons if int(diagnostics) & int(value)]
        return ", ".join(name.lower().replace("_", " ") for name in named)

    def contexts(self, trt: Any, engine: Any, kept: bytes) -> Contexts:
        return _RtxContexts(trt, engine, kept)


class _PlainContexts:
    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def create(self) -> Any:
        return self._engine.create_execution_context()

    def kept(self) -> bytes:
        return b""


class _RtxContexts:
    """Contexts that share one cache of compiled kernels and capture their own CUDA graphs."""

    def __init__(self, trt: Any, engine: Any, kept: bytes) -> None:
        self._engine = engine
        self._config = engine.create_runtime_config()
        self._config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._cache = self._config.create_runtime_cache()
        if kept:
            self._cache.deserialize(kept)
        self._config.set_runtime_cache(self._cache)

    def create(self) -> Any:
        return self._engine.create_execution_context(runtime_config=self._config)

    def kept(self) -> bytes:
        return bytes(self._cache.serialize())


def _float_precisions(capability: tuple[int, int]) -> tuple[str, ...]:
    return ("fp16", "bf16", "fp32") if capability >= HAS_BF16 else ("fp16", "fp32")
