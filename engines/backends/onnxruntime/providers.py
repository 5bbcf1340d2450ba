"""ONNX Runtime's execution providers: which of them this machine can really use, and with what settings.

A build of ONNX Runtime lists every provider it was compiled with, whether or not its libraries and its device are
there, and takes the CPU without an error where they are not. So a provider counts only when a session says that it has
it.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import EngineRefused, in_one_line
from engines.failures import any_failure_as, failure_of
from engines.packages import FATAL_ONLY, import_onnxruntime
from engines.spec import EngineSpec
from engines.style.styles import StyleFile

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider, the device that it stands for, and its settings for each precision, the best first.

    With `caches` it compiles for minutes and keeps what it compiled in a folder. `concurrent` tells whether several
    threads may run one session.
    """

    name: str
    device: str
    settings: Mapping[str, Mapping[str, str]]
    caches: bool = False
    concurrent: bool = True

    def options(self, precision: str, folder: Path | None) -> dict[str, str]:
        kept = str(folder) if self.caches and folder is not None else ""
        return dict(self.settings[precision]) | (
            {
                "trt_engine_cache_enable": "1",
                "trt_engine_cache_path": kept,
                "trt_timing_cache_enable": "1",
                "trt_timing_cache_path": kept,
            }
            if kept
            else {}
        )


