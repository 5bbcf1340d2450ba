"""Engines that come in the background: the newest wish wins, what fails is told, and closing leaves nothing."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import painting_threads
from foreign_backends import HangingBuild, is_alive
from opened_loaders import await_engine, await_result, opened_loaders
from small_styles import SMALL, random_frame, write_small_style

from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.networks.transform.seed_texture import seed_tile
from engines.style.styles import StyleFile
from realtime.painting.engine_loader import EngineLoader, EngineWanted, LoadFailed
from realtime.painting.steady import texture

HANGING = EngineChoice(backend="hanging")
FLOATS = EngineChoice("openvino", "fp32")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def filled(style: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the engine for 32x24."""
    folder = tmp_path_factory.mktemp("cache")
    load_engine(style, height=24, width=32, cache_dir=folder).close()
    return folder


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def open_loader(lines: list[str]) -> Iterator[Callable[[Path], EngineLoader]]:
    with opened_loaders(lines.append) as open_one:
        yield open_one


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingBuild]:
    build = HangingBuild(tmp_path, monkeypatch)
    yield build
    build.close()


def test_an_engine_in_the_cache_comes_ready_to_paint(
    style: StyleFile, filled: Path, open_loader: Callable[[Path], EngineLoader], lines: list[str]
) -> None:
    loader = open_loader(filled)
    wanted = EngineWanted(style, 24, 32)
    assert loader.take() is None
    loader.ask(wanted)
    loaded = await_engine(loader)
    assert loaded.wanted is wanted
    assert loader.take() is None
    direct = load_engine(style, height=24, width=32, cache_dir=filled)
    frame, controls = random_frame(24, 32), Controls(style.vector("night"))
    assert np.array_equal(loaded.engine(frame, controls), direct(frame, controls))
    loaded.engine.close()
    direct.close()
    assert not any("preparing" in line for line in lines)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    config = replace(SMALL, seed_amplitude=0.05, textures=("dabs", "curls"))
    return write_small_style(tmp_path_factory.mktemp("seeded") / "seeded.onnx", config=config)


@pytest.fixture(scope="module")
def filled_seeded(seeded: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with its engine for 32x24, for a child takes seconds to build it."""
    folder = tmp_path_factory.mktemp("seeded_cache")
    load_engine(seeded, height=24, width=32, choice=FLOATS, cache_dir=folder).close()
    return folder


def test_the_textures_of_a_net_are_drawn_when_its_engine_is_there(
    seeded: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader]
) -> None:
    """To draw them when the camera first moves would hold the picture up."""
    loader = open_loader(tmp_path)
    seed_tile.cache_clear()
    loader.ask(EngineWanted(seeded, 24, 32, FLOATS))
    await_engine(loader).engine.close()
    deadline = time.monotonic() + 60
    while seed_tile.cache_info().currsize < 2:
        assert time.monotonic() < deadline, "nothing was drawn for a minute"
        threading.Event().wait(0.005)


def test_a_wish_comes_before_textures(
    seeded: StyleFile,
    filled_seeded: Path,
    open_loader: Callable[[Path], EngineLoader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for no more than the one that is being drawn."""
    drawing, may_end, drawn = threading.Event(), threading.Semaphore(0), list[str]()

    def draw(name: str) -> None:
        drawing.set()
        assert may_end.acquire(timeout=60)
        drawn.append(name)

    monkeypatch.setattr(texture, "seed_tile", draw)
    loader, wanted = open_loader(filled_seeded), EngineWanted(seeded, 24, 32, FLOATS)
    loader.ask(wanted)
    loader.give_back(await_engine(loader))
    assert drawing.wait(60)
    loader.ask(wanted)
    may_end.release()
    await_engine(loader).engine.close()
    assert drawn == ["curls"]
    may_end.release(2)


def test_textures_that_cannot_be_told_end_no_thread(
    seeded: StyleFile,
    filled_seeded: Path,
    open_loader: Callable[[Path], EngineLoader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(style: StyleFile) -> None:
        raise RuntimeError("no such family")

    monkeypatch.setattr(texture, "carried_levels", fail)
    loader = open_loader(filled_seeded)
    for _ in range(2):
        loader.ask(EngineWanted(seeded, 24, 32, FLOATS))
        await_engine(loader).engine.close()


@pytest.mark.usefixtures("auto_precision")
def test_what_is_not_in_the_cache_is_built_in_a_child(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], lines: list[str]
) -> None:
    loader = open_loader(tmp_path)
    loader.ask(EngineWanted(style, 16, 48))
    loaded = await_engine(loader)
    assert (loaded.engine.spec.width, loaded.engine.spec.height) == (48, 16)
    loaded.engine.close()
    told = [line.split(":")[0].split()[0] for line in lines]
    assert told[:2] == ["preparing", "engine"]
    assert set(told[2:]) <= {"passed"}  # over, because they cannot run on this machine


@pytest.mark.usefixtures("auto_precision")
def test_without_a_cache_the_engine_is_built_here_and_that_is_told(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], lines: list[str]
) -> None:
    (tmp_path / "file").touch()
    loader = open_loader(tmp_path / "file" / "engines")
    loader.ask(EngineWanted(style, 24, 32))
    await_engine(loader).engine.close()
    assert any("built in this process" in line for line in lines)


def test_the_newest_wish_wins_over_one_that_is_being_built(
    style: StyleFile, filled: Path, open_loader: Callable[[Path], EngineLoader], hanging: HangingBuild
) -> None:
    loader = open_loader(filled)
    loader.ask(EngineWanted(style, 24, 32, HANGING))
    process = hanging.wait_for_start()
    loader.ask(EngineWanted(style, 64, 64, HANGING))
    loader.ask(EngineWanted(style, 24, 32))
    loaded = await_engine(loader)
    loaded.engine.close()
    assert loaded.wanted.choice.backend == "auto"
    assert not is_alive(process)


def test_asking_again_for_what_is_being_built_lets_it_go_on(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], hanging: HangingBuild
) -> None:
    loader = open_loader(tmp_path / "cache")
    loader.ask(EngineWanted(style, 24, 32, HANGING))
    process = hanging.wait_for_start()
    loader.ask(EngineWanted(style, 24, 32, HANGING))
    assert loader.take() is None
    assert is_alive(process)


