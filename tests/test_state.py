"""What a style carries from frame to frame: declared on its card, fed back by every engine, checked by the gate."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from counting_style import COUNTED, LAST, counts_of, frames_painted, write_counting_style
from foreign_backends import ADJUSTABLE, add_backend

from engines.backends.candidates import spec_for
from engines.backends.openvino.int8 import read_folded
from engines.backends.openvino.layers import convolutions, convolutions_reading
from engines.backends.registry import open_backend, probe
from engines.backends.tensorrt.quantisation import quantised_convolutions, quantised_model
from engines.backends.tensorrt.ranges import measure_ranges
from engines.backends.tensorrt.typed_graph import read_net, typed_model
from engines.errors import EngineRefused, ImpastoError
from engines.gate.golden_cases import cases_of
from engines.gate.memory import STATE_COPIES, WEIGHT_COPIES, build_bytes
from engines.gate.verify import paint_golden_pictures, verify
from engines.loading.engine import Controls, Engine, EngineChoice, EngineSpec, load_engine
from engines.protocols import BuildAids, RangeEngine, StatefulEngine, begin_anew, carries_state
from engines.spec import SizeRange
from engines.style.card import StyleCard
from engines.style.state import CarriedState, StateInput
from engines.style.styles import StyleFile, save_style

HEIGHT, WIDTH = 37, 53
GREY = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
SPEC = EngineSpec("tensorrt", "fp16", HEIGHT, WIDTH, "CUDA", "1")
CARRYING = ("openvino", "onnxruntime")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_counting_style(tmp_path_factory.mktemp("styles") / "counting.onnx", convolutions=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=[*((name, "fp32") for name in CARRYING), ("openvino", "int8")], ids=" ".join)
def engine(request: pytest.FixtureRequest, style: StyleFile, cache: Path) -> Iterator[Engine]:
    backend, precision = request.param
    choice = EngineChoice(backend, precision, strict=True, requests=2)
    made = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache)
    yield made
    made.close()


def plain(style: StyleFile) -> Controls:
    return Controls(style.vector("plain"))


def test_every_frame_is_painted_with_what_the_one_before_left(engine: Engine, style: StyleFile) -> None:
    """And no request lies idle with a state of its own."""
    assert engine.spec.requests == 1
    assert counts_of([engine(GREY, plain(style)) for _ in range(5)], GREY) == [1, 2, 3, 4, 5]
    begin_anew(engine)
    assert counts_of([engine(GREY, plain(style)) for _ in range(2)], GREY) == [1, 2]


def test_another_vector_goes_on_with_the_count(engine: Engine, style: StyleFile) -> None:
    engine(GREY, plain(style))
    assert frames_painted(engine(GREY, Controls(style.vector("brighter"))), GREY) == 52


def test_callers_at_once_are_counted_one_by_one(engine: Engine, style: StyleFile) -> None:
    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(lambda _: engine(GREY, plain(style)), range(20)))
    assert sorted(counts_of(pictures, GREY)) == list(range(1, 21))


def test_the_gate_saw_first_frames_and_later_ones(engine: Engine, style: StyleFile) -> None:
    assert engine.gate is not None
    assert engine.gate.passed
    assert {len(case.before) for case in cases_of(style, engine.spec)} == {0, 2}


@pytest.mark.parametrize("backend", CARRYING)
def test_bytes_and_floats_are_carried_side_by_side(tmp_path: Path, backend: str) -> None:
    """The red of the frame before, by the hundred: 7 before the first, 100, then 200."""
    style = write_counting_style(tmp_path / "remembering.onnx", remembers=True)
    engine = load_engine(style, height=20, width=30, choice=EngineChoice(backend), cache_dir=tmp_path)
    frames = [np.full((20, 30, 3), value, np.uint8) for value in (100, 200, 10, 10)]
    painted = [engine(frame, plain(style)) for frame in frames]
    assert [frames_painted(*pair) for pair in zip(painted[2:], frames[2:], strict=True)] == [3 + 2, 4]
    assert frames_painted(painted[0], frames[0]) == 1
    engine.close()


@pytest.mark.parametrize("backend", CARRYING)
def test_another_size_of_a_range_counts_for_itself(style: StyleFile, cache: Path, backend: str) -> None:
    choice = EngineChoice(backend, size_range=SizeRange((24, 24), (64, 64)))
    engine = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache)
    assert isinstance(engine, RangeEngine)
    larger, frame = engine.resized(40, 60), np.full((40, 60, 3), 30, np.uint8)
    painted = [counts_of([engine(GREY, plain(style))], GREY) + counts_of([larger(frame, plain(style))], frame)]
    painted += [counts_of([engine(GREY, plain(style))], GREY) + counts_of([larger(frame, plain(style))], frame)]
    assert painted == [[1, 1], [2, 2]]
    larger.close()
    engine.close()


def test_an_engine_from_the_cache_begins_anew(style: StyleFile, tmp_path: Path) -> None:
    lines: list[str] = []
    for _ in range(2):
        made = load_engine(
            style, height=HEIGHT, width=WIDTH, choice=EngineChoice("openvino"), cache_dir=tmp_path, report=lines.append
        )
        assert counts_of([made(GREY, plain(style)) for _ in range(2)], GREY) == [1, 2]
        made.close()
    assert len([line for line in lines if line.startswith("preparing")]) == 1


def test_a_style_without_state_is_painted_side_by_side(small_style: Path) -> None:
    from engines.style.styles import load_style

    engine = load_engine(load_style(str(small_style)), height=32, width=32, choice=EngineChoice("openvino", requests=2))
    assert isinstance(engine, StatefulEngine)
    assert not carries_state(engine)
    assert engine.spec.requests == 2
    engine.close()


def test_torch_knows_what_families_carry_and_no_graph(style: StyleFile, tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="knows no network 'counting'"):
        load_engine(style, height=HEIGHT, width=WIDTH, choice=EngineChoice("torch"), cache_dir=tmp_path)


@pytest.mark.parametrize("promises", [False, True], ids=["it says so", "it promises"])
def test_a_backend_of_another_package_is_refused_in_a_line(
    style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promises: bool
) -> None:
    name, said = "promising" if promises else "silent", "size_ranges=True,"
    source = ADJUSTABLE.replace('"adjustable"', f'"{name}"')
    add_backend(tmp_path, name, source.replace(said, f"{said} carries_state=True,") if promises else source)
    monkeypatch.syspath_prepend(tmp_path)
    wanted = "carries nothing from frame to frame" if promises else "silent paints every frame by itself"
    with pytest.raises(EngineRefused, match=wanted):
        load_engine(style, height=HEIGHT, width=WIDTH, choice=EngineChoice(name), cache_dir=tmp_path)


class Forgetful:
    """An engine that goes wrong in what it carries: `reset` or the state itself is missing."""

    def __init__(self, engine: Engine, missing: str) -> None:
        self._engine, self._missing = engine, missing
        self.spec, self.gate, self.carries_state = engine.spec, engine.gate, True

    def __call__(self, frame: np.ndarray, controls: Controls) -> np.ndarray:
        if self._missing == "state":
            begin_anew(self._engine)
        return self._engine(frame, controls)

    def reset(self) -> None:
        if self._missing != "reset":
            begin_anew(self._engine)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("missing", "told"), [("state", "as if no frame had come before it"), ("reset", "came out"), ("", "")]
)
def test_the_gate_catches_an_engine_that_forgets(tmp_path: Path, missing: str, told: str) -> None:
    style = write_counting_style(tmp_path / "counting.onnx", step=20.0)
    spec = spec_for(probe("openvino"), "fp32", (HEIGHT, WIDTH), EngineChoice(), carries_state=True)
    golden = paint_golden_pictures(style, spec)
    made = open_backend("openvino").build(style, spec, BuildAids(tmp_path))
    report = verify(Forgetful(made, missing), golden)
    made.close()
    assert report.passed == (missing == "")
    assert told in report.problem


def test_a_state_that_leaves_its_range_is_refused(tmp_path: Path) -> None:
    style = write_counting_style(tmp_path / "counting.onnx", step=600.0)
    with pytest.raises(EngineRefused, match="'counted' came out from 1200 to 1200, and its card says 0 to 1000"):
        load_engine(style, height=HEIGHT, width=WIDTH, choice=EngineChoice("openvino"), cache_dir=tmp_path)


def test_memory_for_the_state_is_counted(tmp_path: Path) -> None:
    """Beside a node that may be wider: what goes in and what comes out, of the reference and of the engine."""
    needed = []
    for remembers in (False, True):
        style = write_counting_style(tmp_path / f"{remembers}.onnx", remembers=remembers)
        weights = WEIGHT_COPIES * len(style.data)
        needed.append(build_bytes(style, SPEC, (480, 640)) - weights)
    assert needed[1] - needed[0] >= STATE_COPIES * 3 * 480 * 640


@pytest.mark.parametrize(("precision", "size"), [("fp32", None), ("fp16", None), ("fp16", (HEIGHT, WIDTH))])
def test_the_typed_graph_carries_floats(style: StyleFile, precision: str, size: tuple[int, int] | None) -> None:
    assert counted_by(typed_model(style, precision, size).SerializeToString(), style) == [1, 2, 3, 4]


def test_8_bits_leave_what_reads_the_state_in_floats(style: StyleFile) -> None:
    """In TensorRT's graphs and in OpenVINO's."""
    ranges = measure_ranges(style, np.stack([GREY, GREY // 2]))
    model = quantised_model(style, "int8", (HEIGHT, WIDTH), ranges)
    assert counted_by(model.SerializeToString(), style) == [1, 2, 3, 4]
    net = read_net(style, None)
    weights = {node.input[1] for node in quantised_convolutions(net)}
    assert weights == {"net.inner"}
    floats = read_folded(style)
    assert len(convolutions_reading(floats, ["counted"])) == 1
    assert len(convolutions(floats)) == 4


def counted_by(model: bytes, style: StyleFile) -> list[int]:
    """The counts of four frames in ONNX Runtime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    state, pictures = CarriedState(style.card.state, HEIGHT, WIDTH), []
    for _ in range(4):
        found = session.run(["stylized", *state.outputs], plain(style).graph_inputs(GREY[None]) | state.values)
        state.feed_back(dict(zip(state.outputs, found[1:], strict=True)))
        pictures.append(found[0][0])
    return counts_of(pictures, GREY)


