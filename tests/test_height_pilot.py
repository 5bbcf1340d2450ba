"""The height follows what was measured, and a person's wish comes first."""

from fractions import Fraction

import numpy as np
import pytest

from engines.spec import EngineSpec
from realtime.live.height.controller import Goals
from realtime.live.height.paint_size import PaintSize
from realtime.live.height.pilot import HeightPilot, goals_for
from realtime.live.stats import LiveStats
from realtime.painting.painter import Painting


class Studio:
    """A painter that needs `cost_seconds` for a picture of 360 lines and as much less for fewer; time is a number."""

    def __init__(self, cost_seconds: float, goals: Goals, height: int = 360, least_height: int = 144) -> None:
        self.now = self.begun = 100.0
        self.captured = 0
        self.cost_seconds = cost_seconds
        self.stats = LiveStats(lambda: self.now)
        self.size = PaintSize(height)
        self.lines: list[str] = []
        self.pilot = HeightPilot(goals, 720, self.size, self.stats, self.lines.append, least_height=least_height)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            cost = self.cost_seconds * (self.size.height / 360) ** 2
            self.now += max(cost, 1 / 30)
            while self.captured < 30 * (self.now - self.begun):
                self.captured += 1
                self.stats.captured()
            self.stats.stage("net", cost)
            self.stats.painted()
            self.pilot.turn(self.painting(), False, self.now)

    def painting(self) -> Painting:
        height = self.size.height
        spec = EngineSpec("copy", "fp32", height, height * 16 // 9, "CPU", "1", 1)
        return Painting(np.zeros((1, 1, 3), np.uint8), spec, 0.0, 0.0)


def test_a_slow_machine_paints_fewer_lines_and_says_why() -> None:
    studio = Studio(0.080, Goals(target_fps=24))
    studio.run(5)
    assert 144 <= studio.size.height <= 240
    assert "too slow for 24 fps" in studio.lines[0]


def test_it_goes_no_lower_than_it_may() -> None:
    studio = Studio(0.500, Goals(target_fps=24), least_height=240)
    studio.run(20)
    assert studio.size.height == 240
    assert "the fewest there are" in studio.lines[-1]


def test_a_fast_machine_paints_more_lines() -> None:
    studio = Studio(0.004, Goals(target_fps=24))
    studio.run(20)
    assert studio.size.height == 720


def test_a_height_without_an_engine_is_left_out() -> None:
    studio = Studio(0.004, Goals(target_fps=24))
    painting = studio.painting()
    studio.size.height = 432
    for _ in range(3):
        studio.now += 1
        studio.pilot.turn(painting, True, studio.now)
    assert studio.size.height == 360


def test_a_style_without_an_engine_is_not_the_heights_fault() -> None:
    studio = Studio(0.030, Goals(target_fps=24))  # 360 lines are in time, and 432 are not
    studio.pilot.turn(studio.painting(), True, studio.now)
    studio.size.height = 720
    studio.run(20)
    assert studio.size.height == 360


def test_a_height_above_the_sources_is_the_sources() -> None:
    """Otherwise the one that is set would be waited for for ever."""
    studio = Studio(0.080, Goals(target_fps=24), height=1080)
    assert studio.size.height == 720
    studio.run(10)
    assert studio.size.height < 360


@pytest.mark.parametrize(
    ("wishes", "goals"),
    [
        ((None, None, None, None), Goals(24.0)),
        ((None, None, 480, None), None),
        ((30.0, None, 480, None), Goals(30.0)),
        ((None, 80.0, None, None), Goals(None, 80.0)),
        ((30.0, None, None, Fraction(15)), Goals(15.0)),
    ],
)
def test_what_a_run_keeps_to(
    wishes: tuple[float | None, float | None, int | None, Fraction | None], goals: Goals | None
) -> None:
    assert goals_for(*wishes) == goals
