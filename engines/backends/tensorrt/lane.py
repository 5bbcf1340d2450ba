"""One request of a TensorRT engine: all that a frame needs on its way through the GPU, allocated once.

A lane has an execution context, a stream and page-locked buffers of its own. What a frame goes through (copy in, net,
copy out) is queued on that stream; with two lanes in use, the copies of one run beside the net of the other, for the
GPU copies in, computes and copies out at once. The net's addresses never change, so that it is captured as one CUDA
graph after a first run has warmed it up: a launch for each frame in place of one for each of its layers.

The controls (strength, keep_colour, the style vector) lie in one small buffer and are copied only when they changed.

State stays on the GPU. The net reads it at one address and writes the next at another, since it may write before it has
read all; a copy back, which is part of the captured graph, then makes the next state the present one.
"""

import ctypes
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.backends.tensorrt.cuda import DEFAULT_STREAM, Cuda, CudaError
from engines.errors import EngineRefused, in_one_line
from engines.failures import on_failure
from engines.spec import Controls
from engines.style.state import StateInput

# TensorRT wants the addresses of its inputs at multiples of 256 bytes, which cudaMalloc's own are.
ALIGNMENT = 256
STRENGTH_AT, KEEP_COLOUR_AT, STYLE_AT = 0, ALIGNMENT, 2 * ALIGNMENT
logger = logging.getLogger("impasto")


@dataclass(frozen=True, slots=True, eq=False)
class _Carried:
    """A state: where the net reads it and writes the next, on the GPU, and its first bytes in page-locked memory."""

    state: StateInput
    shape: tuple[int, ...]
    start: np.ndarray
    present: int
    following: int