def test_the_card_keeps_what_is_declared(style: StyleFile) -> None:
    assert style.card.state == (COUNTED,)
    assert StyleCard.from_json(style.card.to_json()).state == (COUNTED,)
    assert json.loads(style.card.to_json())["format_version"] == 2
    without = replace(style.card, state=()).to_json()
    assert json.loads(without)["format_version"] == 1
    assert StyleCard.from_json(without).state == ()


NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "Two words"}, "cannot be called 'Two words'"),
    "taken": ({"name": "strength"}, "cannot be called 'strength'"),
    "next": ({"name": "next_one"}, "cannot be called 'next_one'"),
    "kind": ({"kind": "float64"}, "is of the kind 'float64'; choose one of float32, uint8"),
    "no side": ({"shape": []}, r"has the shape \[\]"),
    "a side of nothing": ({"shape": [1, 0]}, r"has the shape \[1, 0\]"),
    "truth as a side": ({"shape": [True]}, r"has the shape \[True\]"),
    "a sum as a side": ({"shape": ["H+8"]}, r"'H\+8'"),
    "by nothing": ({"shape": ["H/0"]}, "'H/0'"),
    "shape": ({"shape": "HW"}, "is no list"),
    "start": ({"start": "none"}, "must be numbers"),
    "nan": ({"start": float("nan")}, "must be numbers"),
    "outside": ({"start": 7.0}, "starts at 7, and its range is 0 to 1"),
    "backward": ({"range": [1.0, 0.0]}, "its range is 1 to 0"),
    "endless": ({"range": [0.0]}, "style card is damaged"),
    "bytes": ({"kind": "uint8", "range": [0, 300]}, "whole numbers from 0 to 255"),
}


