"""The engines of the live painter: asked for, given back, failing and closed, and real ones that change at work."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fakes import CopyingEngine, painting_threads
from painter_stage import SIZE, LoaderByHand, Stage, brightness, write_three_files
from small_styles import random_frame

from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame, Pixels
from realtime.painting.engine_loader import EngineLoader, LoadedEngine
from realtime.painting.full_size.join import Painted
from realtime.painting.gliding import Look
from realtime.painting.painter import LivePainter, Painting


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[StyleFile, StyleFile, StyleFile]:
    return write_three_files(tmp_path_factory.mktemp("styles"))


@pytest.fixture
def waves(files: tuple[StyleFile, ...]) -> Look:
    return Look(files[0], files[0].vector("waves"))


@pytest.fixture
def night(files: tuple[StyleFile, ...]) -> Look:
    return Look(files[0], files[0].vector("night"))


@pytest.fixture
def other(files: tuple[StyleFile, ...]) -> Look:
    return Look(files[1], files[1].vector("waves"))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_what_is_not_wanted_any_more_goes_back(stage: Stage, waves: Look, other: Look) -> None:
    first = stage.start(waves)
    stage.paint(other)
    stage.paint(waves)
    late = stage.loader.finish()
    assert stage.paint(waves).spec == first.spec
    assert [loaded.engine for loaded in stage.loader.returned] == [late]
    stage.paint(other)
    assert len(stage.loader.asked) == 3


def test_a_failure_is_told_once_and_the_look_stays(stage: Stage, waves: Look, other: Look) -> None:
    first = stage.start(waves, brightness=50)
    stage.paint(other)
    stage.loader.fail("the style is of another time")
    assert brightness(stage.paint_for(0.5, other)) == [50] * 8
    assert stage.lines == ["the style is of another time"]
    assert len(stage.loader.asked) == 2
    assert stage.painter.failed is not None
    assert np.array_equal(first.seen[-1].style, waves.vector)
    stage.paint(waves)
    assert stage.painter.failed is None
    stage.paint(other)
    assert len(stage.loader.asked) == 3


def test_a_failure_at_the_start_can_be_asked_for(stage: Stage, waves: Look) -> None:
    assert stage.painter.failed is None
    stage.paint(waves)
    stage.loader.fail()
    assert stage.paint(waves).spec is None
    assert stage.painter.failed is not None
    assert stage.painter.failed.message == "no engine can run this here"


def test_an_error_of_an_engine_comes_out(stage: Stage, waves: Look) -> None:
    engine = stage.start(waves)
    engine.close()
    with pytest.raises(AssertionError):
        stage.paint(waves)


def test_closing_closes_the_engines_in_use(stage: Stage, waves: Look, other: Look) -> None:
    first = stage.start(waves)
    stage.paint(other)
    second = stage.loader.finish()
    stage.paint(other)
    stage.painter.close()
    stage.painter.close()
    assert first.closed
    assert second.closed


class SlowEngine(CopyingEngine):
    """Keeps its frame until it is let go, and closes no earlier, as a net does."""

    def __init__(self) -> None:
        super().__init__(size=SIZE)
        self.begun, self.go_on, self.done = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, frame: Pixels, controls: Controls) -> Pixels:
        self.begun.set()
        assert self.go_on.wait(60), "closing has waited for the frame"
        self.done.set()
        return frame

    def close(self) -> None:
        assert self.done.wait(60)
        super().close()


def test_closing_does_not_wait_for_a_frame_in_the_net(waves: Look) -> None:
    stage = Stage(fade_seconds=0)
    stage.paint(waves)
    engine = SlowEngine()
    stage.loader.ready.append(LoadedEngine(stage.loader.asked[-1], engine))
    with ThreadPoolExecutor(1) as pool:
        painting = pool.submit(stage.paint, waves)
        assert engine.begun.wait(60)
        stage.painter.close()
        assert not engine.closed
        engine.go_on.set()
        assert painting.result(60).spec == engine.spec
    assert engine.closed


def test_the_engine_is_asked_for_as_it_was_chosen(waves: Look) -> None:
    loader, choice = LoaderByHand(), EngineChoice("openvino", "fp32", True, threads=1)
    painter = LivePainter(loader, print, choice)
    painter.aim(waves, SIZE)
    painter.aim(Look(StyleFile(Path("copy.onnx"), waves.file.data), waves.vector), SIZE)
    assert [wanted.choice for wanted in loader.asked] == [choice]


@pytest.fixture
def real_loader(tmp_path: Path) -> Iterator[EngineLoader]:
    loader = EngineLoader(lambda line: None, cache_dir=tmp_path)
    yield loader
    loader.close()
    assert not painting_threads()


def is_painted(painted: Painted | None, size: tuple[int, int], expected: Pixels | None) -> bool:
    """Whether it is what the engine alone paints at this size, faded in; as expected where that is known."""
    if painted is None or painted.controls.strength < 1 or painted.pixels.shape[:2] != size[::-1]:
        return False
    return expected is None or np.array_equal(painted.pixels, expected)


@pytest.fixture
def paint_until(real_loader: EngineLoader) -> Iterator[Callable[[Look, tuple[int, int]], list[Painting]]]:
    painter = LivePainter(real_loader, print, fade_seconds=0.1)
    frame = random_frame(48, 64)

    def paint(look: Look, size: tuple[int, int]) -> list[Painting]:
        """Frames until three in a row are what the wanted engine alone paints."""
        wanted = load_engine(look.file, height=size[1], width=size[0])
        expected = wanted(frame, Controls(look.vector)) if size == (64, 48) else None
        wanted.close()
        paintings: list[Painting] = []
        deadline = time.monotonic() + 60
        arrived = 0
        while arrived < 3:
            assert time.monotonic() < deadline, "the look did not change for a minute"
            painter.aim(look, size)
            paintings.append(painter(Frame(frame, 0.0, 0.0)))
            arrived = arrived + 1 if is_painted(paintings[-1].painted, size, expected) else 0
            threading.Event().wait(0.005)
        return paintings

    yield paint
    painter.close()


def test_real_files_and_sizes_change_while_frames_run(
    paint_until: Callable[[Look, tuple[int, int]], list[Painting]], waves: Look, other: Look, night: Look
) -> None:
    """With real nets, real children and real time."""
    first = paint_until(waves, (64, 48))
    assert first[0].spec is None
    for look, size in ((other, (64, 48)), (night, (64, 48)), (night, (32, 24)), (waves, (64, 48))):
        assert all(painting.spec is not None for painting in paint_until(look, size))
