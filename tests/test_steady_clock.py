"""Times that never run back."""

from fractions import Fraction

from realtime.media.steady_clock import SteadyClock

MS = Fraction(1, 1000)


def steadied(times: list[int], clock: SteadyClock) -> list[int]:
    return [time + clock.shift_for(time, 40) for time in times]


def test_rising_times_stay_as_they_are() -> None:
    clock = SteadyClock(MS)
    assert steadied([-5, 0, 1, 9000, 9001], clock) == [-5, 0, 1, 9000, 9001]
    assert (clock.nudged, clock.jumps) == (0, 0)


def test_doubled_and_late_times_move_on_by_a_tick() -> None:
    clock = SteadyClock(MS)
    assert steadied([0, 40, 40, 30, 80], clock) == [0, 40, 41, 42, 80]
    assert (clock.nudged, clock.jumps) == (2, 0)


def test_a_jump_back_goes_on_from_there() -> None:
    clock = SteadyClock(MS)
    assert steadied([1000, 1040, 0, 40, 80], clock) == [1000, 1040, 1080, 1120, 1160]
    assert steadied([3_600_000, 0, 40], clock) == [3_601_080, 3_601_120, 3_601_160]
    assert (clock.nudged, clock.jumps) == (0, 2)