@pytest.mark.parametrize(("changes", "told"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_told_in_a_line(style: StyleFile, changes: dict[str, Any], told: str) -> None:
    declared = {"name": "one", "kind": "float32", "shape": [1, "H", "W/4"], "start": 0.0, "range": [0.0, 1.0]}
    text = json.dumps(json.loads(style.card.to_json()) | {"state": [declared | changes]})
    with pytest.raises(ImpastoError, match=told) as error:
        StyleCard.from_json(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("state", [[1], {"name": "one"}, [{"name": "one"}]], ids=["a number", "no list", "half"])
def test_what_is_no_state_is_a_damaged_card(style: StyleFile, state: object) -> None:
    with pytest.raises(ImpastoError, match="style card is damaged"):
        StyleCard.from_json(json.dumps(json.loads(style.card.to_json()) | {"state": state}))


def test_two_states_of_one_name_are_refused(style: StyleFile) -> None:
    with pytest.raises(ValueError, match="names of states must differ: counted, counted"):
        replace(style.card, state=(COUNTED, COUNTED))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ((), "has the inputs"),
        ((COUNTED, LAST), "has the inputs"),
        ((replace(COUNTED, kind="uint8", range=(0, 9)),), "input 'counted' has the shape"),
        ((replace(COUNTED, shape=(1, 1, 5, "W/8")),), None),
        ((replace(COUNTED, shape=(1, 2, "H/8", "W/8")),), "input 'counted' has the shape"),
    ],
    ids=["undeclared", "missing", "another kind", "an open side may be fixed", "another shape"],
)
def test_the_graph_must_have_what_the_card_declares(
    style: StyleFile, tmp_path: Path, state: tuple[StateInput, ...], told: str | None
) -> None:
    save_style(tmp_path / "other.onnx", style.model, replace(style.card, state=state))
    other = StyleFile(tmp_path / "other.onnx", (tmp_path / "other.onnx").read_bytes())
    if told is None:
        assert other.model is not None
        return
    with pytest.raises(ImpastoError, match=told):
        assert other.model


def test_shapes_are_rounded_up() -> None:
    assert COUNTED.shape_at(37, 53) == (1, 1, 5, 7)
    assert COUNTED.shape_at(40, 56) == (1, 1, 5, 7)
    assert LAST.shape_at(37, 53) == (1, 37, 53, 3)
    assert LAST.first(2, 2).tolist() == [[[[7] * 3] * 2] * 2]


def test_what_comes_out_in_another_shape_is_an_error() -> None:
    state = CarriedState((COUNTED,), 16, 16)
    with pytest.raises(ValueError, match=r"'counted' came out as float32 \(1, 1, 3, 2\)"):
        state.feed_back({"next_counted": np.zeros((1, 1, 3, 2), np.float32)})
    assert state.values["counted"].shape == (1, 1, 2, 2)


def test_what_goes_in_is_never_what_is_written() -> None:
    state = CarriedState((COUNTED,), 16, 16)
    for number in range(4):
        arrays = state.arrays()
        assert not np.shares_memory(arrays["next_counted"], state.values["counted"])
        arrays["next_counted"][:] = number
        state.feed_back(arrays)
        assert (state.values["counted"] == number).all()
