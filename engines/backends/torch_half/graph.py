"""A net of torch as a captured CUDA graph, with frames copied in and out while others are painted.

Everything that is CUDA's own stands here. A frame goes through three streams: copy in, paint, copy out. Each caller has
a slot with page-locked memory and device buffers of its own, so that with two callers one frame travels while the other
is painted; the graph has one set of buffers, and what is queued around its replay is queued in one turn. A caller waits
for its own copy out and for nothing else.

The graph reads style, strength and keep_colour from a buffer like the frame: no change of them needs a new capture. The
rules kept here are those of https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs: warm up on the stream of
the capture, compile and tune nothing during it, one capture at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
import torch
from torch import Tensor, cuda

# frame uint8 [1, H, W, 3], controls float32 [S + 2] → uint8 [1, H, W, 3], all on the GPU
PaintTensor = Callable[[Tensor, Tensor], Tensor]

GPU = "cuda"
WARM_UP_RUNS = 3
TIMED_REPLAYS = 20
HIGH_PRIORITY = -1
# CUDA allows one capture at a time in a process.
_one_capture = Lock()


class Buffers:
    """What goes in and out: in the GPU's memory, or in page-locked memory, which the GPU copies from and to."""

    def __init__(self, size: tuple[int, int], control_count: int, *, pinned: bool) -> None:
        device = torch.device("cpu" if pinned else GPU)
        picture = (1, *size, 3)
        self.frame = torch.zeros(picture, dtype=torch.uint8, device=device, pin_memory=pinned)
        self.controls = torch.zeros(control_count, dtype=torch.float32, device=device, pin_memory=pinned)
        self.stylized = torch.zeros(picture, dtype=torch.uint8, device=device, pin_memory=pinned)


class Slot:
    """The buffers and events of one caller. `done` lets a waiting thread sleep instead of spinning on a core."""

    def __init__(self, size: tuple[int, int], control_count: int) -> None:
        self.host = Buffers(size, control_count, pinned=True)
        self.device = Buffers(size, control_count, pinned=False)
        self.arrived, self.painted = _event(), _event()
        self.done = _event(blocking=True)


class GraphPainter:
    """A net captured on a stream of its own, called with one of its slots by each of several threads."""

    on_gpu = True

    def __init__(self, paint: PaintTensor, size: tuple[int, int], control_count: int, requests: int) -> None:
        # The graph knows the addresses of the net's weights and does not keep them alive.
        self._net = paint
        self._turn = Lock()
        self._copy_in, self._paint, self._copy_out = (_stream() for _ in range(3))
        self._inputs = Buffers(size, control_count, pinned=False)
        self.slots = [Slot(size, control_count) for _ in range(requests)]
        with _one_capture, tuned_convolutions():
            # The buffers are filled on the current stream, which the others do not wait for by themselves.
            cuda.current_stream().synchronize()
            self._graph, self._stylized = self._capture(paint)

    def _capture(self, paint: PaintTensor) -> tuple[cuda.CUDAGraph, Tensor]:
        """The graph, and the tensor in its own memory that it paints into.

        torch hands out the same 32 streams of a priority in turn. Another engine may paint on any of those meanwhile,
        which would be recorded too: so those of high priority are left to captures.
        """
        stream = _stream(priority=HIGH_PRIORITY)
        with cuda.stream(stream):
            for _ in range(WARM_UP_RUNS):
                paint(self._inputs.frame, self._inputs.controls)
        stream.synchronize()
        graph = cuda.CUDAGraph()
        # thread_local: other engines may paint, and so allocate memory, while this one is captured.
        with cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            stylized = paint(self._inputs.frame, self._inputs.controls)
        return graph, stylized

    def replay_ms(self) -> float:
        """Milliseconds of the GPU for one frame, with no copies from and to the host."""
        start, end = _event(enable_timing=True), _event(enable_timing=True)
        with cuda.stream(self._paint):
            self._graph.replay()
            start.record()
            for _ in range(TIMED_REPLAYS):
                self._graph.replay()
            end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / TIMED_REPLAYS

    def __call__(self, slot: Slot, frame: np.ndarray, controls: np.ndarray) -> np.ndarray:
        """A frame uint8 [1, H, W, 3] through a slot that only this caller uses meanwhile."""
        np.copyto(slot.host.frame.numpy(), frame)
        np.copyto(slot.host.controls.numpy(), controls)
        with self._turn:
            self._queue(slot)
        slot.done.synchronize()
        return slot.host.stylized.numpy().copy()

    def _queue(self, slot: Slot) -> None:
        with cuda.stream(self._copy_in):
            slot.device.frame.copy_(slot.host.frame, non_blocking=True)
            slot.device.controls.copy_(slot.host.controls, non_blocking=True)
            slot.arrived.record(self._copy_in)
        with cuda.stream(self._paint):
            self._paint.wait_event(slot.arrived)
            self._replay(slot.device.frame, slot.device.controls, slot.device.stylized)
            slot.painted.record(self._paint)
        with cuda.stream(self._copy_out):
            self._copy_out.wait_event(slot.painted)
            slot.host.stylized.copy_(slot.device.stylized, non_blocking=True)
            slot.done.record(self._copy_out)

    def _replay(self, frame: Tensor, controls: Tensor, stylized: Tensor) -> None:
        """On the current stream. The copies within the GPU take microseconds; for them one graph serves all slots."""
        self._inputs.frame.copy_(frame, non_blocking=True)
        self._inputs.controls.copy_(controls, non_blocking=True)
        self._graph.replay()
        stylized.copy_(self._stylized, non_blocking=True)

    def paint_device(self, slot: Slot, frame: Tensor, controls: np.ndarray) -> Tensor:
        """A frame uint8 [1, H, W, 3] in the GPU's memory; the new one is complete when it is returned.

        Its memory is of the caller's stream, where it may be used and let go of as usual: so the net first waits for
        what that stream had to do with the same memory before.
        """
        np.copyto(slot.host.controls.numpy(), controls)
        stylized = torch.empty_like(frame)
        with self._turn:
            self._paint.wait_stream(cuda.current_stream())
            with cuda.stream(self._paint):
                slot.device.controls.copy_(slot.host.controls, non_blocking=True)
                self._replay(frame, slot.device.controls, stylized)
                slot.done.record(self._paint)
        slot.done.synchronize()
        return stylized


def _stream(priority: int = 0) -> cuda.Stream:
    return cuda.Stream(priority=priority)  # type: ignore[no-untyped-call]


def _event(**settings: bool) -> cuda.Event:
    return cuda.Event(**settings)  # type: ignore[no-untyped-call]


@contextmanager
def tuned_convolutions() -> Iterator[None]:
    """cuDNN tries its algorithms when it first meets a convolution, and takes the fastest from then on.

    The setting is the process's, so it is put back; a capture has to run under it to take what the warm-up found.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
