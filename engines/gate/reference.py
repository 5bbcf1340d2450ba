"""The fp32 references of the acceptance gate: runtimes that share no code with the engine they judge.

OpenCV's dnn module comes with the base install; ONNX Runtime and ONNX's own evaluator stand in where it is too old. Of
nets whose family is known they also run another graph: the plain one, written anew from the weights without the
rewrites for speed. They run any other graph too, for those who want its numbers and not its speed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import onnx

from engines.errors import EngineRefused, in_one_line
from engines.export.export import graph_of
from engines.failures import first_that_works
from engines.networks.family import PLAIN
from engines.spec import Controls, EngineSpec
from engines.style.state import CarriedState
from engines.style.styles import StyleFile

# What comes out of the graph under these names, for inputs by name.
Run = Callable[[dict[str, np.ndarray], Sequence[str]], Sequence[np.ndarray]]
Open = Callable[[bytes], tuple[str, Run]]
Opened = TypeVar("Opened")


class Reference:
    """Paints frames of any size, uint8 [H, W, 3], one after the other; called and reset as a StatefulEngine is.

    ValueError where the state is not what the card says of it. It begins anew with a frame of another size.
    """

    def __init__(self, run: Run, style: StyleFile) -> None:
        self._run, self._declared = run, style.card.state
        self._size: tuple[int, ...] | None = None
        self._state = CarriedState((), 0, 0)

    @property
    def carries_state(self) -> bool:
        return bool(self._declared)

    def reset(self) -> None:
        self._size = None

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        if self._size != frame.shape:
            self._size = frame.shape
            self._state = CarriedState(self._declared, *frame.shape[:2])
        state = self._state
        found = self._run(controls.graph_inputs(frame[None]) | state.values, ("stylized", *state.outputs))
        state.feed_back(dict(zip(state.outputs, found[1:], strict=True)))
        for each in self._declared:
            if wrong := each.why_out_of_range(state.values[each.name]):
                raise ValueError(wrong)
        stylized: np.ndarray = found[0][0]
        return stylized


def open_reference(style: StyleFile, spec: EngineSpec) -> tuple[str, Reference]:
    """The fp32 reference for an engine, by name: a runtime other than its own."""

    data = reference_model(style).SerializeToString()

    def opened(name: str) -> tuple[str, Reference]:
        told, run = RUNTIMES[name](data)
        _try(reference := Reference(run, style), style)
        return told, reference

    return _of_the_first(opened, f"no reference to check {spec} against", but=spec.backend)


def open_graph(model: onnx.ModelProto, trial: Mapping[str, np.ndarray], outputs: Sequence[str]) -> Run:
    """The graph in the first runtime that gives these outputs for the trial's inputs; EngineRefused where none does."""
    data = model.SerializeToString()

    def opened(name: str) -> Run:
        _, run = RUNTIMES[name](data)
        run(dict(trial), outputs)
        return run

    return _of_the_first(opened, "nothing here runs this graph")


def reference_model(style: StyleFile) -> onnx.ModelProto:
    """The plain graph of the file's net, without rewrites for speed; the file's own graph for nets we do not know."""
    return graph_of(style, PLAIN)


def _try(reference: Reference, style: StyleFile) -> None:
    """Some layers are refused only when they first run."""
    reference(np.zeros((16, 16, 3), np.uint8), Controls(style.card.styles[0].vector))
    reference.reset()


def _of_the_first(opened: Callable[[str], Opened], refusal: str, *, but: str = "") -> Opened:
    """What the first runtime gives that works, `but` one; EngineRefused with the reasons of all."""
    names = [name for name in RUNTIMES if name != but]

    def refused(errors: Sequence[Exception]) -> EngineRefused:
        reasons = [f"{name}: {in_one_line(error)}" for name, error in zip(names, errors, strict=True)]
        return EngineRefused(f"{refusal} ({'; '.join(reasons)}); reinstall opencv-python 5")

    return first_that_works([partial(opened, name) for name in names], refused)


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
    from engines.packages import import_onnxruntime, occasional_session

    session = occasional_session(data)
    name = f"ONNX Runtime {import_onnxruntime().__version__} fp32"
    return name, lambda inputs, outputs: session.run(outputs, inputs)


def _open_evaluator(data: bytes) -> tuple[str, Run]:
    """ONNX's reference implementation in numpy: some thirty times slower, and always there."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(data))

    def run(inputs: dict[str, np.ndarray], outputs: Sequence[str]) -> Sequence[np.ndarray]:
        return [np.asarray(found) for found in evaluator.run(list(outputs), inputs)]

    return f"ONNX {onnx.__version__} reference evaluator", run


RUNTIMES: dict[str, Open] = {"opencv": _open_opencv, "onnxruntime": _open_onnxruntime, "onnx": _open_evaluator}
