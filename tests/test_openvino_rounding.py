"""What int8 rounds: channels brought to one range before it, and weights whose roundings make up for each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_styles import write_small_style

from engines.backends.openvino.evened import EVENED, LEAST_PART, WIDER, evened
from engines.backends.openvino.int8 import quantise, read_folded
from engines.backends.openvino.layers import FP32, QUANTISER, Judge, Layers, StoredWeights, convolutions, read_by
from engines.backends.openvino.rounding import MOST_WEIGHTS, round_by_inputs, rounded_by_power, windows_of
from engines.backends.openvino.samples import draw_samples
from engines.packages import import_openvino
from engines.protocols import BuildAids
from engines.spec import EngineSpec
from engines.style.styles import StyleFile, load_style

pytest.importorskip("nncf", reason="needs nncf (impasto[int8])")
import_openvino()

SPEC = EngineSpec("openvino", "int8", 60, 84, "CPU", "1")
SEVERAL = 8  # of the samples, each of another style, of which the gallery has twice as many
# What a row of weights meets in a smooth picture: neighbours that go together.
SMOOTH = 0.95 ** np.abs(np.subtract.outer(np.arange(36), np.arange(36)))


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx", seed=6)


def weights(seed: int = 0, inputs: int = 4) -> np.ndarray:
    """[5, I, 3, 3], in steps."""
    return np.random.default_rng(seed).normal(0, 20, (5, inputs, 3, 3))


def error(rounded: np.ndarray, exact: np.ndarray, power: np.ndarray) -> float:
    """The mean power of what roundings add to a convolution's result."""
    rows = (rounded - exact).reshape(len(exact), -1)
    return float(np.einsum("oi,ij,oj->o", rows, power, rows).mean())


class TestWeights:
    def test_roundings_make_up_for_each_other_where_inputs_go_together(self) -> None:
        exact = weights()
        rounded = rounded_by_power(exact, SMOOTH, 127)
        assert np.array_equal(rounded, np.rint(rounded))
        assert np.abs(rounded - exact).max() < 8
        assert error(rounded, exact, SMOOTH) < error(np.rint(exact), exact, SMOOTH) / 4

    def test_each_for_itself_where_they_do_not(self) -> None:
        exact = weights()
        assert np.array_equal(rounded_by_power(exact, np.eye(36), 127), np.rint(exact))

    def test_none_is_larger_than_is_safe_and_the_others_take_over_what_that_costs(self) -> None:
        exact = weights()
        exact[:, 0, 0, 0] = 100
        rounded = rounded_by_power(exact, SMOOTH, 64)
        assert np.abs(rounded).max() == 64
        assert error(rounded, exact, SMOOTH) < error(np.clip(np.rint(exact), -64, 64), exact, SMOOTH) / 4

    def test_weights_that_meet_nothing_are_rounded_all_the_same(self) -> None:
        exact, power = weights(), SMOOTH.copy()
        power[:9] = power[:, :9] = 0
        for silent in (power, np.zeros_like(power)):
            rounded = rounded_by_power(exact, silent, 127)
            assert np.array_equal(rounded[:, 0], np.rint(exact[:, 0]))
            assert np.isfinite(rounded).all()

    def test_a_trained_net_agrees_better_with_its_floats(self) -> None:
        """Measured with what its weights meet in floats, so that nothing else is rounded."""
        gallery = load_style("gallery")
        floats, samples = read_folded(gallery), draw_samples(gallery, BuildAids(Path()))
        judge, calibration = Judge(floats, samples.held[:SEVERAL], FP32), samples.calibration[:SEVERAL]
        layers = Layers(floats, integers := quantise(floats, calibration, SPEC, wide=False))
        before = judge.agreement(weights_alone(layers))
        round_by_inputs(integers, floats, layers.weights, calibration)
        assert judge.agreement(weights_alone(layers)) > before + 1

    def test_long_rows_stay_as_nncf_rounded_them(self) -> None:
        """They would take too long."""
        assert MOST_WEIGHTS < 64 * 25
        floats, inputs = graph(inputs=64, kernel=5), [values(64, smooth=True)]
        integers = quantise(floats, inputs, SPEC, wide=True)
        before = stored_in(integers)
        round_by_inputs(integers, floats, Layers(floats, integers).weights, inputs)
        assert np.array_equal(stored_in(integers), before)

    @pytest.mark.parametrize(("strides", "begin", "end"), [((1, 1), (0, 0), (0, 0)), ((2, 1), (1, 2), (0, 2))])
    def test_what_they_meet_is_what_the_convolution_sees(
        self, strides: tuple[int, int], begin: tuple[int, int], end: tuple[int, int]
    ) -> None:
        """At its strides, and with its rims: multiplied with the weights, it makes the convolution's results."""
        floats, inputs = graph(strides=strides, begin=begin, end=end), [values(8)]
        (convolution,) = convolutions(floats)
        met = windows_of(reads(floats, inputs), convolution, 10_000, np.random.default_rng(0))
        made = -painted(floats, inputs).reshape(6, -1)
        found = weights_of(floats).reshape(6, -1) @ met
        np.testing.assert_allclose(np.sort(found, axis=1), np.sort(made, axis=1), atol=1e-3)

    def test_a_convolution_of_another_kind_keeps_its_roundings(self) -> None:
        """Its weights do not meet what lies beside each other."""
        floats, inputs = graph(dilations=(2, 2)), [values(8, smooth=True)]
        integers = quantise(floats, inputs, SPEC, wide=True)
        before = stored_in(integers)
        round_by_inputs(integers, floats, Layers(floats, integers).weights, inputs)
        assert np.array_equal(stored_in(integers), before)

    def test_one_number_that_is_none_spoils_no_layer(self) -> None:
        broken = values(8)
        broken["x"][0, 3, 7, 7] = np.nan
        model = evened(graph(signed=True), [values(8), broken])
        assert np.array_equal(weights_of(model), weights_of(graph(signed=True)))
        floats, inputs = graph(signed=True), [values(8, smooth=True)]
        integers = quantise(floats, inputs, SPEC, wide=True)
        before = stored_in(integers)
        round_by_inputs(integers, floats, Layers(floats, integers).weights, [*inputs, broken])
        assert np.array_equal(stored_in(integers), before)


