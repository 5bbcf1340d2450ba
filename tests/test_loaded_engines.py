"""Engines that have been loaded: handed out again, few kept, and closed where they fail or nobody wants them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import CopyingEngine
from opened_loaders import await_engine, await_result, opened_loaders
from small_styles import write_small_style

from engines.style.styles import StyleFile
from realtime.painting import engine_loader
from realtime.painting.engine_loader import EngineLoader, EngineWanted, LoadFailed


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture
def open_loader() -> Iterator[Callable[[Path], EngineLoader]]:
    with opened_loaders(lambda line: None) as open_one:
        yield open_one


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> list[CopyingEngine]:
    """Engines that copy take the place of restored ones; this is the list of those that were made."""
    made: list[CopyingEngine] = []

    def restore(file: StyleFile, *, height: int, width: int, **_: Any) -> CopyingEngine:
        made.append(CopyingEngine(size=(width, height)))
        return made[-1]

    monkeypatch.setattr(engine_loader, "restore_engine", restore)
    return made


def test_any_error_of_a_runtime_is_a_line(
    style: StyleFile,
    tmp_path: Path,
    open_loader: Callable[[Path], EngineLoader],
    monkeypatch: pytest.MonkeyPatch,
    copying: list[CopyingEngine],
) -> None:
    def fail(engine: object, file: StyleFile) -> None:
        raise RuntimeError("first line\nout of memory")

    monkeypatch.setattr(engine_loader, "_warm_up", fail)
    loader = open_loader(tmp_path)
    loader.ask(EngineWanted(style, 24, 32))
    failed = await_result(loader)
    assert isinstance(failed, LoadFailed)
    assert failed.message == "RuntimeError: out of memory"
    assert copying[0].closed


def test_an_engine_that_came_back_is_handed_out_again(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], copying: list[CopyingEngine]
) -> None:
    loader = open_loader(tmp_path)
    loader.ask(EngineWanted(style, 24, 32))
    loader.give_back(await_engine(loader))
    loader.ask(EngineWanted(style, 24, 32))
    assert await_engine(loader).engine is copying[0]
    assert not copying[0].closed


def test_few_engines_are_kept_and_the_oldest_is_closed(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], copying: list[CopyingEngine]
) -> None:
    loader = open_loader(tmp_path)
    for height in (16, 24, 32, 40):
        loader.ask(EngineWanted(style, height, 32))
        loader.give_back(await_engine(loader))
    loader.ask(EngineWanted(style, 48, 32))  # what is surplus is closed before the next wish is begun
    await_engine(loader)
    assert [engine.closed for engine in copying] == [True, True, False, False, False]


def test_an_engine_too_large_to_keep_is_closed(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], copying: list[CopyingEngine]
) -> None:
    loader = open_loader(tmp_path)
    loader.ask(EngineWanted(style, 1440, 2560))
    loader.give_back(await_engine(loader))
    loader.ask(EngineWanted(style, 24, 32))
    await_engine(loader)
    assert copying[0].closed


def test_closing_closes_what_nobody_took_and_what_comes_back_later(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], copying: list[CopyingEngine]
) -> None:
    loader = open_loader(tmp_path)
    loader.ask(EngineWanted(style, 24, 32))
    first = await_engine(loader)
    loader.ask(EngineWanted(style, 32, 32))
    loader.give_back(await_engine(loader))
    loader.ask(EngineWanted(style, 40, 32))
    loader.close()
    loader.give_back(first)
    assert all(engine.closed for engine in copying)
    loader.ask(EngineWanted(style, 24, 32))
    assert loader.take() is None


def test_what_was_ready_for_an_older_wish_is_not_handed_out(
    style: StyleFile, tmp_path: Path, open_loader: Callable[[Path], EngineLoader], copying: list[CopyingEngine]
) -> None:
    loader = open_loader(tmp_path)
    for height in (24, 32, 24, 32, 40):
        loader.ask(EngineWanted(style, height, 32))
    assert await_engine(loader).wanted.height == 40
    assert loader.take() is None
