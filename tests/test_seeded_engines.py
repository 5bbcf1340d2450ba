"""Nets with a seed texture in every engine that runs here: they agree with the net in torch, and int8 reads bytes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_styles import SMALL, one_thread_for_torch, random_frame, write_small_style

from engines.backends.tensorrt.typed_graph import typed_model
from engines.loading.engine import EngineChoice, load_engine
from engines.pictures import psnr
from engines.protocols import BuildAids
from engines.spec import FLOOR_DB, Calibration, Controls, EngineSpec
from engines.style.styles import StyleFile

SEEDED = replace(SMALL, seed_amplitude=0.05)
HEIGHT, WIDTH = 37, 54


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "seeded.onnx", config=SEEDED)


def painted(style: StyleFile, backend: str, cache_dir: Path) -> np.ndarray:
    """By an engine that passed the gate."""
    choice = EngineChoice(backend, "fp32", strict=True)
    engine = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache_dir)
    frame = engine(random_frame(HEIGHT, WIDTH), Controls(style.mix({"waves": 1, "night": 2}), 0.8, 0.25))
    engine.close()
    return frame


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_it_agrees_with_the_net_in_torch(style: StyleFile, backend: str, tmp_path: Path) -> None:
    ours, trained = painted(style, backend, tmp_path), painted(style, "torch", tmp_path)
    assert psnr(ours, trained) >= FLOOR_DB["fp32"]


def test_the_texture_is_seen(style: StyleFile, tmp_path: Path) -> None:
    without = write_small_style(tmp_path / "plain.onnx", config=SMALL)
    assert psnr(painted(style, "openvino", tmp_path), painted(without, "openvino", tmp_path)) < 35


def test_in_int8_the_stem_reads_the_frames_bytes_all_the_same(style: StyleFile, tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="needs nncf (impasto[int8])")
    from engines.backends.openvino.bytes import read_bytes_exactly
    from engines.backends.openvino.int8 import quantise, read_folded
    from engines.backends.openvino.layers import Layers, convolutions, quantiser_of
    from engines.backends.openvino.samples import draw_samples

    spec = EngineSpec("openvino", "int8", HEIGHT, WIDTH, "CPU", "1")
    frames = np.stack([random_frame(HEIGHT, WIDTH, seed) for seed in range(4)])
    samples = draw_samples(style, BuildAids(tmp_path, Calibration(frames, "noise")))
    layers = Layers(floats := read_folded(style), quantise(floats, samples.calibration, spec, wide=True))
    model = layers.with_floats([])
    read_bytes_exactly(model, layers.weights)
    quantisers = [each for each in map(quantiser_of, convolutions(model)) if each is not None]
    of_bytes = [each for each in quantisers if each.input_value(0).get_node().get_type_name() == "Convert"]
    assert len(of_bytes) == 1
    assert [float(of_bytes[0].input_value(place).get_node().data) for place in (1, 2)] == [0, 255]


def test_the_graph_for_tensorrt_is_the_same_for_one_size_and_for_any(style: StyleFile) -> None:
    """But for the last digit: for one size, what the stem makes of the texture is known ahead, in single precision."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    frame, controls = random_frame(HEIGHT, WIDTH), Controls(style.vector("waves"), 0.7, 0.3)
    results = []
    for size in ((HEIGHT, WIDTH), None):
        model = typed_model(style, "fp16", size).SerializeToString()
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        results.append(session.run(None, controls.graph_inputs(frame[None]))[0][0].astype(int))
    np.testing.assert_allclose(results[0], results[1], rtol=0, atol=1)
