"""int8 in OpenVINO of what reads the frame itself: its bytes are read exactly, and only weights are rounded."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_styles import SMALL, random_frame, write_small_style

from engines.backends.openvino import bytes as openvino_bytes
from engines.backends.openvino.bytes import read_bytes_exactly, with_kept_sums
from engines.backends.openvino.int8 import quantise, read_folded
from engines.backends.openvino.layers import Judge, Layers, convolutions, quantiser_of
from engines.backends.openvino.make_ready_int8 import IN_FLOATS
from engines.backends.openvino.samples import draw_samples
from engines.loading.engine import Controls
from engines.protocols import BuildAids
from engines.spec import Calibration, EngineSpec
from engines.style.styles import StyleFile

if find_spec("nncf") is None:  # to import it takes seconds, and not every process of the tests comes to need it
    pytest.skip("needs nncf (impasto[int8])", allow_module_level=True)

from openvino import Model, opset13

HEIGHT, WIDTH = 60, 84
SPEC = EngineSpec("openvino", "int8", HEIGHT, WIDTH, "CPU", "1")
DETAILED = replace(SMALL, detail=True)
SEEDED = replace(SMALL, seed_amplitude=0.05)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    """A net that also adds the picture to what it paints."""
    return write_small_style(tmp_path_factory.mktemp("styles") / "detailed.onnx", config=DETAILED)


@pytest.fixture(scope="module")
def layers(style: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> Layers:
    return quantised(style, tmp_path_factory.mktemp("aids"), wide=False)


def quantised(style: StyleFile, folder: Path, *, wide: bool) -> Layers:
    frames = np.stack([random_frame(HEIGHT, WIDTH, seed) for seed in range(4)])
    aids = BuildAids(folder, Calibration(frames, "noise"))
    floats = read_folded(style)
    return Layers(floats, quantise(floats, draw_samples(style, aids).calibration, SPEC, wide=wide))


def test_the_stem_and_the_detail_read_0_to_255_in_steps_of_1(layers: Layers) -> None:
    model = layers.with_floats([])
    read_bytes_exactly(model, layers.weights)
    of_bytes = [each for each in map(quantiser_of, convolutions(model)) if source(each) == "Convert"]
    ranges = [[float(each.input_value(place).get_node().data) for place in (1, 2, 3, 4)] for each in of_bytes]
    assert ranges == [[0, 255, 0, 255]] * 2
    assert {each.get_attributes()["levels"] for each in of_bytes} == {256}


@pytest.mark.parametrize("wide", [True, False])
def test_textures_that_a_style_shares_are_read_with_the_picture(wide: bool, tmp_path: Path) -> None:
    """By one convolution less, and the painting stays what it was."""
    several = write_small_style(tmp_path / "several.onnx", config=replace(SEEDED, textures=("curls", "dabs", "panes")))
    layers = quantised(several, tmp_path, wide=wide)
    joined, apart = layers.with_floats([]), layers.with_floats([])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino_bytes, "_read_texture_too", lambda *given: None)
        read_bytes_exactly(apart, layers.weights)
    read_bytes_exactly(joined, layers.weights)
    assert channels_read(apart)[:2] == [12, 4]
    assert channels_read(joined) == [16, *channels_read(apart)[2:]]
    frames = [random_frame(HEIGHT, WIDTH, seed) for seed in range(3)]
    vectors = [style.vector for style in several.card.styles]
    held = [Controls(vectors[at % len(vectors)]).graph_inputs(frame[None]) for at, frame in enumerate(frames)]
    judge = Judge(read_folded(several), held, IN_FLOATS)
    assert judge.agreement(joined) > judge.agreement(apart) - 2


def test_textures_whose_weights_are_far_larger_are_read_apart(tmp_path: Path) -> None:
    """With the picture, they would leave it few of its steps."""
    loud = replace(SEEDED, seed_amplitude=0.5, textures=("curls", "dabs", "panes"))
    layers = quantised(write_small_style(tmp_path / "loud.onnx", config=loud), tmp_path, wide=False)
    model = layers.with_floats([])
    read_bytes_exactly(model, layers.weights)
    assert channels_read(model)[:2] == [12, 4]


def test_a_texture_alone_is_left_to_be_computed_once(tmp_path: Path) -> None:
    layers = quantised(write_small_style(tmp_path / "one.onnx", config=SEEDED), tmp_path, wide=False)
    model = layers.with_floats([])
    read_bytes_exactly(model, layers.weights)
    assert channels_read(model)[:2] == [12, 4]


def channels_read(model: Any) -> list[int]:
    return [each.get_input_partial_shape(0)[1].get_length() for each in convolutions(model)]


def source(quantiser: Any) -> str:
    return str(quantiser.input_value(0).get_node().get_type_name())


def test_a_dark_frame_is_painted_closer_than_with_measured_ranges(layers: Layers, style: StyleFile) -> None:
    """A range over all frames leaves a dark one but a few steps."""
    dark = random_frame(HEIGHT, WIDTH) // np.uint8(32)
    judge = Judge(
        read_folded(style),
        [Controls(style.vector("night")).graph_inputs(dark[None])],
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    others = [name for name in layers.names if name not in (layers.names[0], layers.names[-1])]
    measured, exact = layers.with_floats(others), layers.with_floats(others)
    read_bytes_exactly(exact, layers.weights)
    assert judge.agreement(exact) > judge.agreement(measured) + 6


@pytest.mark.parametrize(("normed", "reads"), [(True, "Convert"), (False, "Subtract")])
def test_the_mean_is_left_in_the_picture_only_where_a_norm_takes_it_away(normed: bool, reads: str) -> None:
    model, convolution = centred_convolution(normed=normed)
    read_bytes_exactly(model, {"stem": np.ones((4, 3, 1, 1), np.float32)})
    assert source(quantiser_of(convolution)) == reads


def centred_convolution(*, normed: bool) -> tuple[Any, Any]:
    """uint8 [1, 3, 8, 8] less its mean, quantised, through a 1×1 convolution of ones; a norm behind it or none."""
    frame = opset13.parameter([1, 3, 8, 8], np.uint8, name="frame")
    numbers = opset13.convert(frame, "f32")
    axes = opset13.constant(np.array([2, 3]))
    centred = opset13.subtract(numbers, opset13.reduce_mean(numbers, axes, keep_dims=True))
    low, high = (opset13.constant(np.float32(value)) for value in (-128, 127))
    quantised = opset13.fake_quantize(centred, low, high, low, high, 256)
    stored = opset13.convert(opset13.constant(np.ones((4, 3, 1, 1), np.int8)), "f32")
    kernel = opset13.multiply(stored, opset13.constant(np.ones((4, 1, 1, 1), np.float32)))
    convolution = opset13.convolution(quantised, kernel, [1, 1], [0, 0], [0, 0], [1, 1], name="stem")
    result = opset13.mvn(convolution, axes, True, 1e-5, "inside_sqrt") if normed else convolution
    return Model([result], [frame]), convolution


@pytest.mark.parametrize("channels", [3, 12, 4])
def test_weights_are_rounded_so_that_their_sums_stay(channels: int) -> None:
    scaled = np.random.default_rng(0).normal(0, 20, (5, channels, 3, 3)).astype(np.float32)
    rounded = with_kept_sums(scaled)
    assert np.array_equal(rounded, np.rint(rounded))
    assert np.abs(rounded - scaled).max() < 1
    colours = 3 if channels % 3 == 0 else 1
    sums = (rounded - scaled).reshape(5, channels // colours, colours, 9).sum(axis=(1, 3))
    assert np.abs(sums).max() <= 0.5 + 1e-3
    assert np.array_equal(with_kept_sums(rounded), rounded)
