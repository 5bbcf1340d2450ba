"""The estimate of memory against figures that were measured, and the refusal in one line."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_styles import write_small_style

import engines.gate.verify
from engines.errors import EngineRefused, ImpastoError
from engines.gate.memory import GIB, build_bytes, check_memory, net_bytes
from engines.loading.engine import EngineChoice, load_engine
from engines.spec import EngineSpec
from engines.style.styles import StyleFile, load_style, save_style

SIZE = (720, 1280)
PIXELS = 720 * 1280
SPEC = EngineSpec("openvino", "fp32", *SIZE, "CPU", "1")
NETS = {
    "paper": ({"widths": [32, 64, 128]}, 806),
    "narrow": ({"widths": [8, 16, 32]}, 234),
    "fast": ({"widths": [16, 40], "blocks": 3, "unshuffle": 2, "stem_kernel": 3, "head_kernel": 3}, 150),
    "blocks of four": ({"widths": [32], "blocks": 4, "unshuffle": 4, "stem_kernel": 3, "head_kernel": 3}, 89),
}


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


def of_network(style: StyleFile, network: dict[str, object], folder: Path) -> StyleFile:
    """The same graph with another net in its card."""
    save_style(folder / "other.onnx", style.model, replace(style.card, network=network))
    return load_style(str(folder / "other.onnx"))


@pytest.mark.parametrize(("config", "measured"), NETS.values(), ids=NETS)
def test_the_estimate_is_near_what_was_measured(
    style: StyleFile, tmp_path: Path, config: dict[str, object], measured: int
) -> None:
    """Bytes a pixel that the reference took for a frame, on the machine that gate/memory.py names."""
    net = of_network(style, {"name": "transform", "config": config}, tmp_path)
    assert net_bytes(net, SIZE) / PIXELS == pytest.approx(measured, rel=0.1)


def test_the_estimate_grows_with_the_picture(style: StyleFile) -> None:
    assert build_bytes(style, SPEC, (1440, 1280)) > 1.9 * build_bytes(style, SPEC, SIZE)


def test_an_engine_that_takes_more_than_the_reference_counts_more(style: StyleFile) -> None:
    on_torch = build_bytes(style, replace(SPEC, backend="torch"), SIZE)
    assert on_torch > build_bytes(style, replace(SPEC, backend="onnxruntime"), SIZE) > build_bytes(style, SPEC, SIZE)


def test_what_calibrates_needs_memory_too(style: StyleFile) -> None:
    calibrated = build_bytes(style, replace(SPEC, precision="int8"), SIZE)
    assert calibrated - build_bytes(style, SPEC, SIZE) > 80 * 2**20


def test_a_net_that_we_do_not_know_is_judged_by_its_widest_node(style: StyleFile, tmp_path: Path) -> None:
    """The same graph under another name: within a factor of three of what its description tells."""
    foreign = of_network(style, {"name": "foreign"}, tmp_path)
    assert 1 / 3 < net_bytes(foreign, SIZE) / net_bytes(style, SIZE) < 3
    assert net_bytes(foreign, (1440, 1280)) == pytest.approx(2 * net_bytes(foreign, SIZE), rel=0.01)


def test_too_little_memory_is_one_line(style: StyleFile) -> None:
    with pytest.raises(ImpastoError) as caught:
        check_memory(style, SPEC, (40_000, 30_000), 2 * GIB)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("an engine for 30000x40000 pixels needs about ")
    assert message.endswith("and 2.0 GiB is free; choose a smaller --height")
    assert not isinstance(caught.value, EngineRefused)


def test_enough_memory_and_unknown_memory_are_let_through(style: StyleFile) -> None:
    needed = build_bytes(style, SPEC, SIZE)
    check_memory(style, SPEC, SIZE, needed)
    check_memory(style, SPEC, SIZE, None)
    with pytest.raises(ImpastoError):
        check_memory(style, SPEC, SIZE, needed - 1)


def test_nothing_heavy_is_done_before_the_refusal(
    style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that no machine has the memory for: painting one golden frame of it would fail in another way."""

    def opened(*_: object) -> None:
        raise AssertionError("a reference was opened")

    monkeypatch.setattr(engines.gate.verify, "open_reference", opened)
    with pytest.raises(ImpastoError, match=r"3000000x2000000 pixels needs about \d+\.\d GiB .* smaller --height"):
        load_engine(style, height=2_000_000, width=3_000_000, choice=EngineChoice("torch"), cache_dir=tmp_path)