class TestChannels:
    def test_floats_stay_what_they_were(self, style: StyleFile) -> None:
        floats, samples = read_folded(style), draw_samples(style, BuildAids(Path()))
        assert Judge(floats, samples.held, FP32).agreement(evened(floats, samples.calibration)) > 80

    def test_a_quiet_channel_is_made_louder_and_a_silent_one_not_without_end(self) -> None:
        loud = np.array([1, 1 / 16, 0, 1, 1, 1, 1, 1], np.float32)
        floats, inputs = graph(), [values(8, loud=loud)]
        divided = reads(evened(floats, inputs), inputs)
        most = np.abs(divided).max(axis=(1, 2))
        assert most[1] == pytest.approx((1 / 16) ** (1 - EVENED), rel=0.1)
        assert most[2] == 0
        assert np.abs(weights_of(evened(floats, inputs))[:, 2]).max() == pytest.approx(
            np.abs(weights_of(floats)[:, 2]).max() * LEAST_PART, rel=1e-4
        )

    def test_the_rarest_values_of_a_quiet_channel_widen_no_range(self) -> None:
        """A channel that is silent but for one place in thousands."""
        rare = values(8)
        rare["x"][0, 1] = 0
        rare["x"][0, 1, 5, 5] = 1
        divided = reads(evened(graph(), [rare]), [rare])
        assert np.abs(divided).max() == pytest.approx(WIDER, rel=1e-4)

    def test_channels_that_lie_apart_are_brought_to_one_middle(self) -> None:
        """What that takes from the result is added again."""
        apart = np.array([-9, 9, 0, 0, 5, -5, 0, 0], np.float32)[:, None, None]
        inputs = [values(8), values(8, seed=1)]
        for each in inputs:
            each["x"] += apart - 0.5
        floats = graph(signed=True, reflected=True)
        model = evened(floats, inputs)
        assert np.abs(reads(model, inputs)).max() < 0.7
        np.testing.assert_allclose(painted(model, inputs), painted(floats, inputs), atol=1e-3)

    def test_where_zeros_come_in_from_around_the_middle_stays(self) -> None:
        apart = np.array([-9, 9, 0, 0, 5, -5, 0, 0], np.float32)[:, None, None]
        inputs = [{"x": values(8)["x"] + apart}]
        floats = graph(signed=True, begin=(1, 1), end=(1, 1))
        model = evened(floats, inputs)
        assert reads(model, inputs).min() < -8
        np.testing.assert_allclose(painted(model, inputs), painted(floats, inputs), atol=1e-3)

    @pytest.mark.parametrize("axes", [(1, 2, 3), (1,), (2, 3)])
    def test_whatever_norm_follows(self, axes: tuple[int, ...]) -> None:
        """One over all channels would take away another mean if what was lost were not added."""
        apart = np.array([-9, 9, 0, 0, 5, -5, 0, 0], np.float32)[:, None, None]
        inputs = [{"x": values(8)["x"] + apart}]
        floats = graph(signed=True, norm=axes)
        np.testing.assert_allclose(painted(evened(floats, inputs), inputs), painted(floats, inputs), atol=1e-3)

    @pytest.mark.parametrize("kind", ["two readers", "rim with another reader", "filled rim", "float16", "named"])
    def test_what_cannot_be_divided_stays_as_it_was(self, kind: str) -> None:
        floats = graph(
            twice=kind == "two readers", filled=kind == "filled rim", reflected=kind == "rim with another reader",
            added=kind == "rim with another reader", dtype=np.float16 if kind == "float16" else np.float32,
        )  # fmt: skip
        but = {op.get_friendly_name() for op in convolutions(floats)} if kind == "named" else set()
        inputs = [values(8, loud=np.geomspace(0.01, 1, 8, dtype=np.float32))]
        model = evened(floats, inputs, but)
        assert np.array_equal(weights_of(model), weights_of(floats))
        assert np.array_equal(painted(model, inputs), painted(floats, inputs))

    def test_a_rim_of_the_picture_itself_is_divided_with_it(self) -> None:
        inputs = [values(8, loud=np.geomspace(0.01, 1, 8, dtype=np.float32))]
        floats = graph(reflected=True)
        model = evened(floats, inputs)
        assert not np.allclose(weights_of(model), weights_of(floats))
        np.testing.assert_allclose(painted(model, inputs), painted(floats, inputs), atol=1e-4)


