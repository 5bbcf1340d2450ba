"""What our engines need of CUDA, without torch: memory, streams, captured graphs, and what GPU there is.

`Cuda` is the whole of it, and small on purpose: handles and addresses are plain ints, and a failure is one line.
`CudaBindings` is the real one, on NVIDIA's own `cuda.bindings` (Apache-2.0), which TensorRT's samples use as well; it
brings CUDA's runtime along, so that nothing but the driver has to be installed.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from engines.errors import EngineRefused

NO_DRIVER = "no NVIDIA driver is loaded on this machine; install one, or choose another --engine"
NO_GPU = "there is no NVIDIA GPU that CUDA can use (CUDA_VISIBLE_DEVICES may hide it); choose another --engine"
OLD_DRIVER = "is too old for the installed cuda-bindings; update it, or pip install 'cuda-bindings<13' tensorrt-cu12"
DEVICE_INDEX = 0
DEFAULT_STREAM = 0


class CudaError(EngineRefused):
    """CUDA refused a call; the message is one line with CUDA's own name of the error."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU that CUDA shows: its name, its compute capability (major, minor), and the driver's CUDA version."""

    name: str
    capability: tuple[int, int]
    driver: str

    @property
    def hardware(self) -> str:
        """All of it in a line, on which compiled engines depend."""
        major, minor = self.capability
        return f"{self.name}, compute capability {major}.{minor}, driver for CUDA {self.driver}"


class Cuda(Protocol):
    """Memory, one kind of stream and graphs; sizes are in bytes. Every call may raise CudaError."""

    def make_current(self) -> None:
        """Opens the GPU for this process, and for this thread, where that has not been done."""

    def allocate(self, size: int) -> int:
        """The address of so much memory of the GPU."""

    def free(self, device: int) -> None: ...
    def allocate_pinned(self, size: int) -> int:
        """The address of so much page-locked memory of the host, which the GPU copies from and to by itself."""

    def free_pinned(self, host: int) -> None: ...
    def create_stream(self) -> int:
        """A stream that waits for no other, the default one included."""

    def destroy_stream(self, stream: int) -> None: ...
    def copy_in(self, device: int, host: int, size: int, stream: int) -> None:
        """Queues a copy from pinned memory to the GPU."""

    def copy_out(self, host: int, device: int, size: int, stream: int) -> None:
        """Queues a copy from the GPU to pinned memory."""

    def copy_within(self, to: int, device: int, size: int, stream: int) -> None:
        """Queues a copy from the GPU's memory to the GPU's memory."""

    def synchronise(self, stream: int) -> None:
        """Waits for all that is queued; other Python threads run meanwhile."""

    def begin_capture(self, stream: int) -> None:
        """What this thread queues from now on is recorded and not run."""

    def end_capture(self, stream: int) -> int:
        """The recording as a graph that can be launched; ends the capture even where it raises."""

    def launch(self, graph: int, stream: int) -> None: ...
    def destroy_graph(self, graph: int) -> None: ...


class CudaBindings:
    """`Cuda` on the first GPU; ImportError where `cuda.bindings` is not installed."""

    def __init__(self) -> None:
        self._runtime: Any = import_module("cuda.bindings.runtime")

    def gpu(self) -> Gpu:
        """The GPU; CudaError with the reason where there is none, or no driver for it."""
        runtime = self._runtime
        version: int = self._call("cudaDriverGetVersion")
        if version == 0:
            raise CudaError(NO_DRIVER)
        driver = f"{version // 1000}.{version % 1000 // 10}"
        error, count = runtime.cudaGetDeviceCount()
        if error == runtime.cudaError_t.cudaErrorInsufficientDriver:
            raise CudaError(f"the NVIDIA driver, for CUDA {driver}, {OLD_DRIVER}")
        if error == runtime.cudaError_t.cudaErrorNoDevice or count == 0:
            raise CudaError(NO_GPU)
        self._check("cudaGetDeviceCount", error)
        name = self._call("cudaGetDeviceProperties", DEVICE_INDEX).name
        return Gpu(name.decode() if isinstance(name, bytes) else str(name), self._capability(), driver)

    def _capability(self) -> tuple[int, int]:
        attributes = self._runtime.cudaDeviceAttr
        major = self._call("cudaDeviceGetAttribute", attributes.cudaDevAttrComputeCapabilityMajor, DEVICE_INDEX)
        minor = self._call("cudaDeviceGetAttribute", attributes.cudaDevAttrComputeCapabilityMinor, DEVICE_INDEX)
        return major, minor

    def make_current(self) -> None:
        self._call("cudaSetDevice", DEVICE_INDEX)

    def allocate(self, size: int) -> int:
        return int(self._call("cudaMalloc", size))

    def free(self, device: int) -> None:
        self._call("cudaFree", device)

    def allocate_pinned(self, size: int) -> int:
        return int(self._call("cudaHostAlloc", size, self._runtime.cudaHostAllocDefault))

    def free_pinned(self, host: int) -> None:
        self._call("cudaFreeHost", host)

    def create_stream(self) -> int:
        return int(self._call("cudaStreamCreateWithFlags", self._runtime.cudaStreamNonBlocking))

    def destroy_stream(self, stream: int) -> None:
        self._call("cudaStreamDestroy", stream)

    def copy_in(self, device: int, host: int, size: int, stream: int) -> None:
        self._copy(device, host, size, "cudaMemcpyHostToDevice", stream)

    def copy_out(self, host: int, device: int, size: int, stream: int) -> None:
        self._copy(host, device, size, "cudaMemcpyDeviceToHost", stream)

    def copy_within(self, to: int, device: int, size: int, stream: int) -> None:
        self._copy(to, device, size, "cudaMemcpyDeviceToDevice", stream)

    def synchronise(self, stream: int) -> None:
        self._call("cudaStreamSynchronize", stream)

    def begin_capture(self, stream: int) -> None:
        """Of this thread alone: other threads may allocate memory meanwhile."""
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", stream, mode)

    def end_capture(self, stream: int) -> int:
        recorded = self._call("cudaStreamEndCapture", stream)
        try:
            return int(self._call("cudaGraphInstantiate", recorded, 0))
        finally:
            self._call("cudaGraphDestroy", recorded)

    def launch(self, graph: int, stream: int) -> None:
        self._call("cudaGraphLaunch", graph, stream)

    def destroy_graph(self, graph: int) -> None:
        self._call("cudaGraphExecDestroy", graph)

    def _copy(self, to: int, address: int, size: int, kind: str, stream: int) -> None:
        self._call("cudaMemcpyAsync", to, address, size, getattr(self._runtime.cudaMemcpyKind, kind), stream)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Calls CUDA, which returns an error code and then the result, if there is one."""
        error, *results = getattr(self._runtime, name)(*arguments)
        self._check(name, error)
        return results[0] if results else None

    def _check(self, name: str, error: Any) -> None:
        if error != self._runtime.cudaError_t.cudaSuccess:
            _, said = self._runtime.cudaGetErrorString(error)
            words = said.decode() if isinstance(said, bytes) else str(said)
            raise CudaError(f"CUDA failed in {name}: {words} ({error.name})")