def test_closing_ends_the_child(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], hanging: HangingBuild
) -> None:
    loader = open_loader(tmp_path / "cache")
    loader.ask(EngineWanted(style, 24, 32, HANGING))
    process = hanging.wait_for_start()
    loader.close()
    loader.close()
    assert not is_alive(process)
    assert not painting_threads()
    assert loader.take() is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ((15, 64, EngineChoice()), "64x15 pixels"),
        ((24, 32, EngineChoice(backend="nosuch")), "there is no engine 'nosuch'"),
        ((24, 32, EngineChoice(backend="onnxruntime", precision="bf16")), "onnxruntime has no bf16"),
    ],
)
def test_what_cannot_be_had_is_a_line_and_the_loader_goes_on(
    style: StyleFile,
    filled: Path,
    open_loader: Callable[[Path], EngineLoader],
    wanted: tuple[int, int, EngineChoice],
    message: str,
) -> None:
    loader = open_loader(filled)
    loader.ask(EngineWanted(style, *wanted))
    failed = await_result(loader)
    assert isinstance(failed, LoadFailed)
    assert message in failed.message
    assert "\n" not in failed.message
    loader.ask(EngineWanted(style, 24, 32))
    await_engine(loader).engine.close()


def test_a_style_file_that_is_gone_is_a_line(tmp_path: Path, open_loader: Callable[[Path], EngineLoader]) -> None:
    style = write_small_style(tmp_path / "gone.onnx")
    style.path.unlink()
    loader = open_loader(tmp_path / "cache")
    loader.ask(EngineWanted(style, 24, 32))
    failed = await_result(loader)
    assert isinstance(failed, LoadFailed)
    assert "there is no style file" in failed.message


HANGING_RESTORE = """
import sys, threading
from engines.style.styles import load_style
from realtime.painting import engine_loader
begun = threading.Event()
def restore(*_, **__):
    begun.set()
    threading.Event().wait()
engine_loader.restore_engine = restore
loader = engine_loader.EngineLoader(print)
loader.ask(engine_loader.EngineWanted(load_style(sys.argv[1]), 24, 32))
begun.wait()
loader.close()
"""


def test_what_cannot_be_interrupted_does_not_hold_up_the_process(style: StyleFile) -> None:
    subprocess.run([sys.executable, "-c", HANGING_RESTORE, str(style.path)], check=True, timeout=60)


def test_engines_are_known_by_the_contents_of_their_file(style: StyleFile, tmp_path: Path) -> None:
    copy = StyleFile(tmp_path / "copy.onnx", style.data)
    other = write_small_style(tmp_path / "other.onnx", seed=1)
    assert EngineWanted(style, 24, 32).key == EngineWanted(copy, 24, 32).key
    assert EngineWanted(style, 24, 32).key != EngineWanted(other, 24, 32).key
    assert EngineWanted(style, 24, 32).key != EngineWanted(style, 32, 24).key
    assert EngineWanted(style, 24, 32).key != EngineWanted(style, 24, 32, HANGING).key
