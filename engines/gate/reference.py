"""The fp32 references of the acceptance gate: runtimes that share no code with the engine they judge.

OpenCV's dnn module comes with the base install; ONNX Runtime and ONNX's own evaluator stand in where it is too old. Of
nets whose family is known they also run another graph: the plain one, written anew from the weights without the
rewrites for speed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import EngineRefused
from engines.export.export import graph_of
from engines.networks.family import PLAIN
from engines.spec import Controls, EngineSpec, one_line
from engines.style.styles import StyleFile

if TYPE_CHECKING:
    import onnx

Run = Callable[[np.ndarray, Controls], np.ndarray]


def open_reference(style: StyleFile, spec: EngineSpec) -> tuple[str, Run]:
    """The fp32 reference for an engine: a runtime other than its own. (name, function of frame and controls)"""
    data = reference_model(style).SerializeToString()
    reasons = []
    for name, opened in REFERENCES.items():
        if name != spec.backend:
            try:
                return opened(data, style, spec)
            except Exception as error:  # a missing or too old package; the reason is told below
                reasons.append(f"{name}: {one_line(error)}")
    raise EngineRefused(f"no reference to check {spec} against ({'; '.join(reasons)}); reinstall opencv-python 5")


def reference_model(style: StyleFile) -> "onnx.ModelProto":
    """The plain graph of the file's net, without rewrites for speed; the file's own graph for nets we do not know."""
    return graph_of(style, PLAIN)


def _open_opencv(data: bytes, style: StyleFile, spec: EngineSpec) -> tuple[str, Run]:
    import cv2

    if int(cv2.__version__.split(".")[0]) < 5:
        raise ValueError(f"OpenCV {cv2.__version__} is too old for these nets, 5 is needed")
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))

    def run(frame: np.ndarray, controls: Controls) -> np.ndarray:
        for name, value in controls.graph_inputs(frame[None]).items():
            net.setInput(value, name)
        return np.array(net.forward()[0])

    _try(run, style)
    return f"OpenCV {cv2.__version__} dnn fp32", run


def _open_onnxruntime(data: bytes, style: StyleFile, spec: EngineSpec) -> tuple[str, Run]:
    from engines.packages import import_onnxruntime

    onnxruntime = import_onnxruntime()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = f"ONNX Runtime {onnxruntime.__version__} fp32"
    return name, lambda frame, controls: session.run(None, controls.graph_inputs(frame[None]))[0][0]


def _open_evaluator(data: bytes, style: StyleFile, spec: EngineSpec) -> tuple[str, Run]:
    """ONNX's reference implementation in numpy: some thirty times slower, and always there."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(data))

    def run(frame: np.ndarray, controls: Controls) -> np.ndarray:
        (batch,) = evaluator.run(None, controls.graph_inputs(frame[None]))
        stylized: np.ndarray = np.asarray(batch)[0]
        return stylized

    return f"ONNX {onnx.__version__} reference evaluator", run


def _try(run: Run, style: StyleFile) -> None:
    """Some layers are refused only when they first run."""
    run(np.zeros((16, 16, 3), np.uint8), Controls(style.card.styles[0].vector))


REFERENCES: dict[str, Callable[[bytes, StyleFile, EngineSpec], tuple[str, Run]]] = {
    "opencv": _open_opencv,
    "onnxruntime": _open_onnxruntime,
    "onnx": _open_evaluator,
}