def graph(
    *,
    inputs: int = 8,
    kernel: int = 3,
    strides: tuple[int, int] = (1, 1),
    begin: tuple[int, int] = (0, 0),
    end: tuple[int, int] = (0, 0),
    dilations: tuple[int, int] = (1, 1),
    twice: bool = False,
    filled: bool = False,
    reflected: bool = False,
    added: bool = False,
    signed: bool = False,
    norm: tuple[int, ...] = (),
    dtype: type = np.float32,
) -> Any:
    """One convolution of `x` [1, I, 40, 40], or two of it, with six channels each; what it reads may be `added`."""
    import openvino
    from openvino import opset13

    x = opset13.parameter([1, inputs, 40, 40], dtype, name="x")
    x.output(0).set_names({"x"})
    read = opset13.negative(opset13.negative(x))
    read = read if signed else opset13.relu(read)
    if filled or reflected:
        pads = np.array([0, 0, 1, 1])
        read = opset13.pad(read, pads, pads, "constant" if filled else "reflect", dtype(1) if filled else None)
    made = []
    for number in range(1 + twice):
        kept: np.ndarray = np.random.default_rng(number).normal(0, 1, (6, inputs, kernel, kernel)).astype(dtype)
        made.append(opset13.convolution(read, opset13.constant(kept), strides, begin, end, dilations))
    total = opset13.add(*made) if twice else opset13.negative(made[0])
    if norm:
        total = opset13.mvn(made[0], np.array(norm), True, 1e-5, "inside_sqrt")
    if added:
        total = opset13.add(total, opset13.reduce_mean(read, np.array([1, 2, 3]), True))
    total.output(0).set_names({"stylized"})
    return openvino.Model([opset13.result(total)], [x])


def values(
    channels: int, *, seed: int = 0, smooth: bool = False, loud: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Values 0..1, each channel as loud as is said."""
    import cv2

    made = np.random.default_rng(seed).random((channels, 40, 40), np.float32)
    if smooth:
        made = np.stack([np.asarray(cv2.GaussianBlur(each, (0, 0), 3), np.float32) for each in made])
    return {"x": (made * (1 if loud is None else loud[:, None, None]))[None]}


def reads(model: Any, inputs: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    """What the only convolution reads of the first."""
    (read,) = next(iter(read_by(model, {op.get_friendly_name() for op in convolutions(model)}, inputs))).values()
    return read


def painted(model: Any, inputs: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    compiled = import_openvino().Core().compile_model(model.clone(), "CPU", FP32)
    return np.stack([np.array(compiled(each)["stylized"]) for each in inputs])


def weights_of(model: Any) -> np.ndarray:
    """Of the first convolution."""
    kept: np.ndarray = convolutions(model)[0].input_value(1).get_node().data
    return kept


def weights_alone(layers: Layers) -> Any:
    """The model, its weights rounded, and nothing of what they read."""
    model = layers.with_floats([])
    for op in model.get_ordered_ops():
        if op.get_type_name() == QUANTISER:
            for target in op.output(0).get_target_inputs():
                target.replace_source_output(op.input_value(0))
    return model


def stored_in(model: Any) -> np.ndarray:
    """The bytes of the first convolution."""
    stored = StoredWeights.of(convolutions(model)[0])
    assert stored is not None
    return stored.values
