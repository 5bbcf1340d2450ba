"""What the TensorRT backends say about machines that we do not have: an old module, a GPU too old or unknown."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from engines.backends.tensorrt.backend import TensorRtBackend, TensorRtRtxBackend, version_of
from engines.backends.tensorrt.cuda import CudaBindings, CudaError, Gpu

BACKENDS = [TensorRtBackend, TensorRtRtxBackend]


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_the_module_the_remedy_is_told(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.backends.tensorrt.backend.find_spec", lambda name: None)
    state = backend().probe()
    assert not state.available
    assert state.reason == f"{backend.name} is not installed; pip install 'impasto[{backend.name}]'"


@pytest.mark.parametrize(
    ("backend", "version", "capability", "reason"),
    [
        (TensorRtBackend, "10.3.0", (8, 9), "tensorrt 10.3.0 is too old, 10.12 is needed"),
        (TensorRtBackend, "11.4.0", (7, 0), "needs compute capability 7.5 or newer, the Test, compute capability 7.0"),
        (TensorRtRtxBackend, "1.1.0.26", (8, 9), "tensorrt-rtx 1.1.0.26 is too old, 1.2 is needed"),
        (TensorRtRtxBackend, "1.7.1.116", (9, 0), "knows the GPUs SM86, SM89, not the Test, .* try --engine tensorrt"),
    ],
)
def test_what_cannot_run_on_a_gpu_says_why(
    backend: Any, version: str, capability: tuple[int, int], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, version, capability)
    state = backend().probe()
    assert not state.available
    assert re.search(reason, state.reason)


@pytest.mark.parametrize(
    ("backend", "capability", "precisions", "on_request"),
    [
        (TensorRtBackend, (7, 5), ("fp16", "fp32"), ("int8",)),
        (TensorRtBackend, (8, 6), ("fp16", "bf16", "fp32"), ("int8",)),
        (TensorRtBackend, (9, 0), ("fp16", "bf16", "fp32"), ("int8", "fp8")),
        (TensorRtRtxBackend, (8, 6), ("fp16", "bf16", "fp32"), ()),
        (TensorRtRtxBackend, (8, 9), ("fp16", "bf16", "fp32"), ("fp8",)),
    ],
)
def test_precisions_are_those_of_the_gpu(
    backend: Any, capability: tuple[int, int], precisions: Any, on_request: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "99.0", capability)
    state = backend().probe()
    assert state.available
    assert (state.precisions, state.on_request, state.device) == (precisions, on_request, "CUDA")
    assert state.hardware == "Test, compute capability {}.{}, driver for CUDA 13.0".format(*capability)


def test_a_driver_that_is_too_old_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest packages are for CUDA 13, and many servers' drivers for CUDA 12."""
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="needs cuda-bindings")
    monkeypatch.setattr(runtime, "cudaDriverGetVersion", lambda: (runtime.cudaError_t.cudaSuccess, 12040))
    failed = runtime.cudaError_t.cudaErrorInsufficientDriver, None
    monkeypatch.setattr(runtime, "cudaGetDeviceCount", lambda: failed)
    with pytest.raises(CudaError, match=r"driver, for CUDA 12\.4, is too old .*; update it, or pip install"):
        CudaBindings().gpu()


def test_versions_are_compared_as_numbers() -> None:
    assert version_of("10.12.0.36") == (10, 12) > version_of("10.9")
    assert version_of("next") == (0, 0)
    assert version_of("10.²") == (0, 0)


def pretend(monkeypatch: pytest.MonkeyPatch, version: str, capability: tuple[int, int]) -> None:
    """A machine with such a GPU and a module of that version: only what probing asks of them."""
    known = SimpleNamespace(__members__={"NONE": 0, "SM86": 1, "SM89": 2, "CURRENT": 3})
    module = SimpleNamespace(__version__=version, ComputeCapability=known)
    cuda = SimpleNamespace(gpu=lambda: Gpu("Test", capability, "13.0"))
    monkeypatch.setattr("engines.backends.tensorrt.backend.find_spec", lambda name: object())
    monkeypatch.setattr("engines.backends.tensorrt.backend.CudaBindings", lambda: cuda)
    monkeypatch.setattr("engines.backends.tensorrt.backend.import_module", lambda name: module)
