"""The acceptance gate: no engine is used before it agreed with the fp32 reference on golden frames.

The engine runs as it will run: compiled, at its own size, uint8 to uint8. The reference is another runtime (OpenCV's
dnn module, which the base install has; ONNX Runtime or ONNX's own evaluator where OpenCV is too old) at the same size,
and for our own nets it runs another graph as well: the plain one, written anew from the file's weights without the
rewrites for speed. So what is caught is a wrong kernel, an overflow in low precision, a damaged blob, and a graph that
does not do what its weights say. Each case takes another style of the file, and some turn strength and keep_colour, so
that an engine that ignores a control is caught too.

The reference costs about as much as the engine. Large pictures therefore get fewer golden frames, never fewer than two.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import EngineRefused
from engines.golden import FRAMES, golden_frames
from engines.spec import Controls, Engine, EngineSpec, GateReport, one_line
from engines.style import StyleFile

if TYPE_CHECKING:
    import onnx

FLOOR_DB = {"fp32": 50.0, "bf16": 38.0, "fp16": 38.0, "int8": 32.0}
PIXELS_TO_CHECK = 5 * 640 * 360
LEAST_FRAMES = 2
# strength and keep_colour of each golden frame in turn
TURNS = ((1.0, 0.0), (1.0, 0.0), (0.6, 0.5), (1.0, 1.0), (1.0, 0.0))

Run = Callable[[np.ndarray, Controls], np.ndarray]


def verify(engine: Engine, style: StyleFile, reference: tuple[str, Run] | None = None) -> GateReport:
    """Compares the engine with the reference on every golden frame; a failure is told in the report, not raised."""
    name, run = reference or open_reference(style, engine.spec)
    floor, least, frames = FLOOR_DB[engine.spec.precision], math.inf, 0
    for case, frame, controls in golden_cases(style, engine.spec):
        wanted = run(frame, controls)
        found, frames = engine(frame, controls), frames + 1
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            problem = f"it returned {found.dtype} {found.shape} instead of {wanted.dtype} {wanted.shape}"
            return GateReport(name, 0.0, floor, False, frames, problem)
        least = min(least, psnr(found, wanted))
        if not least >= floor:
            return GateReport(name, least, floor, False, frames, _what_is_wrong(case, found, wanted))
    return GateReport(name, least, floor, True, frames)


def refusal(spec: EngineSpec, gate: GateReport) -> EngineRefused:
    """The error for a gate that was not passed."""
    return EngineRefused(
        f"{spec} is wrong: {gate.problem}, {gate.psnr_db:.1f} dB from the reference ({gate.reference}) where "
        f"{gate.floor_db:.0f} dB is the least; choose another --engine or --precision"
    )


def golden_cases(style: StyleFile, spec: EngineSpec) -> Iterator[tuple[str, np.ndarray, Controls]]:
    """(name, frame, controls) of every case at the engine's size; the styles of the file come in turn."""
    count = PIXELS_TO_CHECK // (spec.height * spec.width)
    frames = golden_frames(spec.height, spec.width, max(LEAST_FRAMES, min(count, len(FRAMES))))
    for index, (name, frame) in enumerate(frames):
        strength, keep_colour = TURNS[index]
        vector = style.card.styles[index % len(style.card.styles)].vector
        yield name, frame, Controls(vector, strength, keep_colour)


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures in dB; infinite where they are equal."""
    error = np.mean(np.square(found.astype(np.float32) - wanted.astype(np.float32)), dtype=np.float64)
    return math.inf if error == 0 else float(10 * np.log10(255**2 / error))


def open_reference(style: StyleFile, spec: EngineSpec) -> tuple[str, Run]:
    """The fp32 reference for an engine: a runtime other than its own. (name, function of frame and controls)"""
    data = _reference_model(style).SerializeToString()
    reasons = []
    for name, opened in REFERENCES.items():
        if name != spec.backend:
            try:
                return opened(data, style, spec)
            except Exception as error:  # a missing or too old package; the reason is told below
                reasons.append(f"{name}: {one_line(error)}")
    raise EngineRefused(f"no reference to check {spec} against ({'; '.join(reasons)}); reinstall opencv-python 5")


def _what_is_wrong(case: str, found: np.ndarray, wanted: np.ndarray) -> str:
    if np.ptp(found) == 0 and np.ptp(wanted) > 0:
        colour = "black" if found.max() == 0 else f"all {found.flat[0]}"
        return f"the {case} frame came out {colour}"
    return f"the {case} frame came out different"


def _reference_model(style: StyleFile) -> "onnx.ModelProto":
    """The plain graph of the file's net, without rewrites for speed; the file's own graph for nets we do not know."""
    network = style.card.network
    if network.get("name") != "transform":
        return style.model
    from engines.export import PLAIN, build_model

    try:
        return build_model(network["config"], style.weights(), rewrites=PLAIN, weight_type=np.float32)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineRefused(
            f"the weights in {style.path.name} do not fit the net that its card describes ({one_line(error)}); "
            "get the style file again"
        ) from error


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
    import onnxruntime

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
