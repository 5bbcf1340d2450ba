"""Fades against their formulas: right at both ends, no jump anywhere."""

import numpy as np
import pytest
from numpy.typing import NDArray
from small_styles import random_frame

from realtime.painting.cross_fade import Fade, Glide, blend_pictures, blend_vectors, resting, smoothstep

SECONDS = 0.6


def vector(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


def path(glide: Glide, times: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.stack([glide.at(time) for time in times])


def test_a_fade_runs_from_0_to_1_and_stays_there() -> None:
    fade = Fade(10.0, SECONDS)
    assert [fade.at(time) for time in (0.0, 10.0, 10.3, 10.6, 99.0)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert not fade.over(10.59)
    assert fade.over(10.61)


def test_a_fade_without_duration_is_a_cut() -> None:
    assert Fade(10.0, 0.0).at(10.0) == 1
    assert Fade(10.0, 0.0).over(10.0)


def test_smoothstep_has_no_slope_at_its_ends() -> None:
    assert (smoothstep(0), smoothstep(0.5), smoothstep(1)) == (0, 0.5, 1)
    assert smoothstep(1e-4) < 1e-7
    assert 1 - smoothstep(1 - 1e-4) < 1e-7


@pytest.mark.parametrize("now", [10.0, 10.1, 10.37, 10.6, 12.0])
def test_a_fade_that_turns_back_starts_where_it_is(now: float) -> None:
    fade = Fade(10.0, SECONDS)
    back = fade.turned_back(now)
    assert back.at(now) == pytest.approx(1 - fade.at(now))
    assert back.at(now + SECONDS) == pytest.approx(1)
    assert back.turned_back(now).at(now) == pytest.approx(fade.at(now))


def test_a_glide_from_rest_is_a_smoothstep() -> None:
    glide = resting(vector(1, -2), SECONDS).towards(vector(3, 5), 10.0)
    for time in np.linspace(9.9, 10.8, 19):
        expected = blend_vectors(vector(1, -2), vector(3, 5), glide.fade.at(time))
        assert glide.at(time) == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(glide.at(10.6), vector(3, 5))
    assert glide.at(10.3).dtype == np.float32


def test_a_new_target_in_mid_way_makes_no_jump_in_value_or_speed() -> None:
    step = 0.001
    times = np.arange(10.0, 11.0, step)
    turned_at = 10.25
    first = resting(vector(0), SECONDS).towards(vector(1), 10.0)
    second = first.towards(vector(-1), turned_at)
    before, after = times[times < turned_at], times[times >= turned_at]
    values = np.concatenate([path(first, before), path(second, after)])[:, 0]
    speeds = np.diff(values) / step
    assert np.abs(np.diff(values)).max() < 6 * step
    assert np.abs(np.diff(speeds)).max() < 0.2
    assert values[-1] == -1


def test_a_target_that_moves_with_every_frame_is_followed() -> None:
    """A control that is turned steadily: the value must not wait for the hand to rest."""
    glide = resting(vector(0), SECONDS)
    frame = 1 / 30
    for number in range(60):
        glide = glide.towards(vector(number * frame), number * frame)
    assert 0.7 < 59 * frame - glide.at(59 * frame)[0] + 0.5 < 1.0
    assert glide.at(59 * frame + SECONDS)[0] == pytest.approx(59 * frame)


def test_a_glide_without_duration_is_there_at_once() -> None:
    assert resting(vector(0), 0.0).towards(vector(4), 10.0).at(10.0) == vector(4)


def test_vectors_are_exact_at_both_ends() -> None:
    a, b = vector(0.1, 1e-7), vector(1e6, 3)
    assert np.array_equal(blend_vectors(a, b, 0), a)
    assert np.array_equal(blend_vectors(a, b, 1), b)
    assert blend_vectors(a, b, 0.25).dtype == np.float32


def test_pictures_are_exact_at_both_ends() -> None:
    a, b = random_frame(9, 7), random_frame(9, 7, seed=1)
    assert blend_pictures(a, b, 0) is a
    assert blend_pictures(a, b, 1) is b
    assert np.array_equal(blend_pictures(a, b, 1e-9), a)
    assert np.array_equal(blend_pictures(a, b, 1 - 1e-9), b)


@pytest.mark.parametrize("t", [0.01, 0.3, 0.5, 0.77, 0.999])
def test_pictures_blend_to_the_nearest_number(t: float) -> None:
    a, b = random_frame(33, 47), random_frame(33, 47, seed=1)
    kept = a.copy(), b.copy()
    exact = (1 - t) * a.astype(np.float64) + t * b.astype(np.float64)
    assert np.abs(blend_pictures(a, b, t) - exact).max() <= 0.5 + 1e-4
    assert np.array_equal(a, kept[0])
    assert np.array_equal(b, kept[1])


def test_equal_pictures_stay_as_they_are() -> None:
    a = random_frame(16, 16)
    for t in np.linspace(0, 1, 41):
        assert np.array_equal(blend_pictures(a, a.copy(), float(t)), a)