CPU = Provider("CPUExecutionProvider", "CPU", {"fp32": {}})
# On a GPU, the fastest first. TF32 would be half precision by another name.
ON_GPU = (
    Provider("TensorrtExecutionProvider", "TensorRT", {"fp16": {"trt_fp16_enable": "1"}, "fp32": {}}, caches=True),
    Provider("CUDAExecutionProvider", "CUDA", {"fp32": {"use_tf32": "0"}}),
    Provider("MIGraphXExecutionProvider", "MIGraphX", {"fp16": {"migraphx_fp16_enable": "1"}, "fp32": {}}),
    Provider("DmlExecutionProvider", "DirectML", {"fp32": {}}, concurrent=False),
    Provider(
        "CoreMLExecutionProvider",
        "CoreML",
        {
            "fp16": {"ModelFormat": "MLProgram", "AllowLowPrecisionAccumulationOnGPU": "1"},
            "fp32": {"ModelFormat": "MLProgram"},
        },
    ),
    Provider(
        "OpenVINOExecutionProvider",
        "OpenVINO GPU",
        {precision: {"device_type": "GPU", "precision": precision.upper()} for precision in ("fp16", "fp32")},
        concurrent=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Load:
    """How one session uses the processor: on `cores` of its own, bound to them or not, and waiting busily or not."""

    cores: tuple[int, ...]
    pinned: bool = False
    spinning: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """The first provider on a GPU that works, or why there is none."""

    provider: Provider | None = None
    reasons: tuple[str, ...] = field(default=())


def open_session(style: StyleFile, spec: EngineSpec, provider: Provider, load: Load, folder: Path | None) -> Any:
    """A session for frames of the spec's size, or of its range; EngineRefused where the provider does not take it."""
    sizes = {} if spec.size_range else {"height": spec.height, "width": spec.width}
    options = _session_options(provider, load, sizes)

    def told(error: Exception) -> str:
        if isinstance(error, EngineRefused):
            return f"{spec}: {error}"
        return f"{spec} cannot load {style.path.name} ({in_one_line(error)})"

    with any_failure_as(EngineRefused, told):
        return _open(style.data, provider, options, provider.options(spec.precision, folder))


def is_for_cpu_alone() -> bool:
    """Whether the installed build has no provider for a GPU, as far as that is seen without loading the package.

    On Linux each is a library of its own beside it.
    """
    package = find_spec("onnxruntime")
    if package is None or package.origin is None or sys.platform != "linux":
        return False
    libraries = Path(package.origin).parent.glob("capi/libonnxruntime_providers_*.so*")
    return {library.name.partition(".")[0] for library in libraries} <= {"libonnxruntime_providers_shared"}


@cache
def provider_on_gpu() -> Choice:
    """The first that works. Tried once: loading a provider takes up to some seconds."""
    if is_for_cpu_alone():
        return Choice()
    onnxruntime = import_onnxruntime()
    present = set(onnxruntime.get_available_providers())
    reasons = []
    for provider in ON_GPU:
        if provider.name in present:
            error = failure_of(partial(_try, provider))
            if error is None:
                return Choice(provider)
            reasons.append(f"{provider.device}: {in_one_line(error)}")
    return Choice(None, tuple(reasons))


def gpu_hardware() -> str:
    """What says that the GPU or its driver is another one."""
    onnxruntime = import_onnxruntime()
    kinds = onnxruntime.OrtHardwareDeviceType
    devices = {each.device for each in onnxruntime.get_ep_devices() if each.device.type != kinds.CPU}
    names = sorted({f"{device.vendor} {device.vendor_id:x}:{device.device_id:x}" for device in devices})
    driver = NVIDIA_DRIVER.read_text().splitlines()[:1] if NVIDIA_DRIVER.exists() else []
    return ", ".join([*names, *driver])


def shares(spec: EngineSpec) -> list[Load]:
    """For throughput each request has its share of the cores, else all have all of them."""
    cores = _cores()[: spec.threads or None]
    if spec.mode != "throughput":
        return [Load(cores, spec.pinned, spinning=spec.requests == 1)]
    each = max(1, len(cores) // spec.requests)
    starts = [index * each % len(cores) for index in range(spec.requests)]
    return [Load(cores[start : start + each], spec.pinned, spinning=spec.requests == 1) for start in starts]


def _cores() -> tuple[int, ...]:
    """The processor's cores on which this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _session_options(provider: Provider, load: Load, sizes: Mapping[str, int]) -> Any:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = len(load.cores)
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if load.spinning else "0")
    if load.pinned and len(load.cores) > 1:
        # One entry for each thread but the caller's, which is not its own; it counts cores from 1.
        bound = ";".join(str(core + 1) for core in load.cores[1:])
        options.add_session_config_entry("session.intra_op_thread_affinities", bound)
    if provider.device == "DirectML":
        options.enable_mem_pattern = False  # which DirectML does not support
    for name, size in sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    return options


def _open(data: bytes, provider: Provider, options: Any, settings: Mapping[str, str]) -> Any:
    onnxruntime = import_onnxruntime()
    if provider.device in ("CUDA", "TensorRT"):
        with redirect_stdout(sys.stderr):  # it prints what it does not find
            onnxruntime.preload_dlls()
    session = onnxruntime.InferenceSession(data, options, providers=_ordered(provider, settings), enable_fallback=0)
    if session.get_providers()[0] != provider.name:
        raise EngineRefused(
            f"ONNX Runtime has {provider.name} but cannot load it; install what it needs of {provider.device}"
        )
    return session


def _ordered(provider: Provider, settings: Mapping[str, str]) -> list[Any]:
    """The CPU takes what a GPU's provider leaves: the arithmetic on shapes."""
    rest: Iterable[str] = () if provider.name == CPU.name else (CPU.name,)
    return [(provider.name, dict(settings)), *rest]


def _try(provider: Provider) -> None:
    """Runs one addition there."""
    from onnx import TensorProto

    from engines.networks.graph import Graph

    graph = Graph("trial")
    total = graph.op("Add", graph.input("number", TensorProto.FLOAT, [4]), graph.constant(1.0))
    graph.output(total, "total", TensorProto.FLOAT, [4])
    options = _session_options(provider, Load((0,)), {})
    session = _open(graph.model().SerializeToString(), provider, options, provider.options("fp32", None))
    (found,) = session.run(None, {"number": np.arange(4, dtype=np.float32)})
    if found.tolist() != [1, 2, 3, 4]:
        raise EngineRefused(f"it adds wrongly ({found.tolist()})")
