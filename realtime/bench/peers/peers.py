"""What a person would write instead, each with the same net and the same weights.

Each peer is a function that opens it and gives back what paints a frame; it raises ImpastoError, with one line, where
it cannot run here. All of them stand in the loop of the tutorials (tutorial.py). torch's peers rebuild
the net from the style file; the others read the plain graph of it, without our rewrites.
"""

import shutil
from collections.abc import Callable

import numpy as np

from engines.errors import ImpastoError, in_one_line
from engines.failures import any_failure_as
from engines.gate.reference import reference_model
from engines.machine import MULTIPLY_BF16, cpu_flags
from engines.packages import import_onnxruntime, needing_extra
from engines.spec import Controls
from engines.style.styles import StyleFile
from realtime.bench.peers.compile_ahead import compile_ahead
from realtime.bench.peers.torch_painter import Paint, import_torch, torch_painter

COMPILERS = ("c++", "g++", "clang++", "cl")


def torch_eager(style: StyleFile, vector: np.ndarray) -> Paint:
    """torch layer by layer in fp32, as the tutorials do."""
    return torch_painter(style, vector, half=False, compiled=False)


def torch_half(style: StyleFile, vector: np.ndarray) -> Paint:
    """torch layer by layer in half precision: fp16 on CUDA, bf16 on processors that multiply it.

    Others would be made to by rounding after every product, at a tenth of the speed of fp32: nobody would use that.
    """
    if not import_torch().cuda.is_available() and MULTIPLY_BF16.isdisjoint(cpu_flags().split()):
        raise ImpastoError("there is no CUDA device, and this processor has no bf16 (avx512_bf16, amx_bf16)")
    return torch_painter(style, vector, half=True, compiled=False)


def torch_compiled(style: StyleFile, vector: np.ndarray) -> Paint:
    """torch.compile with its defaults: in fp16 on CUDA, in fp32 on the processor.

    A net that is being compiled cannot be interrupted, so a process that can be ended compiles it first, as soon as the
    size is known; torch keeps what came of it on disk and finds it there.
    """
    torch = import_torch()
    if not any(shutil.which(name) for name in COMPILERS):
        raise ImpastoError(f"torch.compile needs a C++ compiler, and there is none of {', '.join(COMPILERS)}")
    compiled: dict[tuple[int, ...], Paint] = {}

    def paint(rgb: np.ndarray) -> np.ndarray:
        if rgb.shape not in compiled:
            compile_ahead(style.path, rgb.shape[0], rgb.shape[1])
            compiled[rgb.shape] = torch_painter(style, vector, half=torch.cuda.is_available(), compiled=True)
        return compiled[rgb.shape](rgb)

    return paint


def opencv_dnn(style: StyleFile, vector: np.ndarray) -> Paint:
    """OpenCV's dnn module with the plain graph."""
    import cv2

    net = cv2.dnn.readNetFromONNX(np.frombuffer(reference_model(style).SerializeToString(), np.uint8))
    controls = Controls(vector)

    def paint(rgb: np.ndarray) -> np.ndarray:
        for name, value in controls.graph_inputs(rgb[None]).items():
            net.setInput(value, name)
        return np.array(net.forward()[0])

    return paint


def onnx_runtime(style: StyleFile, vector: np.ndarray) -> Paint:
    """ONNX Runtime with the plain graph, its own defaults, and CUDA where it was installed with it."""
    with needing_extra("onnxruntime", "it"):
        onnxruntime = import_onnxruntime()
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    session = onnxruntime.InferenceSession(reference_model(style).SerializeToString(), providers=providers)
    controls = Controls(vector)

    def paint(rgb: np.ndarray) -> np.ndarray:
        painted: np.ndarray = session.run(["stylized"], controls.graph_inputs(rgb[None]))[0][0]
        return painted

    return paint


def tensorrt_alone(style: StyleFile, vector: np.ndarray) -> Paint:
    """TensorRT in fp16 as its own samples use it, with the plain graph."""
    from realtime.bench.peers.bare_tensorrt import bare_tensorrt

    return bare_tensorrt(style, vector)


PEERS: dict[str, Callable[[StyleFile, np.ndarray], Paint]] = {
    "torch eager fp32": torch_eager,
    "torch eager half": torch_half,
    "torch.compile": torch_compiled,
    "OpenCV dnn": opencv_dnn,
    "ONNX Runtime": onnx_runtime,
    "bare TensorRT": tensorrt_alone,
}


def open_peer(name: str, style: StyleFile, vector: np.ndarray) -> Paint:
    """What paints like that peer; ImpastoError with the reason where it cannot."""
    with any_failure_as(ImpastoError, in_one_line, but=ImpastoError):
        return PEERS[name](style, vector)
