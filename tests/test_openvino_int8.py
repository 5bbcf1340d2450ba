"""int8 in OpenVINO: what is quantised, what gets its floats back, and that nobody hears of it but who asked."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openvino_runtime import convolves_in_integers
from pretended_processor import pretended
from small_styles import SMALL, random_frame, write_small_style

from engines.backends.openvino import int8, kept_int8
from engines.backends.openvino.int8 import WANTED_DB, quantise, quantised_layers, read_folded
from engines.backends.openvino.kept_int8 import KeptNets, QuantisedNet
from engines.backends.openvino.layers import Judge, Layers
from engines.backends.openvino.samples import draw_samples
from engines.backends.registry import open_backend, probe
from engines.cache.folder import EngineCache
from engines.errors import EngineRefused
from engines.export.export import export_style
from engines.loading.engine import Controls, Engine, EngineChoice, load_engine, restore_engine
from engines.machine import adds_products_in_32_bits
from engines.pictures import psnr
from engines.protocols import BuildAids
from engines.spec import FLOOR_DB, Calibration, EngineSpec
from engines.style.styles import StyleFile, load_style

if find_spec("nncf") is None:  # to import it takes seconds, and not every process of the tests comes to need it
    pytest.skip("needs nncf (impasto[int8])", allow_module_level=True)

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 60, 84
LOUD = 64.0
FP32 = {"INFERENCE_PRECISION_HINT": "f32"}


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    """Random weights that int8 can tell within the floor, as those of a trained net are, whatever adds its products."""
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx", seed=6)


@pytest.fixture(scope="module")
def spec() -> EngineSpec:
    state = probe("openvino")
    return EngineSpec("openvino", "int8", HEIGHT, WIDTH, state.device, state.version)


@pytest.fixture(scope="module")
def aids(tmp_path_factory: pytest.TempPathFactory) -> BuildAids:
    """Frames of noise of a few sizes of grain, which a net without training treats as it treats any."""
    random = np.random.default_rng(0)
    grains = [random.integers(0, 256, (HEIGHT // n, WIDTH // n, 3)).repeat(n, 0).repeat(n, 1) for n in (1, 2, 3, 4, 6)]
    frames = np.stack(grains).astype(np.uint8)
    return BuildAids(tmp_path_factory.mktemp("aids"), Calibration(frames, "noise"))


@pytest.fixture(scope="module")
def layers(style: StyleFile, spec: EngineSpec, aids: BuildAids) -> Layers:
    floats = read_folded(style)
    return Layers(
        floats, quantise(floats, draw_samples(style, aids).calibration, spec, wide=adds_products_in_32_bits())
    )


@pytest.fixture(scope="module")
def judge(style: StyleFile, aids: BuildAids) -> Judge:
    return Judge(read_folded(style), draw_samples(style, aids).held, FP32)


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What was reported while the engine was built."""
    return []


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def quantised() -> list[Layers]:
    """The layers that were quantised while the engine was built."""
    return []


@pytest.fixture(scope="module")
def engine(
    style: StyleFile, choice: EngineChoice, cache_dir: Path, told: list[str], quantised: list[Layers]
) -> Iterator[Engine]:
    def noted(*told: Any, **named: Any) -> Layers:
        quantised.append(quantised_layers(*told, **named))
        return quantised[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "quantised_layers", noted)
        made = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache_dir, report=told.append)
    yield made
    made.close()


