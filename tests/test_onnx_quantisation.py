"""8-bit graphs: which convolutions they hold, what they were calibrated on, and that they paint the same picture."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from small_styles import random_frame, write_small_style, write_style_beyond_bf16

from engines.backends.calibration import calibration_frames
from engines.backends.tensorrt import ranges as onnx_calibration
from engines.backends.tensorrt.quantisation import quantised_model, switch_of, switched_model
from engines.backends.tensorrt.ranges import bearable_ranges, measure_ranges
from engines.errors import EngineRefused
from engines.gate.golden_cases import GOLDEN
from engines.gate.reference import open_reference
from engines.pictures import psnr
from engines.spec import FLOOR_DB, Calibration, Controls, EngineSpec
from engines.style.styles import StyleFile, list_gallery

SIZE = (61, 83)
NO_SWITCHES: Mapping[str, np.ndarray] = {}
FRAMES = np.stack([random_frame(96, 128, seed) for seed in range(2)])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.mark.parametrize("precision", ["int8", "fp8"])
@pytest.mark.parametrize("number", range(len(list_gallery())))
def test_every_gallery_file_passes_the_gate_calibrated_on_bundled_pictures(number: int, precision: str) -> None:
    """ONNX Runtime runs the graph as it is; OpenVINO imitated it when the convolutions were chosen."""
    style = list_gallery()[number]
    ranges = bearable_ranges(style, precision, calibration_frames(None))
    paint = session_of(quantised_model(style, precision, SIZE, ranges))
    _, reference = open_reference(style, EngineSpec("tensorrt", precision, *SIZE, "CUDA", "0"))
    least = math.inf
    for index, name in enumerate(GOLDEN.names[:5]):
        frame = GOLDEN.frame(name, *SIZE)
        controls = Controls(style.card.styles[index % len(style.card.styles)].vector, 1 - 0.1 * index)
        painted = paint.run(["stylized"], controls.graph_inputs(frame[None]))[0][0]
        least = min(least, psnr(painted, reference(frame, controls)))
    assert least >= FLOOR_DB[precision]


def session_of(model: onnx.ModelProto) -> Any:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def by_onnxruntime(
    model: onnx.ModelProto, style: StyleFile, frame: np.ndarray, switches: Mapping[str, np.ndarray] = NO_SWITCHES
) -> np.ndarray:
    inputs = Controls(style.card.styles[0].vector).graph_inputs(frame[None])
    painted: np.ndarray = session_of(model).run(["stylized"], {**inputs, **switches})[0][0]
    return painted


@pytest.mark.parametrize(("precision", "kind"), [("int8", TensorProto.INT8), ("fp8", TensorProto.FLOAT8E4M3FN)])
def test_the_first_and_the_last_convolution_keep_their_precision(small: StyleFile, precision: str, kind: int) -> None:
    model = quantised_model(small, precision, SIZE, measure_ranges(small, FRAMES))
    quantised = in_8_bits(model)
    assert quantised == [False, *[True] * (len(quantised) - 2), False]
    stored = [tensor for tensor in model.graph.initializer if tensor.data_type == kind and len(tensor.dims) == 4]
    assert len(stored) == len(quantised) - 2


def test_a_convolution_without_a_range_keeps_its_precision(small: StyleFile) -> None:
    ranges = measure_ranges(small, FRAMES)
    first = next(iter(ranges))
    model = quantised_model(small, "int8", SIZE, {name: value for name, value in ranges.items() if name != first})
    assert sum(in_8_bits(model)) == len(ranges) - 1


def in_8_bits(model: onnx.ModelProto) -> list[bool]:
    """For each convolution of the net: whether what it reads and its weights were 8 bits wide."""
    made_by = {node.output[0]: node.op_type for node in model.graph.node}
    *net, _luma = [node for node in model.graph.node if node.op_type == "Conv"]
    return [all(made_by.get(name) == "DequantizeLinear" for name in node.input[:2]) for node in net]


def test_weights_have_a_scale_for_each_channel(small: StyleFile) -> None:
    model = quantised_model(small, "int8", SIZE, measure_ranges(small, FRAMES))
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = [node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in tensors]
    assert weights
    for node in weights:
        weight, scales = tensors[node.input[0]], tensors[node.input[1]]
        assert scales.shape == weight.shape[:1]
        assert (np.abs(weight).reshape(len(weight), -1).max(axis=1) >= 126).all()


def test_ranges_are_those_of_the_frames_given(small: StyleFile) -> None:
    """In the same style, brighter frames have larger values; of two frames the larger range counts."""
    both, first = measure_ranges(small, FRAMES), measure_ranges(small, FRAMES[:1])
    assert all(both[name] >= value for name, value in first.items())
    assert both != first
    assert list(both) == list(first)


def test_large_frames_are_measured_small(small: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_calibration, "LONGEST_SIDE", 64)
    assert measure_ranges(small, FRAMES) == measure_ranges(small, np.ascontiguousarray(FRAMES[:, ::2, ::2]))


def test_the_most_harmful_convolutions_are_spared(small: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of this net in int8 is some 30 dB from fp32. More is asked for, then less."""
    told: list[float] = []
    monkeypatch.setattr(onnx_calibration, "MARGIN_DB", 38 - FLOOR_DB["int8"])
    chosen = bearable_ranges(small, "int8", FRAMES, told.append)
    every = measure_ranges(small, FRAMES)
    assert len(every) / 2 <= len(chosen) < len(every)
    assert chosen.items() < every.items()
    assert len(told) == len(every)
    monkeypatch.setattr(onnx_calibration, "MARGIN_DB", 28 - FLOOR_DB["int8"])
    assert bearable_ranges(small, "int8", FRAMES) == every


def test_a_net_that_bears_too_little_is_refused(tmp_path: Path) -> None:
    loud = write_style_beyond_bf16(tmp_path / "loud.onnx")
    with pytest.raises(
        EngineRefused, match=r"of the 8 inner convolutions of loud.onnx only \d can be in int8 within 34"
    ):
        bearable_ranges(loud, "int8", FRAMES)


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_a_graph_with_switches_paints_as_the_one_of_the_convolutions_that_are_switched(
    small: StyleFile, precision: str
) -> None:
    every = measure_ranges(small, FRAMES)
    switched = switched_model(small, precision, SIZE, every)
    frame = GOLDEN.frame("scene", *SIZE)
    painted = []
    for chosen in (set(every), set(list(every)[::2]), set[str]()):
        switches = {switch_of(name): np.array([name in chosen]) for name in every}
        painted.append(by_onnxruntime(switched, small, frame, switches))
        ranges = {name: every[name] for name in chosen}
        wanted = by_onnxruntime(quantised_model(small, precision, SIZE, ranges), small, frame)
        assert psnr(painted[-1], wanted) > 60
    assert not np.array_equal(painted[0], painted[1])
    assert not np.array_equal(painted[1], painted[2])


def test_bundled_pictures_are_taken_where_no_frames_are_given() -> None:
    given = Calibration(FRAMES, "mine")
    assert np.array_equal(calibration_frames(given), FRAMES)
    assert calibration_frames(None).shape[1:] == (180, 320, 3)
