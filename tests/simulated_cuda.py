"""A GPU's order of work without a GPU: streams that run later, in any order that events and waits allow.

What CUDA queues, this queues: copies on a simulated stream and replays of a graph are put off until somebody waits for
them, and then the streams advance in a chosen order of preference. So an order in which a frame is overwritten, or read
too early, is met for certain and not once in a thousand runs. A capture records torch's operations, and its replay runs
them on the same memory, as a CUDA graph does: what is no input of the graph stays as it was.

Work on the default stream runs at once.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, local
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

Work = Callable[[], Any]
ASKS_FOR_A_VALUE = torch.ops.aten._local_scalar_dense.default
COPY = torch.ops.aten.copy_.default


class Ticket:
    """A place in a stream that an event marks."""

    def __init__(self) -> None:
        self.reached = True

    def reach(self) -> None:
        self.reached = True


class SimulatedStream:
    def __init__(self, gpu: "SimulatedCuda", priority: int = 0) -> None:
        self.gpu = gpu
        self.priority = priority
        self.queue: deque[tuple[Ticket, Work]] = deque()

    def put(self, work: Work) -> None:
        self.queue.append((Ticket(), work))

    def wait_event(self, event: "SimulatedEvent") -> None:
        if not self.gpu.deaf:
            self.queue.append((event.ticket, lambda: None))

    def wait_stream(self, other: "SimulatedStream") -> None:
        event = SimulatedEvent(self.gpu)
        event.record(other)
        self.wait_event(event)

    def synchronize(self) -> None:
        self.gpu.advance(lambda: not self.queue)


class SimulatedEvent:
    def __init__(self, gpu: "SimulatedCuda") -> None:
        self.gpu = gpu
        self.ticket = Ticket()

    def record(self, stream: SimulatedStream | None = None) -> None:
        self.ticket = Ticket()
        self.ticket.reached = False
        (stream or self.gpu.current_stream()).put(self.ticket.reach)

    def synchronize(self) -> None:
        ticket = self.ticket
        self.gpu.advance(lambda: ticket.reached)

    def elapsed_time(self, end: "SimulatedEvent") -> float:
        assert end.ticket.reached
        return 1.0


class RecordedGraph:
    """What was captured: operations, and the tensors that each writes its results into when it is replayed."""

    def __init__(self, gpu: "SimulatedCuda") -> None:
        self.gpu = gpu
        self.operations: list[tuple[Work, list[torch.Tensor]]] = []

    def replay(self) -> None:
        self.gpu.current_stream().put(self._run)

    def _run(self) -> None:
        for operation, results in self.operations:
            for result, again in zip(results, tensors(operation()), strict=True):
                result.copy_(again)


class SimulatedCuda:
    """Stands for `torch.cuda`; `preference` are the numbers of streams as they were made, the first to run first.

    With `deaf` streams ignore what they are told to wait for, as if those calls were missing.
    """

    def __init__(self, preference: tuple[int, ...] = (0, 1, 2), *, deaf: bool = False) -> None:
        self.preference = preference
        self.deaf = deaf
        self.streams: list[SimulatedStream] = []
        self.capturing: RecordedGraph | None = None
        self.captures = 0
        self._default = SimulatedStream(self)
        self._thread = local()
        self._lock = RLock()

    def Stream(self, *, priority: int = 0) -> SimulatedStream:  # noqa: N802
        self.streams.append(SimulatedStream(self, priority))
        return self.streams[-1]

    def Event(self, *, blocking: bool = False, enable_timing: bool = False) -> SimulatedEvent:  # noqa: N802
        return SimulatedEvent(self)

    def CUDAGraph(self) -> RecordedGraph:  # noqa: N802
        return RecordedGraph(self)

    def current_stream(self) -> SimulatedStream:
        stream: SimulatedStream = getattr(self._thread, "stream", self._default)
        return stream

    @contextmanager
    def stream(self, stream: SimulatedStream) -> Iterator[None]:
        before = self.current_stream()
        self._thread.stream = stream
        try:
            yield
        finally:
            self._thread.stream = before

    @contextmanager
    def graph(self, graph: RecordedGraph, *, stream: SimulatedStream, capture_error_mode: str) -> Iterator[None]:
        assert not stream.queue, "a capture begins when its stream has done what came before"
        assert capture_error_mode == "thread_local"
        assert stream.priority < 0, "torch may give this stream to those who paint"
        self.captures += 1
        with self.stream(stream):
            self.capturing = graph
            yield
            self.capturing = None

    def advance(self, until: Callable[[], bool]) -> None:
        """Runs queued work until that is so, each time of the most preferred stream that need not wait."""
        with self._lock, self.stream(self._default):
            while not until():
                self._next()()

    def _next(self) -> Work:
        for stream in (self._default, *(self.streams[number] for number in self.preference), *self.streams):
            if stream.queue and stream.queue[0][0].reached:
                return stream.queue.popleft()[1]
        raise AssertionError("the streams wait for each other")

    def run(self, operation: Work, is_copy: bool, target: Any) -> Any:
        """An operation of torch, now, recorded, or put off."""
        if self.current_stream() is self._default:
            return operation()
        if self.capturing is not None:
            result = operation()
            self.capturing.operations.append((operation, tensors(result)))
            return result
        if is_copy:
            self.current_stream().put(operation)
            return target
        return operation()


class OnSimulatedCuda(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sends torch's operations of this thread to a simulated GPU; memory is the host's, page-locked or not."""

    def __init__(self, gpu: SimulatedCuda) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.gpu = gpu

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        settings = {name: value for name, value in (kwargs or {}).items() if name != "pin_memory"}
        assert self.gpu.capturing is None or func is not ASKS_FOR_A_VALUE, "no value can be asked for in a capture"
        return self.gpu.run(lambda: func(*args, **settings), func is COPY, args[0] if args else None)


def tensors(result: Any) -> list[torch.Tensor]:
    """Those that an operation returned; some return numbers, such as a size."""
    results = result if isinstance(result, (tuple, list)) else [result]
    return [each for each in results if isinstance(each, torch.Tensor)]
