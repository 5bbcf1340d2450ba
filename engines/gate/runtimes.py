"""Runtimes that run any graph in fp32 on the processor, for those who want its numbers and not its speed.

OpenCV's dnn module comes with the base install; ONNX Runtime and ONNX's own evaluator stand in where it is too old.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx

from engines.errors import EngineRefused, in_one_line

# What comes out of the graph under these names, for inputs by name.
Run = Callable[[dict[str, np.ndarray], Sequence[str]], Sequence[np.ndarray]]
Open = Callable[[bytes], tuple[str, Run]]


def open_graph(model: onnx.ModelProto, trial: Mapping[str, np.ndarray], outputs: Sequence[str]) -> Run:
    """The graph in the first runtime that gives these outputs for the trial's inputs; EngineRefused where none does."""
    data, reasons = model.SerializeToString(), list[str]()
    for name, opened in RUNTIMES.items():
        try:
            _, run = opened(data)
            run(dict(trial), outputs)
        except Exception as error:  # a missing or too old package; the reason is told below
            reasons.append(f"{name}: {in_one_line(error)}")
        else:
            return run
    raise EngineRefused(f"nothing here runs this graph ({'; '.join(reasons)}); reinstall opencv-python 5")


def _open_opencv(data: bytes) -> tuple[str, Run]:
    import cv2

    if int(cv2.__version__.split(".")[0]) < 5:
        raise ValueError(f"OpenCV {cv2.__version__} is too old for these nets, 5 is needed")
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))

    def run(inputs: dict[str, np.ndarray], outputs: Sequence[str]) -> Sequence[np.ndarray]:
        for name, value in inputs.items():
            net.setInput(value, name)
        return [np.array(found) for found in net.forward(outputs)]

    return f"OpenCV {cv2.__version__} dnn fp32", run


def _open_onnxruntime(data: bytes) -> tuple[str, Run]:
    from engines.packages import import_onnxruntime

    onnxruntime = import_onnxruntime()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = f"ONNX Runtime {onnxruntime.__version__} fp32"
    return name, lambda inputs, outputs: session.run(outputs, inputs)


def _open_evaluator(data: bytes) -> tuple[str, Run]:
    """ONNX's reference implementation in numpy: some thirty times slower, and always there."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(data))

    def run(inputs: dict[str, np.ndarray], outputs: Sequence[str]) -> Sequence[np.ndarray]:
        return [np.asarray(found) for found in evaluator.run(list(outputs), inputs)]

    return f"ONNX {onnx.__version__} reference evaluator", run


RUNTIMES: dict[str, Open] = {"opencv": _open_opencv, "onnxruntime": _open_onnxruntime, "onnx": _open_evaluator}
