"""The gallery's net in int8 as it comes along: what `auto` takes on a processor, with nothing but the base install."""

import platform
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.backends.candidates import PassedOver, candidates
from engines.backends.openvino import ready_int8
from engines.backends.openvino.ready_int8 import ready_net, ready_precisions
from engines.backends.registry import probe
from engines.gate.golden_cases import GOLDEN
from engines.loading.engine import load_engine
from engines.pictures import psnr
from engines.spec import FLOOR_DB, Calibration, Controls, EngineChoice
from engines.style.file import save_style
from engines.style.metadata import graph_sha256
from engines.style.styles import StyleFile, load_style

SIZE = (90, 160)
pytestmark = pytest.mark.skipif(platform.machine() not in ready_int8.X86, reason="it is for processors of this kind")


@pytest.fixture(scope="module")
def gallery() -> StyleFile:
    return load_style("gallery")


@pytest.fixture(autouse=True)
def no_nncf(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the base install."""
    for name in ("nncf", *(name for name in sys.modules if name.partition(".")[0] == "nncf")):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(params=[True, False], ids=["32 bits", "16 bits"])
def wide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the processor adds products of bytes so."""
    adds_so = bool(request.param)
    monkeypatch.setattr(ready_int8, "adds_products_in_32_bits", lambda: adds_so)
    return adds_so


def tried(style: StyleFile, choice: EngineChoice) -> list[str]:
    """The precisions of OpenVINO that are tried, in order; those on frames of the user's with a star."""
    passed_over: list[PassedOver] = []
    found = candidates(style, SIZE, replace(choice, backend="openvino"), passed_over)
    return [spec.precision + "*" * bool(spec.calibration) for _, spec in found]


def test_it_is_of_the_net_that_the_gallery_has(gallery: StyleFile, wide: bool) -> None:
    """Where this fails, the gallery was trained on: python -m engines.backends.openvino.ready_int8."""
    assert ready_precisions() == {graph_sha256(gallery.data): ("int8",)}
    net = ready_net(gallery)
    assert net is not None
    assert net.agreement > FLOOR_DB["int8"]


def test_it_paints_about_what_the_floats_do_without_nncf(gallery: StyleFile, wide: bool, tmp_path: Path) -> None:
    """And passes the gate, in every style that is asked."""
    told: list[str] = []
    frame, controls = GOLDEN.frame(GOLDEN.names[0], *SIZE), Controls(gallery.vector("starry_night"))
    painted = []
    for precision in ("auto", "fp32"):
        choice = EngineChoice("openvino", precision, strict=True)
        engine = load_engine(
            gallery, height=SIZE[0], width=SIZE[1], choice=choice, cache_dir=tmp_path, report=told.append
        )
        painted.append((engine.spec.precision, engine(frame, controls)))
        engine.close()
    (first, integers), (second, floats) = painted
    assert (first, second) == ("int8", "fp32")
    assert psnr(integers, floats) > FLOOR_DB["int8"]
    assert any(line.startswith("int8 by nncf ") for line in told)


def test_auto_tries_it_first_and_other_styles_have_none(gallery: StyleFile) -> None:
    floats = list(probe("openvino").precisions)
    assert tried(gallery, EngineChoice()) == ["int8", *floats]
    assert tried(load_style("gallery.fine"), EngineChoice()) == floats


def test_a_style_that_was_learnt_with_the_gallerys_net_has_it_too(gallery: StyleFile, tmp_path: Path) -> None:
    save_style(
        tmp_path / "mine.onnx", gallery.model, replace(gallery.card, name="mine", styles=gallery.card.styles[:1])
    )
    assert tried(load_style(str(tmp_path / "mine.onnx")), EngineChoice())[0] == "int8"


def test_where_no_nncf_can_calibrate_on_a_film_the_ready_one_comes_next(gallery: StyleFile) -> None:
    film = Calibration(np.zeros((4, 64, 64, 3), np.uint8), "film.mp4")
    assert tried(gallery, EngineChoice(precision="int8", calibration=film))[:2] == ["int8*", "int8"]
    assert tried(gallery, EngineChoice(precision="int8"))[:2] == ["int8", *probe("openvino").precisions][:2]


@pytest.mark.parametrize(("machine", "flags"), [("aarch64", "asimddp"), ("x86_64", "sse4_2 avx")])
def test_a_processor_on_which_it_may_be_slower_takes_floats(
    machine: str, flags: str, gallery: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(ready_int8, "cpu_flags", lambda: flags)
    assert tried(gallery, EngineChoice()) == list(probe("openvino").precisions)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more"])
def test_one_that_cannot_be_read_is_none(
    content: bytes | None, gallery: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready_int8, "FOLDER", tmp_path)
    for wide in (True, False):
        if content is not None:
            ready_int8._place(wide=wide).write_bytes(content)
    assert ready_precisions() == {}
    assert ready_net(gallery) is None
