import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from realtime.sound.clock import SoundClock

BLOCK = 0.02


def run(
    seconds: float, late: Callable[[float], float] = lambda position: 0.0, speed: float = 1.0, start: float = 100.0
) -> Iterator[tuple[float, float]]:
    """The error of each block's time, in seconds, by its position, where blocks arrive `late` seconds late."""
    clock = SoundClock()
    for number in range(round(seconds / BLOCK)):
        position = number * BLOCK
        truth = start + position * speed
        clock.hear(position, truth + late(position))
        yield position, clock.time_of(position) - truth


def test_a_perfect_device_is_followed_exactly() -> None:
    assert max(abs(error) for _, error in run(20)) < 1e-9


def test_jitter_of_the_scheduler_hardly_moves_the_times() -> None:
    dice = random.Random(1)
    errors = [error for position, error in run(60, lambda position: dice.uniform(0, 0.02)) if position > 10]
    assert max(errors) - min(errors) < 0.003
    assert 0.008 < sum(errors) / len(errors) < 0.012  # the mean lateness is no jitter, and cannot be known


def test_times_rise_evenly_in_spite_of_jitter() -> None:
    dice = random.Random(2)
    errors = [error for position, error in run(60, lambda position: dice.uniform(0, 0.02)) if position > 10]
    assert max(abs(one - other) for one, other in pairwise(errors)) < 0.0005


def test_a_late_first_block_is_forgiven() -> None:
    errors = dict(run(20, lambda position: 0.08 if position == 0 else 0.0))
    assert abs(errors[max(errors)]) < 0.003


@pytest.mark.parametrize("speed", [1 - 300e-6, 1 + 300e-6])
def test_a_sound_card_of_another_speed_is_followed_for_an_hour(speed: float) -> None:
    dice = random.Random(3)
    errors = [abs(error) for position, error in run(3600, lambda position: dice.uniform(-0.003, 0.003), speed)]
    assert max(errors) < 0.006


def test_a_stall_whose_samples_come_late_changes_nothing_for_long() -> None:
    """Half a second nothing, then all at once: none of it was lost."""
    errors = dict(run(40, lambda position: max(0.0, 20.5 - position) if position >= 20 else 0.0))
    assert max(abs(error) for error in errors.values()) < 0.03
    assert abs(errors[max(errors)]) < 0.002


def test_lost_samples_move_the_times_once() -> None:
    errors = dict(run(40, lambda position: 0.5 if position >= 20 else 0.0))
    assert abs(errors[max(errors)] - 0.5) < 0.001
    jumps = [one for one, other in pairwise(errors.values()) if other - one > 0.1]
    assert len(jumps) == 1


def test_the_place_of_a_later_sample_is_told_ahead() -> None:
    clock = SoundClock()
    clock.hear(0.0, 5.0)
    assert clock.time_of(0.25) == pytest.approx(5.25)
