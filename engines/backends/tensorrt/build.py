"""From an ONNX graph to a compiled TensorRT plan; the same for TensorRT and TensorRT-RTX, whose module is handed in.

A build takes seconds to minutes, in C++ that Python cannot interrupt. So it runs in a thread of its own, the caller
waits where Ctrl-C reaches it, and TensorRT's progress monitor, which is asked between any two steps, ends the build.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from engines.errors import EngineRefused, in_one_line
from engines.spec import SizeRange
from engines.style.state import StateInput

# What TensorRT may take of the GPU's memory for the scratch space of one layer.
WORKSPACE_BYTES = 2 << 30
Progress = Callable[[float], None]
Tuned = Callable[[Any], AbstractContextManager[None]]
logger = logging.getLogger("impasto")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be compiled: an ONNX model, for a range of sizes with the one (height, width) to tune for, or for one.

    `exact` keeps float32 products in float32, which TensorRT would round to TF32. `state` is what the model carries.
    """

    model: bytes
    size: tuple[int, int]
    size_range: SizeRange | None = None
    exact: bool = False
    state: tuple[StateInput, ...] = ()


@dataclass(slots=True)
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


class BuildProgress:
    """How far a build is, from the phases within phases that TensorRT tells of; several of its threads may tell.

    `report(share)` is called after every step, 0..1 and never less than before. What it raises is kept in `error`, and
    the build is told to end; `end` does the same from outside.
    """

    def __init__(self, report: Progress) -> None:
        self.error: BaseException | None = None
        self._report = report
        self._phases: dict[str, _Phase] = {}
        self._share = 0.0
        self._ended = False
        self._lock = threading.Lock()

    def start(self, name: str, parent: str | None, steps: int) -> None:
        with self._lock:
            self._phases[name] = _Phase(parent, max(steps, 1))

    def step(self, name: str, step: int) -> bool:
        """Whether to go on."""
        with self._lock:
            if name in self._phases:
                self._phases[name].done = step + 1
            self._share = max(self._share, min(self._share_at(name), 1.0))
            if not self._ended:
                self._tell()
            return not self._ended

    def finish(self, name: str) -> None:
        with self._lock:
            self._phases.pop(name, None)

    def end(self) -> None:
        self._ended = True

    def _tell(self) -> None:
        try:
            self._report(self._share)
        except BaseException as error:  # lost at the border to C++: raised when the build has ended
            self.error, self._ended = error, True

    def _share_at(self, name: str | None) -> float:
        """Where the innermost phase is within the outermost one."""
        share, met = 0.0, 0
        while name is not None and name in self._phases and met < len(self._phases):
            phase, met = self._phases[name], met + 1
            share = min((phase.done + share) / phase.steps, 1.0)
            name = phase.parent
        return share


@cache
def listening_logger(trt: Any) -> Any:
    """The logger of a TensorRT module, which passes messages on to ours and keeps the last error's line in `error`.

    There is one for as long as the process lives: TensorRT keeps to the first that it is given, and ignores others.
    """

    class Listener(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.error = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.error = " ".join(message.split())[:300]
                logger.debug("TensorRT: %s", self.error)

    return Listener()


def started(trt: Any, kind: Callable[[Any], Any]) -> Any:
    """A Builder or Runtime with our logger, whose last error is forgotten.

    EngineRefused where TensorRT cannot start, as with a driver that is too old for it.
    """
    listener = listening_logger(trt)
    listener.error = ""
    try:
        return kind(listener)
    except (TypeError, RuntimeError) as error:  # pybind11's, for the null pointer that TensorRT gives
        reason = listener.error or in_one_line(error)
        what = f"{trt.__name__} {trt.__version__} cannot start on this GPU and driver"
        raise EngineRefused(f"{what}: {reason}") from error


def compile_plan(trt: Any, order: Order, tuned: Tuned, report: Progress) -> bytes:
    """The compiled plan. `tuned` sets more on the builder's config, and is left when the build has ended.

    EngineRefused with TensorRT's own reason where the graph cannot be read or compiled; what `report` raises, and
    KeyboardInterrupt, end the build and come out of here.
    """
    builder, listener = started(trt, trt.Builder), listening_logger(trt)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    _parse(trt, network, listener, order.model)
    config = _config(trt, builder, order)
    progress = BuildProgress(report)
    # TensorRT may hold the monitor by its address alone: the variable keeps it until the build has ended.
    config.progress_monitor = monitor = _monitor(trt, progress)  # noqa: F841
    with tuned(config):
        plan = _build(builder, network, config, progress)
    if progress.error is not None:
        raise progress.error
    if plan is None:
        raise EngineRefused(
            f"{trt.__name__} {trt.__version__} cannot compile it: {listener.error or 'no reason given'}"
        )
    report(1.0)
    return bytes(plan)


def _parse(trt: Any, network: Any, listener: Any, model: bytes) -> None:
    parser = trt.OnnxParser(network, listener)
    if parser.parse(model):
        return
    said = listener.error
    if parser.num_errors:
        error = parser.get_error(0)
        node = f"the {error.node_operator()} node {error.node_name()}" if error.node_name() else "the file"
        said = f"{node}: {' '.join(error.desc().split())[:300]}"
    raise EngineRefused(f"{trt.__name__} {trt.__version__} cannot read its graph, {said}")


def _config(trt: Any, builder: Any, order: Order) -> Any:
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    if order.exact:
        config.clear_flag(trt.BuilderFlag.TF32)
    if order.size_range is not None:
        profile = builder.create_optimization_profile()
        sizes = (order.size_range.least, order.size, order.size_range.most)
        profile.set_shape("frame", *((1, *size, 3) for size in sizes))
        for each in order.state:
            profile.set_shape(each.name, *(each.shape_at(*size) for size in sizes))
        if config.add_optimization_profile(profile) < 0:
            raise EngineRefused(f"TensorRT takes no sizes {order.size_range} tuned for {order.size[1]}x{order.size[0]}")
    return config


def _monitor(trt: Any, progress: BuildProgress) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return progress.step(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            progress.finish(phase_name)

    return Monitor()


def _build(builder: Any, network: Any, config: Any, progress: BuildProgress) -> Any:
    """Waits for the build in a thread; whatever comes meanwhile, the build has ended before this returns or raises.

    It begins only when the thread is known to run: a Ctrl-C while a thread is being started may lose sight of it, and a
    build that nobody waits for would go on with what is already freed.
    """
    may_begin = threading.Event()
    pending: Future[Any] = Future()

    def build() -> None:
        may_begin.wait()
        try:
            pending.set_result(builder.build_serialized_network(network, config))
        except BaseException as error:  # the thread's border: who waits for the build gets it
            pending.set_exception(error)

    thread = threading.Thread(target=build, name="impasto-tensorrt", daemon=True)
    thread.start()
    try:
        may_begin.set()
        thread.join()
    finally:
        if thread.is_alive():
            progress.end()
            _wait_for(thread)
    return pending.result()


def _wait_for(thread: threading.Thread) -> None:
    while thread.is_alive():
        with suppress(KeyboardInterrupt):  # a second Ctrl-C: the first one is on its way already
            thread.join()