class Lane:
    """Paints frames of one size, one at a time. EngineRefused where the context does not take the size."""

    def __init__(
        self,
        cuda: Cuda,
        context: Any,
        *,
        size: tuple[int, int],
        style_size: int,
        ranged: bool,
        captures: bool,
        state: Sequence[StateInput] = (),
    ) -> None:
        self._cuda = cuda
        self._context = context
        self._graph: int | None = None
        self._begins = True
        self._resources = ExitStack()
        with ExitStack() as undone:
            undone.callback(self.close)
            self._allocate((*size, 3), style_size)
            self._carried = [self._allocated(each, size) for each in state]
            self._bind((1, *size, 3), ranged)
            self._warm_up(captures)
            undone.pop_all()

    def paint(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        """frame uint8 [H, W, 3] → a new array of the same shape; CudaError where the GPU failed."""
        cuda, stream, size = self._cuda, self._stream, self._frame.nbytes
        _, frame_on_gpu, stylized_on_gpu = self._on_gpu
        np.copyto(self._frame, frame)
        with self._waiting():
            self._set_controls(controls)
            cuda.copy_in(frame_on_gpu, self._frame.ctypes.data, size, stream)
            self._run()
            cuda.copy_out(self._stylized.ctypes.data, stylized_on_gpu, size, stream)
        return self._stylized.copy()

    def paint_device(self, frame: int, stylized: int, controls: Controls) -> None:
        """The same from and to addresses on the GPU; the result is there when this returns.

        `stylized` is new memory of torch's, which may be memory that was let go of while the default stream still reads
        it: that is waited for first.
        """
        cuda, stream, size = self._cuda, self._stream, self._frame.nbytes
        _, frame_on_gpu, stylized_on_gpu = self._on_gpu
        cuda.synchronise(DEFAULT_STREAM)
        with self._waiting():
            self._set_controls(controls)
            cuda.copy_within(frame_on_gpu, frame, size, stream)
            self._run()
            cuda.copy_within(stylized, stylized_on_gpu, size, stream)

    def reset(self) -> None:
        """The state is what it was at the beginning, when the next frame comes."""
        self._begins = True

    def close(self) -> None:
        """Frees all of it, in the order opposite to its making. The lane must be idle."""
        self._resources.close()
        self._context = None

    def _allocate(self, shape: tuple[int, int, int], style_size: int) -> None:
        cuda, free_later = self._cuda, self._resources.callback
        self._stream = cuda.create_stream()
        free_later(cuda.destroy_stream, self._stream)
        frame_bytes = int(np.prod(shape))
        self._controls = self._pinned(STYLE_AT + 4 * style_size)
        self._frame = self._pinned(frame_bytes).reshape(shape)
        self._stylized = self._pinned(frame_bytes).reshape(shape)
        self._frame[:] = 0
        self._controls[:] = 0
        self._on_gpu = []
        for host in (self._controls, self._frame, self._stylized):
            self._on_gpu.append(cuda.allocate(host.nbytes))
            free_later(cuda.free, self._on_gpu[-1])

    def _allocated(self, state: StateInput, size: tuple[int, int]) -> "_Carried":
        first = state.first(*size)
        start = self._pinned(first.nbytes)
        start[:] = first.reshape(-1).view(np.uint8)
        addresses = []
        for _ in range(2):
            addresses.append(self._cuda.allocate(first.nbytes))
            self._resources.callback(self._cuda.free, addresses[-1])
        return _Carried(state, first.shape, start, *addresses)

    def _pinned(self, size: int) -> np.ndarray:
        """uint8 [size] in page-locked memory, which is ours until the lane is closed."""
        address = self._cuda.allocate_pinned(size)
        self._resources.callback(self._cuda.free_pinned, address)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def _bind(self, shape: tuple[int, ...], ranged: bool) -> None:
        """Tells the context where everything lies, and for which size where it takes several."""
        controls, frame, stylized = self._on_gpu
        addresses = {
            "strength": controls + STRENGTH_AT,
            "keep_colour": controls + KEEP_COLOUR_AT,
            "style": controls + STYLE_AT,
            "frame": frame,
            "stylized": stylized,
        }
        shapes = {"frame": shape}
        for each in self._carried:
            addresses |= {each.state.name: each.present, each.state.output: each.following}
            shapes[each.state.name] = each.shape
        bound = []
        if ranged:
            bound.append(self._context.set_optimization_profile_async(0, self._stream))
            bound += [self._context.set_input_shape(*item) for item in shapes.items()]
        bound += [self._context.set_tensor_address(*item) for item in addresses.items()]
        if not all(bound):
            raise EngineRefused(f"the compiled engine does not take frames of {shape[2]}x{shape[1]}")

    def _warm_up(self, captures: bool) -> None:
        """Runs once, for the first run may load kernels and allocate, which no graph can hold; then captures."""
        with self._waiting():
            self._copy_controls()
            self._begin_anew()
            self._execute()
        self.reset()
        if not captures:
            return
        try:
            self._graph = self._captured()
        except CudaError as error:
            logger.warning(
                "the net cannot be captured as a CUDA graph and runs slower without (%s)", in_one_line(error)
            )
        else:
            self._resources.callback(self._cuda.destroy_graph, self._graph)

    def _captured(self) -> int:
        self._cuda.begin_capture(self._stream)
        with on_failure(self._drop_capture):
            self._execute()
        return self._cuda.end_capture(self._stream)

    def _drop_capture(self) -> None:
        with suppress(CudaError):  # a capture has to be ended, and the first error is the one to tell
            self._cuda.destroy_graph(self._cuda.end_capture(self._stream))

    def _run(self) -> None:
        if self._begins:
            self._begin_anew()
        if self._graph is None:
            self._execute()
        else:
            self._cuda.launch(self._graph, self._stream)

    def _execute(self) -> None:
        if not self._context.execute_async_v3(self._stream):
            raise CudaError("TensorRT refused to run the net; its reason is in the log of level debug")
        for each in self._carried:
            self._cuda.copy_within(each.present, each.following, each.start.nbytes, self._stream)

    def _begin_anew(self) -> None:
        for each in self._carried:
            self._cuda.copy_in(each.present, each.start.ctypes.data, each.start.nbytes, self._stream)
        self._begins = False

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Waits for what was queued; also after an error, lest a copy still reads what the next frame writes."""
        try:
            yield
        finally:
            self._cuda.synchronise(self._stream)

    def _set_controls(self, controls: Controls) -> None:
        """The stream is idle, so the pinned buffer may be written; the copy runs before the frame that follows it."""
        wanted = np.zeros_like(self._controls)
        floats = wanted.view(np.float32)
        floats[STRENGTH_AT // 4] = controls.strength
        floats[KEEP_COLOUR_AT // 4] = controls.keep_colour
        floats[STYLE_AT // 4 :] = controls.style
        if not np.array_equal(wanted, self._controls):
            self._controls[:] = wanted
            self._copy_controls()

    def _copy_controls(self) -> None:
        self._cuda.copy_in(self._on_gpu[0], self._controls.ctypes.data, self._controls.nbytes, self._stream)
