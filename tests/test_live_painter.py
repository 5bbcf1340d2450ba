"""The live painter: looks glide, engines fade into each other, and no frame jumps."""

from itertools import pairwise

import numpy as np
import pytest
from painter_stage import FRAME, GREY, SECONDS, SIZE, LoaderByHand, Stage, brightness, write_three_files
from small_styles import random_frame

from engines.style.styles import StyleFile
from realtime.frames.frame import Frame
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
def third(files: tuple[StyleFile, ...]) -> Look:
    return Look(files[2], files[2].vector("waves"))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def steps(numbers: list[int]) -> list[int]:
    return [abs(after - before) for before, after in pairwise(numbers)]


def strengths(paintings: list[Painting]) -> list[float]:
    """How much of the painting each of them is to be joined with."""
    return [painting.painted.controls.strength for painting in paintings if painting.painted is not None]


def test_until_an_engine_is_there_nothing_is_painted(stage: Stage, waves: Look) -> None:
    plain = stage.paint(waves, SIZE, random_frame(48, 64))
    assert plain.painted is None
    assert plain.spec is None
    assert [(wanted.width, wanted.height) for wanted in stage.loader.asked] == [SIZE]


def test_the_first_engine_fades_in_from_the_plain_picture(stage: Stage, waves: Look) -> None:
    stage.paint(waves)
    engine = stage.loader.finish(200)
    paintings = stage.paint_for(0.8, waves)
    shown = brightness(paintings)
    assert shown[0] == 100
    assert shown == sorted(shown)
    assert shown[-1] == 200
    assert max(steps(shown)) < 22
    assert strengths(paintings)[-1] == 1
    assert all(np.array_equal(controls.style, waves.vector) for controls in engine.seen)


def test_the_net_paints_a_small_copy_at_full_strength(stage: Stage, waves: Look) -> None:
    """Strength and kept colours are for the picture at full size."""
    engine = stage.start(waves)
    wide = random_frame(48, 64)
    look = Look(waves.file, waves.vector, 0.3, 0.8)
    stage.paint_for(0.8, look)
    painted = stage.paint(look, SIZE, wide).painted
    assert painted is not None
    assert {(controls.strength, controls.keep_colour) for controls in engine.seen} == {(1.0, 0.0)}
    assert (painted.controls.strength, painted.controls.keep_colour) == pytest.approx((0.3, 0.8))
    assert painted.frame.data is wide
    assert painted.pixels.shape == painted.small.shape == (24, 32, 3)
    assert np.abs(painted.small.astype(int) - wide.reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))).max() <= 1


def test_nothing_is_painted_that_would_not_be_seen(stage: Stage, waves: Look) -> None:
    engine = stage.start(waves)
    none = Look(waves.file, waves.vector, strength=0.0)
    stage.paint_for(0.8, none)
    engine.seen.clear()
    assert brightness(stage.paint_for(0.5, none)) == [100] * 8
    assert not engine.seen


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
    stage.start(waves)
    paintings: list[Painting] = []
    for look in (
        Look(waves.file, waves.vector, 0.0, 1.0),
        Look(waves.file, waves.vector, 1.0, 0.0),
        Look(waves.file, waves.vector, 0.3, 0.2),
    ):
        paintings += stage.paint_for(0.25, look)
    paintings += stage.paint_for(0.8, look)
    found = strengths(paintings)
    assert max(abs(a - b) for a, b in pairwise(found)) < 0.25
    assert found[-1] == pytest.approx(0.3)
    assert all(0 <= each <= 1 for each in found)
    assert paintings[-1].painted is not None
    assert paintings[-1].painted.controls.keep_colour == pytest.approx(0.2)


def test_another_size_of_the_same_file_takes_over_at_once(stage: Stage, waves: Look) -> None:
    small = stage.start(waves)
    assert [painting.spec for painting in stage.paint_for(0.25, waves, (64, 48))] == [small.spec] * 4
    large = stage.loader.finish(200)
    painting = stage.paint(waves, (64, 48))
    assert painting.spec == large.spec
    assert painting.net == waves.file.path.name
    assert painting.painted is not None
    assert painting.painted.pixels.shape == (48, 64, 3)
    assert painting.painted.controls.strength == 1
    assert len(large.seen) == 1
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
    fading = [each.painted for each in stage.paint_for(0.5, other, (16, 16)) if each.painted is not None]
    assert {each.pixels.shape for each in fading} == {(24, 32, 3)}
    assert {each.small.shape for each in fading} == {(24, 32, 3)}
    alone = stage.paint_for(0.3, other, (16, 16))[-1].painted
    assert alone is not None
    assert alone.pixels.shape == alone.small.shape == (16, 16, 3)


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
    paintings = stage.paint_for(0.8, Look(other.file, other.vector, strength=0.5))
    assert strengths(paintings)[-1] == 0.5
    assert brightness(paintings)[-1] == 150
    assert np.array_equal(first.seen[-1].style, waves.vector)


def test_without_a_fade_all_changes_are_cuts(waves: Look, other: Look) -> None:
    stage = Stage(fade_seconds=0.0)
    stage.paint(waves)
    stage.loader.finish(200)
    assert brightness([stage.paint(waves)]) == [200]
    stage.paint(other)
    stage.loader.finish(50)
    assert brightness(stage.paint_for(0.1, other)) == [50, 50]


def test_times_are_taken_of_the_net_and_of_the_scaling(waves: Look) -> None:
    ticks = iter(range(1000))
    loader = LoaderByHand()
    painter = LivePainter(loader, print, clock=lambda: float(next(ticks)))
    painter.aim(waves, SIZE)
    assert painter(Frame(random_frame(48, 64), 0.0, 0.0)).scale_seconds == 0
    loader.finish()
    painter.aim(waves, SIZE)
    painting = painter(Frame(random_frame(48, 64), 0.0, 0.0))
    assert (painting.net_seconds, painting.scale_seconds) == (1, 1)
    fitting = painter(Frame(GREY, 0.0, 0.0)).painted
    assert fitting is not None
    assert fitting.small is GREY
