"""CUDA and a TensorRT plan as recorders: what was asked of them, in which order, and whether it made sense."""

import ctypes
from threading import Barrier
from typing import Any

import numpy as np

from engines.backends.tensorrt.cuda import DEFAULT_STREAM, CudaError
from engines.errors import EngineRefused

HEIGHT, WIDTH, STYLE_SIZE = 12, 20, 6


class RecordedCuda:
    """CUDA as it is meant to be used: a queue for each stream that runs when it is waited for, and graphs of queues.

    Memory of the GPU is memory of the host, so that what is painted can be looked at. Misuse is an AssertionError.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.memory: dict[int, Any] = {}
        self.queues: dict[int, list[Any]] = {DEFAULT_STREAM: []}
        self.captured: dict[int, list[Any]] = {}
        self.graphs: dict[int, list[Any]] = {}
        self.capture_fails = False

    def make_current(self) -> None:
        self.calls.append("make_current")

    def allocate(self, size: int) -> int:
        self.calls.append("allocate")
        block = ctypes.create_string_buffer(b"\xee" * size, size)
        self.memory[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def free(self, device: int) -> None:
        self.calls.append("free")
        assert not any(self.queues.values())
        del self.memory[device]

    def allocate_pinned(self, size: int) -> int:
        address = self.allocate(size)
        self.calls[-1] = "allocate_pinned"
        return address

    def free_pinned(self, host: int) -> None:
        self.free(host)
        self.calls[-1] = "free_pinned"

    def create_stream(self) -> int:
        self.calls.append("create_stream")
        stream = 100 + len(self.queues)
        self.queues[stream] = []
        return stream

    def destroy_stream(self, stream: int) -> None:
        self.calls.append("destroy_stream")
        assert not self.queues.pop(stream)

    def copy_in(self, device: int, host: int, size: int, stream: int) -> None:
        self.queue(stream, f"copy_in {size}", lambda: ctypes.memmove(device, host, size))

    def copy_out(self, host: int, device: int, size: int, stream: int) -> None:
        self.queue(stream, f"copy_out {size}", lambda: ctypes.memmove(host, device, size))

    def copy_within(self, to: int, device: int, size: int, stream: int) -> None:
        self.queue(stream, f"copy_within {size}", lambda: ctypes.memmove(to, device, size))

    def synchronise(self, stream: int) -> None:
        self.calls.append("synchronise")
        assert stream not in self.captured
        for run in self.queues[stream]:
            run()
        self.queues[stream].clear()

    def begin_capture(self, stream: int) -> None:
        self.calls.append("begin_capture")
        assert not self.queues[stream]
        self.captured[stream] = []

    def end_capture(self, stream: int) -> int:
        self.calls.append("end_capture")
        recording = self.captured.pop(stream)
        if self.capture_fails:
            raise CudaError("CUDA failed in cudaStreamEndCapture: operation not permitted")
        self.graphs[500 + stream] = recording
        return 500 + stream

    def launch(self, graph: int, stream: int) -> None:
        self.calls.append("launch")
        self.queues[stream] += self.graphs[graph]

    def destroy_graph(self, graph: int) -> None:
        self.calls.append("destroy_graph")
        del self.graphs[graph]

    def queue(self, stream: int, name: str, run: Any) -> None:
        self.calls.append(name)
        self.captured.get(stream, self.queues[stream]).append(run)

    @property
    def all_freed(self) -> bool:
        return self.queues == {DEFAULT_STREAM: []} and not (self.memory or self.graphs or self.captured)


class RecordedContext:
    """An execution context of a net that adds strength · 40 + keep_colour · 8 + the last number of the style."""

    def __init__(self, cuda: RecordedCuda) -> None:
        self.cuda = cuda
        self.at: dict[str, int] = {}
        self.shape: tuple[int, ...] = (1, HEIGHT, WIDTH, 3)
        self.profile = -1
        self.runs = True
        self.meeting: Barrier | None = None

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        self.profile = index
        return stream in self.cuda.queues

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shape = shape
        return self.profile == 0 and name == "frame" and max(shape) <= 40

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.at[name] = address
        return name in ("frame", "style", "strength", "keep_colour", "stylized")

    def execute_async_v3(self, stream: int) -> bool:
        if self.runs:
            self.cuda.queue(stream, "net", self.paint)
        return self.runs

    def paint(self) -> None:
        if self.meeting:
            self.meeting.wait(timeout=30)
        strength, keep, last = (
            self.number(*at) for at in (("strength", 0), ("keep_colour", 0), ("style", STYLE_SIZE - 1))
        )
        size = int(np.prod(self.shape))
        frame = np.frombuffer(ctypes.string_at(self.at["frame"], size), np.uint8)
        stylized = frame + np.uint8(40 * strength + 8 * keep + last)
        ctypes.memmove(self.at["stylized"], stylized.tobytes(), size)

    def number(self, name: str, index: int = 0) -> float:
        return ctypes.c_float.from_address(self.at[name] + 4 * index).value


class RecordedPlan:
    """A plan whose contexts are kept, to look at."""

    def __init__(self, cuda: RecordedCuda) -> None:
        self.cuda = cuda
        self.contexts: list[RecordedContext] = []
        self.most = 99
        self.runs = True

    def context(self) -> RecordedContext:
        if len(self.contexts) == self.most:
            raise EngineRefused("no memory left")
        self.contexts.append(RecordedContext(self.cuda))
        self.contexts[-1].runs = self.runs
        return self.contexts[-1]

    def packed(self) -> bytes:
        return b"plan"


class DeviceTensor:
    """As much of a tensor of torch on a GPU as an engine asks for."""

    def __init__(self, cuda: RecordedCuda, array: np.ndarray, kind: str = "torch.uint8") -> None:
        self.cuda, self.array, self.dtype, self.shape = cuda, array.copy(), kind, array.shape
        self.is_cuda, self.device = True, "cuda:0"

    def is_contiguous(self) -> bool:
        return bool(self.array.flags.c_contiguous)

    def new_empty(self, shape: tuple[int, ...]) -> "DeviceTensor":
        return DeviceTensor(self.cuda, np.zeros(shape, np.uint8))

    def data_ptr(self) -> int:
        return int(self.array.ctypes.data)