@pytest.fixture
def as_quantised(engine: Engine, quantised: list[Layers], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A build that quantises is given the engine's layers in no time, and is noted here."""
    asked: list[str] = []

    def given(floats: Any, calibration: Any, spec: EngineSpec, state: Any = (), *, wide: bool) -> Layers:
        asked.append(spec.precision)
        (layers,) = quantised
        return layers

    monkeypatch.setattr(int8, "quantised_layers", given)
    return asked


@pytest.fixture(scope="module")
def kept(engine: Engine, cache_dir: Path) -> Path:
    """Where the build of the engine has left its quantised net."""
    return EngineCache(cache_dir).aids_folder


@pytest.fixture(scope="module")
def choice(aids: BuildAids) -> EngineChoice:
    return EngineChoice("openvino", "int8", strict=True, calibration=aids.calibration)


def test_it_passes_the_gate_and_tells_what_it_cost(engine: Engine, told: list[str]) -> None:
    assert engine.spec.precision == "int8"
    assert engine.gate is not None
    assert engine.gate.psnr_db >= FLOOR_DB["int8"]
    (line,) = [line for line in told if line.startswith("int8 by nncf ")]
    assert re.search(r", (every layer|the stem.* in floats): \d\d\.\d dB from the unquantised net", line)


def test_where_int8_is_too_far_off_layers_get_their_floats_back(
    engine: Engine,
    told: list[str],
    style: StyleFile,
    aids: BuildAids,
    kept: Path,
    as_quantised: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One dB more is asked for than the net has with every layer in int8, whose kept net is passed over."""
    (before,) = [line for line in told if line.startswith("int8 by nncf ")]
    lines: list[str] = []
    monkeypatch.setattr(int8, "WANTED_DB", decibels_in(before) + 1)
    shutil.copytree(kept, tmp_path / "kept")
    aids = replace(aids, folder=tmp_path / "kept", report=lines.append)
    open_backend("openvino").build(style, engine.spec, aids).close()
    assert as_quantised == ["int8"]
    assert ", every layer: " in before
    assert " in floats: " in lines[0]
    assert decibels_in(lines[0]) >= int8.WANTED_DB


def decibels_in(line: str) -> float:
    found = re.search(r"(\d+\.\d) dB", line)
    assert found is not None
    return float(found[1])


def test_its_convolutions_run_in_integers(engine: Engine) -> None:
    assert convolves_in_integers(engine)


def test_it_paints_about_what_the_floats_do(engine: Engine, style: StyleFile, cache_dir: Path) -> None:
    frame, controls = random_frame(HEIGHT, WIDTH), Controls(style.vector("night"), 0.9, 0.2)
    floats = load_engine(
        style, height=HEIGHT, width=WIDTH, choice=EngineChoice("openvino", "fp32"), cache_dir=cache_dir
    )
    assert FLOOR_DB["int8"] <= psnr(engine(frame, controls), floats(frame, controls)) < 60
    assert np.array_equal(engine(frame, Controls(style.vector("night"), 0)), frame)
    floats.close()


def test_the_cache_gives_the_same_engine_back_and_tells_again_what_it_cost(
    engine: Engine, style: StyleFile, choice: EngineChoice, cache_dir: Path, told: list[str]
) -> None:
    lines: list[str] = []
    restored = restore_engine(
        style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache_dir, report=lines.append
    )
    assert restored is not None
    assert [line for line in told if line.startswith("int8 by nncf ")] == lines[:1]
    frame, controls = random_frame(HEIGHT, WIDTH), Controls(style.vector("night"))
    assert np.array_equal(engine(frame, controls), restored(frame, controls))
    restored.close()


def test_other_frames_to_calibrate_on_are_another_engine(
    engine: Engine, style: StyleFile, choice: EngineChoice, cache_dir: Path
) -> None:
    assert choice.calibration is not None
    other = replace(choice, calibration=Calibration(choice.calibration.frames[::-1], "noise"))
    assert restore_engine(style, height=HEIGHT, width=WIDTH, choice=other, cache_dir=cache_dir) is None


def test_floats_given_back_to_every_layer_are_the_unquantised_net(layers: Layers, judge: Judge) -> None:
    assert len(layers.names) == 10
    assert judge.agreement(layers.with_floats(layers.names)) > 60


def test_more_layers_in_floats_agree_better(layers: Layers, judge: Judge) -> None:
    none, most = (judge.agreement(layers.with_floats(names)) for names in ([], layers.names[:-1]))
    assert none < WANTED_DB < most


def test_the_floats_beside_int8_may_be_bf16_and_those_it_is_measured_against_are_not(
    layers: Layers, judge: Judge, style: StyleFile, spec: EngineSpec, aids: BuildAids
) -> None:
    """They are not equal to it, and beside what int8 rounds they cost next to nothing."""
    stem_in_floats = layers.with_floats(layers.names[:1])
    with pretended("bf16"):
        floats, held = read_folded(style), draw_samples(style, aids).held
        beside_bf16 = Judge(floats, held, {"INFERENCE_PRECISION_HINT": "bf16"})
        assert FLOOR_DB["bf16"] < beside_bf16.agreement(floats) < 60
        found = beside_bf16.agreement(stem_in_floats)
    assert found == pytest.approx(judge.agreement(stem_in_floats), abs=2)


def test_the_layers_are_told_in_words(layers: Layers) -> None:
    names = layers.names
    assert layers.told([]) == "every layer"
    assert layers.told(names[:1]) == "the stem in floats"
    assert layers.told([names[0], names[4]]) == "the stem and 1 of 9 other layers in floats"


def test_frames_to_judge_by_are_not_those_to_calibrate_on(style: StyleFile, aids: BuildAids) -> None:
    samples = draw_samples(style, aids)
    seen = {inputs["frame"].tobytes() for inputs in samples.calibration}
    assert seen.isdisjoint(inputs["frame"].tobytes() for inputs in samples.held)
    styles = {named.vector.tobytes() for named in style.card.styles}
    assert {one["style"].tobytes() for one in samples.calibration} == styles
    assert {one["style"].tobytes() for one in samples.held} > styles  # a mix of two is among them


def test_large_frames_to_calibrate_on_are_made_smaller(style: StyleFile, tmp_path: Path) -> None:
    frames = np.stack([random_frame(360, 640, seed) for seed in range(4)])
    samples = draw_samples(style, BuildAids(tmp_path, Calibration(frames, "noise")))
    assert {one["frame"].shape for one in (*samples.calibration, *samples.held)} == {(1, 216, 384, 3)}


def test_a_loud_channel_leaves_the_others_their_steps(
    style: StyleFile, spec: EngineSpec, aids: BuildAids, tmp_path: Path
) -> None:
    """In floats it is the net that passes above, and in integers it passes too, with every layer in them."""
    lines: list[str] = []
    loud = with_a_loud_channel(style, tmp_path / "loud.onnx")
    aids = replace(aids, folder=tmp_path, report=lines.append)
    open_backend("openvino").build(loud, spec, aids).close()
    assert ", every layer: " in lines[0]


def test_a_net_that_cannot_be_told_in_8_bits_is_refused_with_the_figure(
    style: StyleFile, spec: EngineSpec, aids: BuildAids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one range for loud channels and quiet ones, not even half of its layers in floats save it."""
    monkeypatch.setattr(int8, "evened", lambda floats, inputs, but: floats)
    loud, backend = with_a_loud_channel(style, tmp_path / "loud.onnx"), open_backend("openvino")
    frame, painted = random_frame(HEIGHT, WIDTH), list[np.ndarray]()
    for each in (style, loud):
        floats = backend.build(each, replace(spec, precision="fp32"), aids)
        painted.append(floats(frame, Controls(each.vector("night"))))
        floats.close()
    assert psnr(*painted) > FLOOR_DB["fp32"]
    message = r"the stem and 4 of 9 other layers in floats: \d+\.\d dB .*, and 32 dB is the least; choose another"
    with pytest.raises(EngineRefused, match=message) as caught:
        backend.build(loud, spec, aids)
    assert "\n" not in str(caught.value)


def with_a_loud_channel(style: StyleFile, path: Path) -> StyleFile:
    """The same net, but that the first channel of every layer is loud, and what reads it turns it down again.

    In floats that changes nothing. One range for all channels has no steps left for the others.
    """
    weights = {name: weight.astype(np.float32) for name, weight in style.weights().items()}
    for name, weight in weights.items():
        if weight.ndim > 1 and name != "down.0.weight":
            weight[:, 0] /= LOUD
    scales_and_shifts = np.concatenate([np.tile(np.arange(width) == 0, 2) for width in SMALL.norm_channels])
    turned_up = np.where(scales_and_shifts, LOUD, 1)
    styles = [replace(named, vector=named.vector * turned_up) for named in style.card.styles]
    config = SMALL.to_dict()
    export_style(
        path,
        network="transform",
        config=config,
        weights=weights,
        styles=styles,
        name="loud",
        licence="CC0-1.0",
        training={},
    )
    return load_style(str(path))


def test_what_progress_raises_ends_the_build(
    style: StyleFile, spec: EngineSpec, aids: BuildAids, as_quantised: list[str]
) -> None:
    def end_when_comparing(stage: str, share: float) -> None:
        assert 0 <= share <= 1
        if stage.startswith("comparing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_backend("openvino").build(style, spec, replace(aids, progress=end_when_comparing))
    assert as_quantised == ["int8"]


def test_nncf_keeps_silent_and_loads_neither_telemetry_nor_torch(small_style: Path) -> None:
    """In a process of its own, for this one has loaded torch."""
    program = f"""
import logging, sys
import numpy as np
from engines.backends.openvino.int8 import quantise, read_folded
from engines.spec import Controls, EngineSpec
from engines.style.styles import load_style
style = load_style({str(small_style)!r})
frame = np.random.default_rng(0).integers(0, 256, (1, 60, 84, 3), np.uint8)
spec = EngineSpec("openvino", "int8", 60, 84, "CPU", "1")
quantise(read_folded(style), [Controls(style.vector("waves")).graph_inputs(frame)], spec, wide=True)
assert logging.getLoggerClass() is logging.Logger
print(*sorted({{"nncf", "torch", "openvino_telemetry", "openvino.tools.ovc"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("nncf\n", "")


def test_without_nncf_the_remedy_is_told(style: StyleFile, spec: EngineSpec, aids: BuildAids, tmp_path: Path) -> None:
    with without_nncf(), pytest.raises(EngineRefused, match=r"int8 needs nncf, .*; pip install 'impasto\[int8\]'"):
        open_backend("openvino").build(style, spec, replace(aids, folder=tmp_path))


@contextmanager
def without_nncf() -> Iterator[None]:
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "nncf"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("nncf", *hidden):
            patch.setitem(sys.modules, name, None)
        yield


class TestAnotherSize:
    def test_it_is_not_quantised_again(
        self, engine: Engine, told: list[str], style: StyleFile, aids: BuildAids, kept: Path
    ) -> None:
        """Nor does that need nncf; what it costs is judged at that size."""
        lines: list[str] = []
        with without_nncf():
            smaller = open_backend("openvino").build(
                style, replace(engine.spec, height=48, width=64), replace(aids, folder=kept, report=lines.append)
            )
        assert smaller(random_frame(48, 64), Controls(style.vector("night"))).shape == (48, 64, 3)
        assert convolves_in_integers(smaller)
        smaller.close()
        (before,) = [line for line in told if line.startswith("int8 by nncf ")]
        assert before.partition(":")[0] == lines[0].partition(":")[0]

    def test_what_was_kept_is_what_was_made(
        self, layers: Layers, judge: Judge, style: StyleFile, spec: EngineSpec, tmp_path: Path
    ) -> None:
        made = QuantisedNet(layers.with_floats([]), "every layer", 40.5)
        KeptNets(tmp_path, style, spec).store(made)
        kept = KeptNets(tmp_path, style, spec).load()
        assert kept is not None
        assert (kept.told, kept.agreement) == (made.told, made.agreement)
        assert judge.agreement(kept.model) == pytest.approx(judge.agreement(made.model), abs=0.3)
        assert KeptNets(tmp_path, style, replace(spec, calibration="other frames")).load() is None

    def test_those_used_last_are_kept(
        self, layers: Layers, style: StyleFile, spec: EngineSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every film has its own."""
        monkeypatch.setattr(kept_int8, "KEPT", 2)
        made = QuantisedNet(layers.with_floats([]), "every layer", 40.5)
        films = [KeptNets(tmp_path, style, replace(spec, calibration=film)) for film in ("first", "second", "third")]
        for film in films:
            film.store(made)
        assert [film.load() is not None for film in films] == [False, True, True]
        assert len(list((tmp_path / "int8").iterdir())) == 2

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"], ids=["empty", "cut off"])
    def test_one_that_cannot_be_read_is_as_good_as_none(
        self, content: bytes, layers: Layers, style: StyleFile, spec: EngineSpec, tmp_path: Path
    ) -> None:
        nets = KeptNets(tmp_path, style, spec)
        nets.store(QuantisedNet(layers.with_floats([]), "every layer", 40.5))
        (kept,) = (tmp_path / "int8").iterdir()
        kept.write_bytes(content)
        assert nets.load() is None
        kept.unlink()
        kept.mkdir()
        assert nets.load() is None
