"""TensorRT as its samples and trtexec use it: the peer that our own TensorRT backend is compared with.

The plain graph in fp16, a plan for the one size, one stream, a copy from and to ordinary memory around every frame; no
rewrites, no page-locked buffers, no CUDA graph. Where TensorRT is not installed, TensorRT-RTX stands in.
"""

from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from engines.backends.tensorrt.backend import TensorRtBackend, TensorRtRtxBackend
from engines.backends.tensorrt.build import Order, compile_plan
from engines.backends.tensorrt.cuda import CudaBindings, CudaError
from engines.backends.tensorrt.engine import Plan
from engines.backends.tensorrt.flavours import PlainTensorRt
from engines.backends.tensorrt.typed_graph import plain_fp16_model
from engines.errors import ImpastoError
from engines.spec import Controls
from engines.style.styles import StyleFile


def bare_tensorrt(style: StyleFile, vector: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What paints frames uint8 [H, W, 3] in full strength; a size is compiled for when its first frame comes.

    ImpastoError with the reason where neither TensorRT nor TensorRT-RTX can run.
    """
    trt = _module()
    opened: dict[tuple[int, ...], _BareNet] = {}

    def paint(rgb: np.ndarray) -> np.ndarray:
        if rgb.shape not in opened:
            opened[rgb.shape] = _BareNet(trt, style, vector, (rgb.shape[0], rgb.shape[1]))
        return opened[rgb.shape](rgb)

    return paint


class _BareNet:
    """A net for one size; its memory on the GPU goes with the process."""

    def __init__(self, trt: Any, style: StyleFile, vector: np.ndarray, size: tuple[int, int]) -> None:
        self._cuda = CudaBindings()
        self._cuda.make_current()
        order = Order(plain_fp16_model(style, size).SerializeToString(), size)
        self._plan = Plan(trt, PlainTensorRt(), compile_plan(trt, order, lambda _: nullcontext(), lambda _: None))
        self._context = self._plan.context()
        self._stream = self._cuda.create_stream()
        frame = np.zeros((1, *size, 3), np.uint8)
        inputs = Controls(vector).graph_inputs(frame)
        self._on_gpu = {name: self._cuda.allocate(array.nbytes) for name, array in inputs.items()}
        self._on_gpu["stylized"] = self._cuda.allocate(frame.nbytes)
        for name, address in self._on_gpu.items():
            self._context.set_tensor_address(name, address)
        for name, array in inputs.items():
            self._cuda.copy_in(self._on_gpu[name], array.ctypes.data, array.nbytes, self._stream)
        self._cuda.synchronise(self._stream)

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        rgb = np.ascontiguousarray(rgb)
        stylized = np.empty_like(rgb)
        self._cuda.copy_in(self._on_gpu["frame"], rgb.ctypes.data, rgb.nbytes, self._stream)
        if not self._context.execute_async_v3(self._stream):
            raise CudaError("TensorRT refused to run the plain net")
        self._cuda.copy_out(stylized.ctypes.data, self._on_gpu["stylized"], stylized.nbytes, self._stream)
        self._cuda.synchronise(self._stream)
        return stylized


def _module() -> Any:
    reasons = []
    for backend in (TensorRtBackend(), TensorRtRtxBackend()):
        state = backend.probe()
        if state.available:
            return import_module(backend.flavour.module)
        reasons.append(state.reason)
    raise ImpastoError("; ".join(reasons))
