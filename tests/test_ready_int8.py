"""The gallery's net in int8 as it comes along: what `auto` takes on a processor, with nothing but the base install."""

import platform
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from openvino_runtime import convolves_in_integers

from engines.backends import candidates as candidates_module
from engines.backends.candidates import PassedOver, candidates
from engines.backends.openvino import ready_int8
from engines.backends.openvino.ready_int8 import ready_net, ready_nets
from engines.backends.registry import probe
from engines.cache.fields import cache_fields, why_stale
from engines.errors import EngineRefused
from engines.gate.golden_cases import GOLDEN
from engines.loading.engine import load_engine, restore_engine
from engines.pictures import psnr
from engines.protocols import BackendState
from engines.spec import FLOOR_DB, Calibration, Controls, EngineChoice, EngineSpec
from engines.style.file import save_style
from engines.style.metadata import graph_sha256
from engines.style.styles import StyleFile, load_style

SIZE = (90, 160)
FILM = Calibration(np.zeros((4, 64, 64, 3), np.uint8), "film.mp4")
pytestmark = pytest.mark.skipif(platform.machine() not in ready_int8.X86, reason="it is for processors of this kind")


@pytest.fixture(scope="module")
def gallery() -> StyleFile:
    return load_style("gallery")


@pytest.fixture
def no_nncf(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the base install."""
    for name in {"nncf", *(name for name in sys.modules if name.partition(".")[0] == "nncf")}:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(params=[True, False], ids=["32 bits", "16 bits"])
def wide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the processor adds products of bytes so."""
    adds_so = bool(request.param)
    monkeypatch.setattr(ready_int8, "adds_products_in_32_bits", lambda: adds_so)
    return adds_so


def specs(style: StyleFile, choice: EngineChoice) -> list[EngineSpec]:
    """Those of OpenVINO that are tried, in order."""
    passed_over: list[PassedOver] = []
    return [spec for _, spec in candidates(style, SIZE, replace(choice, backend="openvino"), passed_over)]


def tried(style: StyleFile, choice: EngineChoice) -> list[str]:
    """Their precisions: with a star where frames of the user's calibrate, with a plus where the net came along."""
    return [spec.precision + "*" * bool(spec.calibration) + "+" * bool(spec.ready) for spec in specs(style, choice)]


def test_it_is_of_the_net_that_the_gallery_has(gallery: StyleFile, wide: bool) -> None:
    """Where this fails, the gallery was trained on: python -m engines.backends.openvino.make_ready_int8."""
    assert list(ready_nets()) == [graph_sha256(gallery.data)]
    assert ready_net(specs(gallery, EngineChoice())[0]).agreement > FLOOR_DB["int8"]


@pytest.mark.usefixtures("no_nncf")
def test_it_paints_about_what_the_floats_do_without_nncf(gallery: StyleFile, tmp_path: Path) -> None:
    """In integers, and passes the gate, in every style that is asked."""
    told: list[str] = []
    frame, controls = GOLDEN.frame(GOLDEN.names[0], *SIZE), Controls(gallery.vector("starry_night"))
    painted = []
    for precision in ("auto", "fp32"):
        choice = EngineChoice("openvino", precision, strict=True)
        engine = load_engine(
            gallery, height=SIZE[0], width=SIZE[1], choice=choice, cache_dir=tmp_path, report=told.append
        )
        painted.append((engine.spec.precision, engine(frame, controls)))
        assert precision == "fp32" or convolves_in_integers(engine)
        engine.close()
    (first, integers), (second, floats) = painted
    assert (first, second) == ("int8", "fp32")
    assert psnr(integers, floats) > FLOOR_DB["int8"]
    assert any(line.startswith("int8 as it came along, by nncf ") for line in told)


def test_auto_tries_it_first_and_other_styles_have_none(gallery: StyleFile) -> None:
    floats = list(probe("openvino").precisions)
    assert tried(gallery, EngineChoice()) == ["int8+", *floats]
    assert tried(load_style("gallery.fine"), EngineChoice()) == floats


def test_a_style_that_was_learnt_with_the_gallerys_net_has_it_too(gallery: StyleFile, tmp_path: Path) -> None:
    save_style(
        tmp_path / "mine.onnx", gallery.model, replace(gallery.card, name="mine", styles=gallery.card.styles[:1])
    )
    assert tried(load_style(str(tmp_path / "mine.onnx")), EngineChoice())[0] == "int8+"


def test_int8_by_name_is_made_where_it_can_be(gallery: StyleFile) -> None:
    """On the user's film, or else anew for this very style file; what came along is tried next."""
    pytest.importorskip("nncf")
    assert tried(gallery, EngineChoice(precision="int8", calibration=FILM))[:2] == ["int8*", "int8+"]
    assert tried(gallery, EngineChoice(precision="int8"))[:2] == ["int8", "int8+"]


@pytest.mark.usefixtures("no_nncf")
def test_int8_by_name_is_what_came_along_where_none_can_be_made(gallery: StyleFile) -> None:
    floats = list(probe("openvino").precisions)
    assert tried(gallery, EngineChoice(precision="int8", calibration=FILM)) == ["int8+", *floats]
    assert tried(load_style("gallery.fine"), EngineChoice(precision="int8"))[0] == "int8"


def test_what_was_calibrated_on_another_film_is_another_engine(gallery: StyleFile) -> None:
    """In the cache too, where int8 on bundled pictures may be one that was calibrated on a film."""
    state = probe("openvino")
    (ready, *_), by_name = specs(gallery, EngineChoice()), EngineSpec("openvino", "int8", *SIZE, "CPU", state.version)
    assert cache_fields(gallery, state, ready) != cache_fields(gallery, state, by_name)
    assert why_stale(cache_fields(gallery, state, ready), state) == ""
    other = cache_fields(gallery, state, replace(ready, ready="of before"))
    assert why_stale(other, state) == "of a net that does not come along any more"


def test_one_that_is_refused_is_no_error_where_nobody_asked_for_it(
    gallery: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`strict` is about what was asked for."""
    state = replace(probe("openvino"), precisions=(), ready={graph_sha256(gallery.data): {"int8": "of before"}})
    monkeypatch.setattr(candidates_module, "probe", lambda name: state)
    with pytest.raises(EngineRefused, match=r"no engine can run .*there is no such net any more"):
        load_engine(gallery, height=64, width=64, choice=EngineChoice("openvino", strict=True), cache_dir=tmp_path)


@pytest.mark.parametrize(("machine", "flags"), [("aarch64", "asimddp"), ("x86_64", "sse4_2 avx")])
def test_a_processor_on_which_it_may_be_slower_takes_floats(
    machine: str, flags: str, gallery: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(ready_int8, "cpu_flags", lambda: flags)
    assert tried(gallery, EngineChoice()) == list(probe("openvino").precisions)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "within"])
def test_one_that_cannot_be_read_is_passed_over(
    damage: str, gallery: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wide in (True, False):
        content = bytearray(ready_int8.ready_place(wide=wide).read_bytes())
        if damage == "within":  # of what is compressed
            content[1000:1400] = bytes(400)
        if damage != "gone":
            (tmp_path / ready_int8.ready_place(wide=wide).name).write_bytes(
                {"empty": b"", "cut": bytes(content[:9000]), "within": bytes(content)}[damage]
            )
    monkeypatch.setattr(ready_int8, "FOLDER", tmp_path)
    floats = list(probe("openvino").precisions)
    assert tried(gallery, EngineChoice()) in (floats, ["int8+", *floats])
    for spec in specs(gallery, EngineChoice()):
        if spec.ready:
            with pytest.raises(EngineRefused, match="cannot be read"):
                ready_net(spec)


def test_it_is_restored_as_it_was_chosen(gallery: StyleFile, tmp_path: Path) -> None:
    """By `auto` again, as a live run does after a child has built it."""
    choice, told = EngineChoice("openvino"), list[str]()
    made = load_engine(gallery, height=64, width=64, choice=choice, cache_dir=tmp_path, report=told.append)
    again = restore_engine(gallery, height=64, width=64, choice=choice, cache_dir=tmp_path, report=told.append)
    assert again is not None
    assert again.spec == made.spec
    assert convolves_in_integers(again)
    for engine in (made, again):
        engine.close()


def test_a_backend_that_tells_nothing_has_none() -> None:
    assert BackendState("x", True).ready == {}
