"""The live painter: looks glide, engines change in the background, and no frame is lost or jumps."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fakes import CopyingEngine, painting_threads
from small_styles import random_frame, write_small_style

from engines.engine import Controls, EngineChoice, load_engine
from engines.style import StyleFile
from realtime.frame import Pixels
from realtime.live.engine_loader import EngineLoader, EngineWanted, LoadedEngine, LoadFailed
from realtime.live.painter import LivePainter, Look, Painting

SIZE = (32, 24)
SECONDS = 0.625
FRAME = 0.0625
GREY = np.full((24, 32, 3), 100, np.uint8)


class RecordingEngine(CopyingEngine):
    """Paints one brightness and remembers what it was asked for; at strength 0 it copies."""

    def __init__(self, size: tuple[int, int], brightness: int) -> None:
        super().__init__(size=size)
        self.seen: list[Controls] = []
        self._brightness = brightness

    def __call__(self, frame: Pixels, controls: Controls) -> Pixels:
        assert not self.closed
        assert frame.shape == (self.spec.height, self.spec.width, 3)
        self.seen.append(controls)
        change = controls.strength * (self._brightness - frame.astype(np.float32))
        return np.rint(frame + change).astype(np.uint8)


@dataclass
class LoaderByHand:
    """What was asked for is handed out when the test says so."""

    asked: list[EngineWanted] = field(default_factory=list)
    ready: list[LoadedEngine | LoadFailed] = field(default_factory=list)
    returned: list[LoadedEngine] = field(default_factory=list)

    def ask(self, wanted: EngineWanted) -> None:
        self.asked.append(wanted)

    def take(self) -> LoadedEngine | LoadFailed | None:
        return self.ready.pop(0) if self.ready else None

    def give_back(self, loaded: LoadedEngine) -> None:
        self.returned.append(loaded)

    def finish(self, brightness: int = 200) -> RecordingEngine:
        """The engine that was asked for last."""
        wanted = self.asked[-1]
        engine = RecordingEngine((wanted.width, wanted.height), brightness)
        self.ready.append(LoadedEngine(wanted, engine))
        return engine

    def fail(self, message: str = "no engine can run this here") -> None:
        self.ready.append(LoadFailed(self.asked[-1], message))


@dataclass
class Stage:
    """A painter with a clock that the test moves on, a frame at a time."""

    fade_seconds: float = SECONDS
    loader: LoaderByHand = field(default_factory=LoaderByHand)
    lines: list[str] = field(default_factory=list)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.painter = LivePainter(
            self.loader, self.lines.append, clock=lambda: self.now, fade_seconds=self.fade_seconds
        )

    def paint(self, look: Look, size: tuple[int, int] = SIZE, pixels: Pixels = GREY) -> Painting:
        self.painter.aim(look, size)
        painting = self.painter(pixels)
        self.now += FRAME
        return painting

    def paint_for(self, seconds: float, look: Look, size: tuple[int, int] = SIZE) -> list[Painting]:
        return [self.paint(look, size) for _ in range(round(seconds / FRAME))]

    def start(self, look: Look, brightness: int = 200) -> RecordingEngine:
        """The engine for the look is there and faded in."""
        self.paint(look)
        engine = self.loader.finish(brightness)
        self.paint_for(1.0, look)
        engine.seen.clear()
        return engine


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[StyleFile, StyleFile, StyleFile]:
    folder = tmp_path_factory.mktemp("styles")
    first, second, third = (write_small_style(folder / f"{seed}.onnx", seed=seed) for seed in range(3))
    return first, second, third


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
def third(files: tuple[StyleFile, ...]) -> Look:
    return Look(files[2], files[2].vector("waves"))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def brightness(paintings: list[Painting]) -> list[int]:
    return [int(painting.pixels[0, 0, 0]) for painting in paintings]


def steps(numbers: list[int]) -> list[int]:
    return [abs(after - before) for before, after in pairwise(numbers)]


def test_until_an_engine_is_there_the_picture_is_plain_at_the_wanted_size(stage: Stage, waves: Look) -> None:
    wide = random_frame(48, 64)
    plain = stage.paint(waves, SIZE, wide)
    assert plain.spec is None
    assert plain.pixels.shape == (24, 32, 3)
    assert np.abs(plain.pixels.astype(int) - wide.reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))).max() <= 1
    assert [(wanted.width, wanted.height) for wanted in stage.loader.asked] == [SIZE]


def test_the_first_engine_fades_in_from_the_plain_picture(stage: Stage, waves: Look) -> None:
    stage.paint(waves)
    engine = stage.loader.finish(200)
    shown = brightness(stage.paint_for(0.8, waves))
    assert shown[0] == 100
    assert shown == sorted(shown)
    assert shown[-1] == 200
    assert max(steps(shown)) < 22
    assert engine.seen[-1].strength == 1
    assert all(np.array_equal(controls.style, waves.vector) for controls in engine.seen)


def test_a_style_of_the_same_file_is_faded_to_without_a_reload(stage: Stage, waves: Look, night: Look) -> None:
    engine = stage.start(waves)
    frames = stage.paint_for(0.8, night)
    assert len(engine.seen) == len(frames)
    assert len(stage.loader.asked) == 1
    share = [float(np.dot(c.style - waves.vector, night.vector - waves.vector)) for c in engine.seen]
    assert share == sorted(share)
    assert np.array_equal(engine.seen[0].style, waves.vector)
    assert np.array_equal(engine.seen[-1].style, night.vector)


def test_strength_and_keep_colour_glide_too_and_stay_within_bounds(stage: Stage, waves: Look) -> None:
    engine = stage.start(waves)
    for look in (
        Look(waves.file, waves.vector, 0.0, 1.0),
        Look(waves.file, waves.vector, 1.0, 0.0),
        Look(waves.file, waves.vector, 0.3, 0.2),
    ):
        stage.paint_for(0.25, look)
    stage.paint_for(0.8, look)
    assert max(abs(a.strength - b.strength) for a, b in pairwise(engine.seen)) < 0.25
    assert engine.seen[-1].strength == pytest.approx(0.3)
    assert engine.seen[-1].keep_colour == pytest.approx(0.2)


def test_another_size_of_the_same_file_takes_over_at_once(stage: Stage, waves: Look) -> None:
    small = stage.start(waves)
    assert [painting.spec for painting in stage.paint_for(0.25, waves, (64, 48))] == [small.spec] * 4
    large = stage.loader.finish(200)
    painting = stage.paint(waves, (64, 48))
    assert painting.spec == large.spec
    assert painting.pixels.shape == (48, 64, 3)
    assert large.seen[0].strength == 1
    assert [loaded.engine for loaded in stage.loader.returned] == [small]
    assert len(stage.loader.asked) == 2


def test_another_file_is_faded_to_with_both_at_work(stage: Stage, waves: Look, other: Look) -> None:
    first = stage.start(waves, brightness=50)
    assert brightness(stage.paint_for(0.5, other)) == [50] * 8
    second = stage.loader.finish(200)
    shown = brightness(stage.paint_for(0.8, other))
    assert shown[0] == 50
    assert shown == sorted(shown)
    assert shown[-1] == 200
    assert max(steps(shown)) < 30
    assert len(second.seen) == 13
    assert len(first.seen) == 8 + SECONDS / FRAME
    assert all(np.array_equal(controls.style, waves.vector) for controls in first.seen)
    assert all(np.array_equal(controls.style, other.vector) for controls in second.seen)
    assert [loaded.engine for loaded in stage.loader.returned] == [first]


def test_engines_of_two_sizes_are_blended_at_the_larger_one(stage: Stage, waves: Look, other: Look) -> None:
    stage.start(waves)
    stage.paint(other, (16, 16))
    stage.loader.finish()
    sizes = {painting.pixels.shape for painting in stage.paint_for(0.5, other, (16, 16))}
    assert sizes == {(24, 32, 3)}
    assert stage.paint_for(0.3, other, (16, 16))[-1].pixels.shape == (16, 16, 3)


def test_going_back_in_mid_fade_turns_it_round(stage: Stage, waves: Look, other: Look) -> None:
    first = stage.start(waves, brightness=50)
    stage.paint(other)
    second = stage.loader.finish(200)
    shown = brightness(stage.paint_for(0.3, other)) + brightness(stage.paint_for(0.6, waves))
    assert max(shown) > 100
    assert max(steps(shown)) < 30
    assert shown[-1] == 50
    assert len(stage.loader.asked) == 2
    assert [loaded.engine for loaded in stage.loader.returned] == [second]
    assert not first.closed


def test_a_third_file_waits_for_the_end_of_the_fade(stage: Stage, waves: Look, other: Look, third: Look) -> None:
    stage.start(waves, brightness=50)
    stage.paint(other)
    stage.loader.finish(200)
    shown = brightness(stage.paint_for(0.2, other))
    stage.paint(third)
    stage.loader.finish(20)
    shown += brightness(stage.paint_for(1.6, third))
    assert max(steps(shown)) < 40
    assert max(shown) == 200
    assert shown[-1] == 20
    assert len(stage.loader.returned) == 2


def test_strength_goes_on_gliding_while_another_file_is_loaded(stage: Stage, waves: Look, other: Look) -> None:
    first = stage.start(waves)
    stage.paint_for(0.8, Look(other.file, other.vector, strength=0.5))
    assert first.seen[-1].strength == 0.5
    assert np.array_equal(first.seen[-1].style, waves.vector)


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


def test_without_a_fade_all_changes_are_cuts(waves: Look, other: Look) -> None:
    stage = Stage(fade_seconds=0.0)
    stage.paint(waves)
    stage.loader.finish(200)
    assert brightness([stage.paint(waves)]) == [200]
    stage.paint(other)
    stage.loader.finish(50)
    assert brightness(stage.paint_for(0.1, other)) == [50, 50]


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


def test_closing_does_not_wait_for_a_frame_in_the_net(stage: Stage, waves: Look) -> None:
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


def test_times_are_taken_of_the_net_and_of_the_scaling(waves: Look) -> None:
    ticks = iter(range(1000))
    loader = LoaderByHand()
    painter = LivePainter(loader, print, clock=lambda: float(next(ticks)))
    painter.aim(waves, SIZE)
    assert painter(random_frame(48, 64)).scale_seconds == 1
    loader.finish()
    painter.aim(waves, SIZE)
    painting = painter(random_frame(48, 64))
    assert (painting.net_seconds, painting.scale_seconds) == (1, 1)
    assert painter(GREY).scale_seconds == 0


@pytest.fixture
def real_loader(tmp_path: Path) -> Iterator[EngineLoader]:
    loader = EngineLoader(lambda line: None, cache_dir=tmp_path)
    yield loader
    loader.close()
    assert not painting_threads()


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
            paintings.append(painter(frame))
            pixels = paintings[-1].pixels
            same = pixels.shape[:2] == size[::-1] if expected is None else np.array_equal(pixels, expected)
            arrived = arrived + 1 if same and paintings[-1].spec is not None else 0
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
