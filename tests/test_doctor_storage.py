"""What `impasto doctor` says of the engine cache and of the styles on disk."""

import math
import os
from pathlib import Path

import pytest

import engines.style.styles
from engines.backends.registry import probe
from engines.cache.aids import write_aid
from engines.cache.entry import Origin
from engines.cache.fields import cache_fields
from engines.cache.folder import CacheEntry, EngineCache, default_cache_folder
from engines.spec import EngineSpec, GateCheck, GateReport
from engines.style.file import read_style_file
from realtime.doctor.finding import State
from realtime.doctor.subjects import storage as gallery
from realtime.doctor.subjects.storage import look_at_cache, look_at_cached_engines

CHECKS = (
    GateCheck("picture", "waves", 360, 640, 1.0, 0.0, 61.2, 2),
    GateCheck("dark", "night", 360, 640, 1.0, 0.0, math.inf, 0),
    GateCheck("picture", "night", 360, 640, 0.8, 0.3, 57.4, 3),
)
PASSED = GateReport("the reference", 57.4, 50.0, True, 3, checks=CHECKS)
REFUSED = GateReport("the reference", 12.0, 38.0, False, 1, "the dark frame came out black")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    return default_cache_folder()


def store(style: Path, gate: GateReport, *, width: int = 640, version: str = "") -> None:
    """An engine of this machine's OpenVINO, or of another version of it."""
    state = probe("openvino")
    spec = EngineSpec("openvino", "fp32", 360, width, "CPU", version or state.version)
    fields = cache_fields(read_style_file(style), state, spec)
    EngineCache(default_cache_folder()).store(fields, CacheEntry(b"compiled", gate, Origin("gallery")))


def test_a_cache_that_is_not_there_yet_is_no_fault(folder: Path) -> None:
    found = look_at_cache()
    assert found[0].text == f"{folder}, not made yet"
    assert State.NO not in [finding.state for finding in found]


@pytest.mark.usefixtures("folder")
def test_every_engine_of_this_machine_is_told_with_its_figures(small_style: Path) -> None:
    store(small_style, PASSED)
    store(small_style, PASSED, width=320, version="2020.1")
    (finding,) = look_at_cached_engines("openvino", print)
    assert finding.subject == "openvino fp32"
    assert finding.text == "640x360, gallery: 57.4 dB where 50 is the least (picture 57, dark equal)"
    assert [check["psnr_db"] for check in finding.facts["gate"]["checks"]] == [61.2, None, 57.4]
    assert look_at_cached_engines("onnxruntime", print) == []
    assert look_at_cache()[0].facts["engines"] == 2


def test_what_backends_keep_is_counted(folder: Path) -> None:
    write_aid(folder / "aids" / "int8" / "some.npz", bytes(3 * 2**20))
    found = look_at_cache()[0]
    assert found.text.endswith("0 engines, 0.0 MiB, and 3.0 MiB for faster builds")
    assert found.facts["aids_mib"] == 3.0


@pytest.mark.usefixtures("folder")
def test_an_engine_that_the_gate_refused_is_a_fault(small_style: Path) -> None:
    store(small_style, REFUSED)
    (finding,) = look_at_cached_engines("openvino", print)
    assert finding.state is State.NO
    assert finding.text.endswith("12.0 dB where 38 is the least; refused: the dark frame came out black")
    assert finding.remedy


def test_what_this_user_did_not_write_is_a_fault(folder: Path, small_style: Path) -> None:
    store(small_style, PASSED)
    (folder / "0123.engine").write_bytes(b"from elsewhere")
    faults = [finding for finding in look_at_cache() if finding.state is State.NO]
    assert [finding.subject for finding in faults] == ["files"]
    assert "0123.engine" in faults[0].text
    assert faults[0].facts["refused"] == 1


def test_a_folder_that_others_may_read_is_a_fault(folder: Path, small_style: Path) -> None:
    if not hasattr(os, "getuid"):
        pytest.skip("Windows has other means")
    store(small_style, PASSED)
    folder.chmod(0o755)
    access = next(finding for finding in look_at_cache() if finding.subject == "access")
    assert (access.state, access.remedy) == (State.NO, f"chmod 700 {folder}")
    folder.chmod(0o700)
    access = next(finding for finding in look_at_cache() if finding.subject == "access")
    assert access.state is State.YES


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "file"))
    access = next(finding for finding in look_at_cache() if finding.subject == "access")
    assert access.state is State.NO
    assert "IMPASTO_CACHE_DIR" in access.remedy


def test_the_gallery_is_read_and_a_damaged_file_told(
    tmp_path: Path, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_small.onnx").write_bytes(small_style.read_bytes())
    (tmp_path / "broken.onnx").write_bytes(small_style.read_bytes()[:-100])
    monkeypatch.setattr(engines.style.styles, "GALLERY_FOLDER", tmp_path)
    found = {finding.state: finding for finding in gallery.look_at_gallery()}
    assert set(found[State.YES].facts["styles"]) == {"waves", "night"}
    assert found[State.NO].subject == "broken"
    assert found[State.NO].remedy == "install impasto again, in its folder: pip install --force-reinstall --no-deps ."


def test_an_empty_gallery_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.style.styles, "GALLERY_FOLDER", tmp_path)
    (finding,) = gallery.look_at_gallery()
    assert finding.state is State.NO
