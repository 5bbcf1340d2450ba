"""An engine for a range of sizes paints while the one for the size in use is built, and makes way for it."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from fakes import painting_threads
from foreign_backends import ADJUSTABLE, add_backend
from small_styles import random_frame, write_small_style

from engines.loading.engine import Controls, Engine, EngineChoice, load_engine
from engines.loading.range_engine import restore_range_engine
from engines.spec import EngineSpec, SizeRange
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame
from realtime.painting import engine_loader
from realtime.painting.engine_loader import EngineLoader, EngineWanted, LoadedEngine
from realtime.painting.gliding import Look
from realtime.painting.painter import LivePainter, Painting

ADJUSTED = EngineChoice("adjustable")
RANGE = SizeRange((32, 32), (96, 96))
Found = TypeVar("Found")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture(scope="module")
def built(style: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with an engine for a range of sizes."""
    folder = tmp_path_factory.mktemp("built")
    add_backend(folder, "adjustable", ADJUSTABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        choice = replace(ADJUSTED, size_range=RANGE)
        load_engine(style, height=48, width=64, choice=choice, cache_dir=folder / "cache").close()
    return folder / "cache"


@pytest.fixture
def cache(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for this test alone. An engine for a single size is built when `release` says so."""
    add_backend(tmp_path, "adjustable", ADJUSTABLE)
    monkeypatch.syspath_prepend(tmp_path)
    os.mkfifo(tmp_path / "hold")
    monkeypatch.setenv("ADJUSTABLE_HOLD", str(tmp_path / "hold"))
    return shutil.copytree(built, tmp_path / "cache")


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def loader(cache: Path, lines: list[str]) -> Iterator[EngineLoader]:
    opened = EngineLoader(lines.append, cache_dir=cache)
    yield opened
    opened.close()
    await_what(lambda: not painting_threads())


def release(cache: Path, word: str = "build") -> None:
    """Waits until a build has begun, and lets it go on."""
    (cache.parent / "hold").write_text(word)


def await_what(look: Callable[[], Found | None]) -> Found:
    """What comes of looking again and again. Children build at a low priority, which other tests may starve."""
    deadline = time.monotonic() + 240
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came for four minutes"
        time.sleep(0.02)
    return found


def await_engine(loader: EngineLoader) -> LoadedEngine:
    found = await_what(loader.take)
    assert isinstance(found, LoadedEngine), found
    return found


def painted_shape(painting: Painting) -> tuple[int, ...]:
    assert painting.painted is not None
    return painting.painted.pixels.shape


def is_closed(engine: Engine, style: StyleFile) -> bool:
    try:
        engine(random_frame(engine.spec.height, engine.spec.width), Controls(style.vector("night")))
    except ValueError as error:
        return "closed" in str(error)
    return False


def test_the_range_is_named_with_the_engine(style: StyleFile, cache: Path) -> None:
    lines: list[str] = []
    choice = replace(ADJUSTED, size_range=RANGE)
    load_engine(style, height=40, width=56, choice=choice, cache_dir=cache, report=lines.append).close()
    assert any(line.partition(";")[0].endswith("56x40 in the range 32x32-96x96") for line in lines)


def test_it_paints_until_the_other_is_ready(style: StyleFile, cache: Path, loader: EngineLoader) -> None:
    loader.ask(EngineWanted(style, 32, 96, ADJUSTED))
    meanwhile = await_engine(loader)
    assert (meanwhile.engine.spec.size_range, meanwhile.meanwhile) == (RANGE, True)
    assert meanwhile.engine(random_frame(32, 96), Controls(style.vector("night"))).shape == (32, 96, 3)
    assert loader.take() is None
    release(cache)
    final = await_engine(loader)
    assert (final.engine.spec.size_range, final.meanwhile) == (None, False)
    assert (final.engine.spec.width, final.engine.spec.height) == (96, 32)
    loader.give_back(meanwhile)
    loader.give_back(final)
    loader.ask(EngineWanted(style, 32, 96, ADJUSTED))
    assert await_engine(loader) is final
    final.engine.close()


def test_it_is_not_asked_where_the_other_is_there(style: StyleFile, cache: Path, loader: EngineLoader) -> None:
    with pytest.MonkeyPatch.context() as at_once:
        at_once.delenv("ADJUSTABLE_HOLD")
        load_engine(style, height=32, width=96, choice=ADJUSTED, cache_dir=cache).close()
    loader.ask(EngineWanted(style, 32, 96, ADJUSTED))
    loaded = await_engine(loader)
    assert (loaded.engine.spec.size_range, loaded.meanwhile) == (None, False)
    loaded.engine.close()


def test_it_stays_where_the_other_cannot_be_built(
    style: StyleFile, cache: Path, loader: EngineLoader, lines: list[str]
) -> None:
    loader.ask(EngineWanted(style, 32, 96, replace(ADJUSTED, strict=True)))
    meanwhile = await_engine(loader)
    release(cache, "refuse")
    told = await_what(lambda: [line for line in lines if "stays in use" in line])
    assert told == ["the engine for many sizes stays in use: adjustable 1.0 fp16 on card 0, 96x32 is not wanted"]
    assert loader.take() is None
    assert not is_closed(meanwhile.engine, style)
    loader.give_back(meanwhile)
    loader.ask(EngineWanted(style, 40, 96, ADJUSTED))  # what came back is closed before the next wish is begun
    other = await_engine(loader)
    assert is_closed(meanwhile.engine, style)
    other.engine.close()


@pytest.mark.parametrize("end", ["ready", "closed"])
def test_it_is_closed_where_nobody_took_it(
    style: StyleFile, cache: Path, loader: EngineLoader, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    made: list[Engine] = []
    monkeypatch.setattr(engine_loader, "_warm_up", lambda engine, file: made.append(engine))
    loader.ask(EngineWanted(style, 32, 96, ADJUSTED))
    await_what(lambda: made)
    if end == "ready":
        release(cache)
        await_what(lambda: len(made) == 2)
    loader.close()
    await_what(lambda: all(is_closed(engine, style) for engine in made))


@pytest.mark.parametrize(
    ("size", "choice"),
    [
        ((128, 48), ADJUSTED),
        ((64, 48), EngineChoice("onnxruntime")),
        ((64, 48), replace(ADJUSTED, precision="fp32")),
        ((64, 48), replace(ADJUSTED, requests=2)),
        ((64, 48), replace(ADJUSTED, threads=1)),
    ],
    ids=["size", "backend", "precision", "requests", "threads"],
)
def test_one_that_does_not_fit_is_not_taken(
    style: StyleFile, cache: Path, size: tuple[int, int], choice: EngineChoice
) -> None:
    width, height = size
    assert restore_range_engine(style, height=height, width=width, choice=choice, cache_dir=cache) is None


def test_one_of_another_driver_is_not_taken(style: StyleFile, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = restore_range_engine(style, height=64, width=64, cache_dir=cache)
    assert found is not None
    found.close()
    monkeypatch.setenv("ADJUSTABLE_DRIVER", "driver 580.2")
    assert restore_range_engine(style, height=64, width=64, cache_dir=cache) is None


def test_one_of_a_backend_that_was_removed_is_not_taken(
    style: StyleFile, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = (cache.parent / "adjustable-1.0.dist-info").rename(cache.parent / "removed")
    monkeypatch.syspath_prepend(removed)  # packages are looked for anew only where the path has changed
    assert restore_range_engine(style, height=50, width=70, cache_dir=cache) is None


def test_a_cache_that_cannot_be_read_has_none(style: StyleFile, tmp_path: Path) -> None:
    folder = tmp_path / "loop"
    folder.symlink_to(folder)
    assert restore_range_engine(style, height=50, width=70, cache_dir=folder) is None


def test_the_painter_changes_to_the_other_between_two_frames(
    style: StyleFile, cache: Path, loader: EngineLoader, lines: list[str]
) -> None:
    painter = LivePainter(loader, lines.append, ADJUSTED, fade_seconds=0)
    look, pixels = Look(style, style.vector("night")), random_frame(96, 96)

    def size_range() -> SizeRange | None:
        painter.aim(look, (96, 32))
        painting = painter(Frame(pixels, 0.0, 0.0))
        return painting.spec.size_range if painting.spec else None

    assert await_what(size_range) == RANGE
    assert painter.settled
    release(cache)
    await_what(lambda: size_range() is None)
    assert painter.settled
    assert painted_shape(painter(Frame(pixels, 0.0, 0.0))) == (32, 96, 3)
    painter.close()


def test_the_painter_asks_again_for_the_other_after_a_wish_that_came_between(
    style: StyleFile, loader: EngineLoader, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = LivePainter(loader, lines.append, ADJUSTED, fade_seconds=0)
    look, pixels = Look(style, style.vector("night")), random_frame(96, 96)

    def paint(size: tuple[int, int]) -> EngineSpec | None:
        painter.aim(look, size)
        return painter(Frame(pixels, 0.0, 0.0)).spec

    await_what(lambda: paint((96, 32)))
    paint((96, 64))  # which ends the build for 96x32
    monkeypatch.delenv("ADJUSTABLE_HOLD")
    await_what(lambda: (spec := paint((96, 32))) is not None and spec.size_range is None)
    assert painted_shape(painter(Frame(pixels, 0.0, 0.0))) == (32, 96, 3)
    painter.close()
