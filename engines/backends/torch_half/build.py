"""From a style file to what paints with it in half precision, on the GPU or, for looking at its arithmetic, on the CPU.

There are three ways to run the same net on a GPU: compiled by torch.compile with our norm in Triton; with our norm
alone; and, where neither works, by torch's own operations. Each is captured as a CUDA graph, and the fastest is kept:
which one that is differs between cards and versions. A way that fails is passed over with a line.
"""

import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, MethodType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engines.backends.torch_eager import rebuild_net
from engines.backends.torch_half.graph import GPU, GraphPainter, PaintTensor
from engines.cache.folder import default_cache_folder
from engines.errors import EngineRefused, in_one_line
from engines.kernels.compilers import Compilers, find_compilers
from engines.kernels.instance_norm import Norm, torch_norm
from engines.networks.family import TABLE, BuildHalfNet
from engines.spec import EngineSpec
from engines.style.styles import StyleFile

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
ON_CPU = "CPU"
COMPILED, KERNELS, OPERATIONS = "torch.compile and our norm", "our norm", "torch's operations"
WAYS = (COMPILED, KERNELS, OPERATIONS)
INDUCTOR_FOLDER = "TORCHINDUCTOR_CACHE_DIR"

logger = logging.getLogger("impasto")
MakeNet = Callable[[Norm], nn.Module]
Progress = Callable[[str, float], None]


class Painter(Protocol):
    """What an engine calls, with one of its slots for each caller."""

    @property
    def on_gpu(self) -> bool: ...
    @property
    def slots(self) -> Sequence[Any]: ...
    def __call__(self, slot: Any, frame: np.ndarray, controls: np.ndarray) -> np.ndarray: ...
    def paint_device(self, slot: Any, frame: Tensor, controls: np.ndarray) -> Tensor: ...


class CpuPainter:
    """The same net with no GPU: slow, and the same arithmetic but for the order of sums."""

    on_gpu = False

    def __init__(self, net: nn.Module, requests: int) -> None:
        self.slots = range(requests)
        self._net = net

    def __call__(self, slot: int, frame: np.ndarray, controls: np.ndarray) -> np.ndarray:
        return np.asarray(self.paint_device(slot, torch.tensor(frame), controls).numpy())

    def paint_device(self, slot: int, frame: Tensor, controls: np.ndarray) -> Tensor:
        with torch.no_grad():
            stylized: Tensor = self._net(frame, torch.tensor(controls))
            return stylized


def open_painter(
    half_net: BuildHalfNet, style: StyleFile, spec: EngineSpec, way: str, progress: Progress
) -> tuple[Painter, str]:
    """The painter and the way that it runs: `way`, or the fastest where that is empty; RuntimeError and the like."""
    weights, size = rebuild_net(style).state_dict(), (spec.height, spec.width)
    style_size = weights.pop(TABLE).shape[1]

    def make(norm: Norm, device: str = GPU) -> nn.Module:
        net = half_net(style.card.network["config"], weights, size, dtype=DTYPES[spec.precision], norm=norm)
        return net.to(device)

    if spec.device == ON_CPU:
        return CpuPainter(make(torch_norm, "cpu"), spec.requests), OPERATIONS

    def capture(paint: PaintTensor) -> GraphPainter:
        with torch.no_grad():
            return GraphPainter(paint, size, style_size + 2, spec.requests)

    compilers = find_compilers()
    if compilers.missing:
        logger.warning("torch-half runs without our fused norm and torch.compile: %s", compilers.missing)
    keep_compiled_code_private()
    reasons: list[str] = []
    painted = _fastest(_captured(ways_to_run(make, compilers, way), capture, progress, reasons))
    if painted is None:
        why = "; ".join(reasons) or f"{way} needs Triton"
        raise EngineRefused(f"{spec} could not be captured ({why}); choose another --engine")
    return painted


def ways_to_run(make: MakeNet, compilers: Compilers, only: str) -> Iterator[tuple[str, Callable[[], PaintTensor]]]:
    """(way, what opens it) for all that can be tried, or for `only` that."""
    ways: dict[str, Callable[[], PaintTensor]] = {
        COMPILED: lambda: compiled(_with_kernels(make)),
        KERNELS: lambda: _with_kernels(make),
        OPERATIONS: lambda: make(torch_norm),
    }
    possible = (OPERATIONS,) if compilers.missing else WAYS
    yield from ((way, ways[way]) for way in possible if only in ("", way))


def _with_kernels(make: MakeNet) -> nn.Module:
    from engines.kernels.instance_norm_triton import triton_norm

    return make(triton_norm)


def compiled(net: nn.Module) -> PaintTensor:
    """The net by torch.compile, in one graph and for its one size.

    torch compiles one piece of code eight times and no more, and every size and style counts: so each net gets a copy.
    """
    forward = type(net).forward
    copy = FunctionType(forward.__code__.replace(), forward.__globals__, forward.__name__)
    paint: PaintTensor = torch.compile(MethodType(copy, net), dynamic=False, fullgraph=True)
    return paint


def _captured(
    ways: Iterator[tuple[str, Callable[[], PaintTensor]]],
    capture: Callable[[PaintTensor], GraphPainter],
    progress: Progress,
    reasons: list[str],
) -> Iterator[tuple[str, GraphPainter]]:
    """Those that work. Compilers fail in every possible way, and what is left may do; torch's operations come last."""
    works = False
    for number, (way, opened) in enumerate(ways):
        if works and way == OPERATIONS:
            return
        progress(f"capturing {way}", number / len(WAYS))
        try:
            yield way, capture(opened())
            works = True
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a probe: compilers fail in every possible way
            reasons.append(f"{way}: {in_one_line(error)}")
            logger.warning("torch-half cannot run by %s", reasons[-1])


def _fastest(captured: Iterator[tuple[str, GraphPainter]]) -> tuple[GraphPainter, str] | None:
    """Timed one by one, so that no more than two hold memory at once."""
    best, least_ms = None, math.inf
    for way, painter in captured:
        taken_ms = painter.replay_ms()
        logger.info("torch-half: %s takes %.2f ms a frame", way, taken_ms)
        if taken_ms < least_ms:
            best, least_ms = (painter, way), taken_ms
    return best


def keep_compiled_code_private() -> None:
    """torch.compile keeps its code in /tmp unless told otherwise; ours lies beside the engines, for the user alone."""
    if INDUCTOR_FOLDER in os.environ:
        return
    folder = default_cache_folder() / "inductor"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[INDUCTOR_FOLDER] = str(folder)
    except OSError as error:
        logger.warning("torch.compile keeps its code elsewhere: %s cannot be made (%s)", folder, error.strerror)
