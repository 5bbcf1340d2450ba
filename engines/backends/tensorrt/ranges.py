"""What a net's 8-bit convolutions have to represent, and which convolutions can bear 8 bits at all.

Ranges are measured while the net paints frames like those to come, in fp32 and in all styles of the file: a high
percentile of what each convolution reads, which a few outliers do not stretch (arXiv 2004.09602, section 3.2.1).

Errors of the first layers pass through all that follow, and norms enlarge them. So what each convolution alone costs
is measured, on bundled pictures and on some of the frames given. Their errors add up nearly as noises do. Convolutions
are kept in fp16, the most harmful first, until the picture is as near to that of fp32 as the gate asks, with a margin.

Both run in OpenVINO on the CPU, which the base install has: there 8-bit values are imitated in fp32, exactly.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto, helper

from engines.backends.calibration import CALIBRATION
from engines.backends.tensorrt.quantisation import quantised_convolutions, switch_of, switched_model
from engines.backends.tensorrt.typed_graph import assemble, read_net, typed_model
from engines.errors import EngineRefused, refusing
from engines.packages import import_openvino
from engines.spec import FLOOR_DB, Controls
from engines.style.state import CarriedState
from engines.style.styles import StyleFile

PERCENTILE = 99.99
# Of the frames that ranges are measured on, in pixels: every value in the net is kept in memory meanwhile.
LONGEST_SIDE = 480
JUDGED_SIZE, BUNDLED_FRAMES, GIVEN_FRAMES = (96, 128), 5, 2
MARGIN_DB = 2.0
# With less than this share of its convolutions in 8 bits, a net is hardly faster than in fp16.
LEAST_SHARE = 0.5
# Low-precision transformations would run int8 in int8, which processors without VNNI do with overflows.
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "LP_TRANSFORMS_MODE": "NO"}
Case = tuple[np.ndarray, Controls]
NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


def measure_ranges(style: StyleFile, frames: np.ndarray) -> dict[str, float]:
    """How large the values are that each inner convolution reads when the net paints frames uint8 [N, H, W, 3].

    Every style of the file takes its turn. ValueError where the graph cannot be converted, EngineRefused where it
    cannot be run.
    """
    step = -(-max(frames.shape[1:3]) // LONGEST_SIDE)
    frames = frames[:, ::step, ::step]
    net = read_net(style, (frames.shape[1], frames.shape[2]))
    names = sorted({convolution.input[0] for convolution in quantised_convolutions(net)})
    model = assemble(net, net.nodes, net.constants)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    largest = dict.fromkeys(names, 0.0)
    for found in _Net(model, style).run(_in_turn(style, frames)):
        for name in names:
            largest[name] = max(largest[name], float(np.percentile(np.abs(found[name]), PERCENTILE)))
    return largest


def bearable_ranges(
    style: StyleFile, precision: str, frames: np.ndarray, tell: Callable[[float], None] = lambda share: None
) -> dict[str, float]:
    """The ranges of those convolutions that can be in 8 bits together; `tell(share)` is called on the way.

    EngineRefused where fewer than half of them can. Takes some seconds.
    """
    ranges = measure_ranges(style, frames)
    judge = _Judge(style, precision, ranges, list(_in_turn(style, _judged_frames(frames))))
    allowed = 255**2 / 10 ** ((FLOOR_DB[precision] + MARGIN_DB) / 10)
    if judge.error(ranges).max() <= allowed:
        return ranges
    harm = {}
    for index, name in enumerate(ranges):
        tell(index / len(ranges))
        harm[name] = judge.error({name})
    chosen = _least_harmful(ranges, harm, judge, allowed)
    if len(chosen) < LEAST_SHARE * len(ranges):
        raise EngineRefused(
            f"of the {len(ranges)} inner convolutions of {style.path.name} only {len(chosen)} can be in {precision} "
            f"within {FLOOR_DB[precision] + MARGIN_DB:.0f} dB of fp32; choose --precision fp16"
        )
    return chosen


class _Judge:
    """How far the picture of a quantised net is from that of fp32, whichever of its convolutions are quantised."""

    def __init__(self, style: StyleFile, precision: str, ranges: Mapping[str, float], cases: list[Case]) -> None:
        self._style, self._cases, self._names = style, cases, list(ranges)
        self._net = _Net(switched_model(style, precision, JUDGED_SIZE, ranges), style)
        self._wanted = self._painted(_Net(typed_model(style, "fp32", JUDGED_SIZE), style), {})

    def error(self, quantised: Collection[str]) -> np.ndarray:
        """The mean square error of every case, float64 [cases], where these convolutions alone are quantised."""
        switches = {switch_of(name): np.array([name in quantised]) for name in self._names}
        pairs = zip(self._painted(self._net, switches), self._wanted, strict=True)
        return np.array([np.square(found - wanted).mean(dtype=np.float64) for found, wanted in pairs])

    def _painted(self, net: "_Net", switches: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return [found["stylized"].astype(np.float32) for found in net.run(self._cases, switches)]


def _least_harmful(
    ranges: Mapping[str, float], harm: Mapping[str, np.ndarray], judge: _Judge, allowed: float
) -> dict[str, float]:
    """As many convolutions as stay within the error together: first by the sum of their harm, then in fact."""
    chosen = dict(ranges)
    while chosen and (estimate := np.sum([harm[name] for name in chosen], axis=0)).max() > allowed:
        del chosen[_most_harmful(chosen, harm, estimate)]
    while chosen and (error := judge.error(chosen)).max() > allowed:
        del chosen[_most_harmful(chosen, harm, error)]
    return chosen


def _most_harmful(chosen: Iterable[str], harm: Mapping[str, np.ndarray], error: np.ndarray) -> str:
    """The convolution that does most harm to the case that came out worst."""
    worst = int(error.argmax())
    return max(chosen, key=lambda name: float(harm[name][worst]))


def _judged_frames(frames: np.ndarray) -> list[np.ndarray]:
    """Bundled pictures, those that find most, and some of the frames given, cut to the same size."""
    height, width = JUDGED_SIZE
    step = max(1, min(frames.shape[1] // height, frames.shape[2] // width))
    given = frames[:: math.ceil(len(frames) / GIVEN_FRAMES), ::step, ::step][:, :height, :width]
    large = [frame for frame in given if frame.shape[:2] == JUDGED_SIZE]
    bundled = [CALIBRATION.frame(name, height, width) for name in CALIBRATION.names[:BUNDLED_FRAMES]]
    return [*bundled, *large]


def _in_turn(style: StyleFile, frames: Iterable[np.ndarray]) -> Iterator[Case]:
    styles = style.card.styles
    return ((frame, Controls(styles[index % len(styles)].vector)) for index, frame in enumerate(frames))


class _Net:
    """A style's graph that is compiled once and run as often as wanted."""

    def __init__(self, model: onnx.ModelProto, style: StyleFile) -> None:
        from engines.backends.openvino.layers import DEVICE

        self._style = style
        with self._refusing():
            core = import_openvino().Core()
            self._compiled = core.compile_model(core.read_model(model.SerializeToString(), b""), DEVICE, SETTINGS)

    def run(self, cases: Iterable[Case], more: Mapping[str, np.ndarray] = NOTHING) -> Iterator[dict[str, np.ndarray]]:
        """The outputs for each case, by name, one after another: with the state that those before it leave.

        `more` are inputs that stay the same.
        """
        state = CarriedState((), 0, 0)
        with self._refusing():
            for index, (frame, controls) in enumerate(cases):
                state = state if index else CarriedState(self._style.card.state, *frame.shape[:2])
                inputs = controls.graph_inputs(np.ascontiguousarray(frame)[None]) | state.values
                found = self._compiled({**inputs, **more})
                outputs = {output.get_any_name(): value for output, value in found.items()}
                state.feed_back({name: outputs[name].copy() for name in state.outputs})
                yield outputs

    def _refusing(self) -> AbstractContextManager[None]:
        return refusing(f"{self._style.path.name} cannot be run on the CPU to calibrate it", RuntimeError)
