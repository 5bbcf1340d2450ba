"""The demo: a film and a contact sheet, from the scene and from a clip."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from fakes import CopyingEngine
from small_styles import write_small_style

from engines.errors import ImpastoError
from realtime.commands.demo import DEFAULTS, DemoOptions, StyleTour, find_styles, run_demo
from realtime.media.clip import Clip
from realtime.sinks.file import FileSink
from realtime.sources.pattern import PatternSource

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> DemoOptions:
    style = write_small_style(tmp_path_factory.mktemp("demo") / "small.onnx", names=("waves", "night", "cliff"))
    return DemoOptions(width=96, height=64, frames=12, film_styles=2, style=str(style.path))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "engines"))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames of the scene as a video file, 120x80."""
    path = tmp_path / "clip.mp4"
    source = PatternSource(120, 80, frames=12)
    sink = FileSink(path, Clip(size=(120, 80), time_base=Fraction(1, 30), frame_rate=Fraction(30)))
    for frame in iter(source.read, None):
        sink.write(frame)
    sink.close()
    return path


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_file_in_the_place_of_its_folder_is_named(options: DemoOptions, tmp_path: Path) -> None:
    (taken := tmp_path / "demo").write_text("mine")
    with pytest.raises(ImpastoError, match=r"--out .*demo is a file and no folder; name a folder$"):
        run_demo(None, taken, options, report=lambda line: None)


def test_the_scene_becomes_a_film_and_a_sheet(options: DemoOptions, tmp_path: Path) -> None:
    lines: list[str] = []
    counts: list[tuple[int, int | None]] = []
    done = run_demo(None, tmp_path / "demo", options, report=lines.append, progress=lambda *count: counts.append(count))
    assert frames_in(tmp_path / "demo" / "impasto_demo.mp4") == 12
    sheet = cv2.imread(str(tmp_path / "demo" / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] > 3 * 384
    assert done.styles == ("waves", "night", "cliff")
    assert counts[-1] == (12, 12)
    assert any(line.startswith("engine: ") for line in lines)
    for said in (
        "impasto_demo.mp4",
        "contact_sheet.png",
        "12 frames of 96x64",
        "frames a second",
        "waves, night, cliff",
    ):
        assert said in done.summary()


def test_a_clip_is_painted_in_its_place(options: DemoOptions, clip: Path, tmp_path: Path) -> None:
    done = run_demo(clip, tmp_path / "demo", replace(options, height=40))
    assert done.film.size == (60, 40)
    assert frames_in(done.film.output) == 12
    assert done.sheet is not None
    assert done.sheet.exists()


def test_a_small_clip_keeps_its_size(options: DemoOptions, clip: Path, tmp_path: Path) -> None:
    assert run_demo(clip, tmp_path, replace(options, height=360)).film.size == (120, 80)


def test_a_demo_that_is_stopped_leaves_out_the_sheet(options: DemoOptions, tmp_path: Path) -> None:
    stop = threading.Event()
    done = run_demo(None, tmp_path, replace(options, frames=400), progress=lambda *_: stop.set(), stop=stop)
    assert done.film.interrupted
    assert done.sheet is None
    assert 1 <= frames_in(done.film.output) < 400
    assert "sheet" not in done.summary()


def test_a_clip_that_is_not_there_is_told(options: DemoOptions, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
        run_demo(tmp_path / "nowhere.mp4", tmp_path, options)


def test_an_empty_gallery_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.commands.demo.list_gallery", list)
    with pytest.raises(ImpastoError, match=r"empty.*--style"):
        find_styles(DEFAULTS)


def test_it_runs_as_a_module(options: DemoOptions, clip: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "realtime.commands.demo",
        str(clip),
        "--out",
        "made",
        "--style",
        str(options.style),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "made/impasto_demo.mp4" in done.stdout
    assert (tmp_path / "made" / "contact_sheet.png").exists()
    command[3] = "nowhere.mp4"
    failed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("impasto: ")
    assert len(failed.stderr.splitlines()) == 1


def tour(count: int = 3, seconds: float = 3.0) -> StyleTour:
    return StyleTour(CopyingEngine(), list(np.eye(count, dtype=np.float32)), seconds)


@pytest.mark.parametrize(
    ("seconds", "style"),
    [(0.0, (1, 0, 0)), (0.6, (1, 0, 0)), (0.85, (0.5, 0.5, 0)), (1.0, (0, 1, 0)), (2.5, (0, 0, 1)), (99.0, (0, 0, 1))],
)
def test_a_tour_holds_each_style_and_melts_into_the_next(seconds: float, style: tuple[float, ...]) -> None:
    np.testing.assert_allclose(tour().style_at(seconds), style, atol=1e-6)


def test_a_tour_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 styles"):
        tour(0)
