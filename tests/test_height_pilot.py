"""The height follows what was measured, and a person's wish comes first."""

from fractions import Fraction

import pytest

from engines.spec import EngineSpec
from realtime.live.height.controller import Goals
from realtime.live.height.pilot import HeightPilot, PaintSize, goals_for
from realtime.live.stats import LiveStats
from realtime.painting.painter import Painting


class Studio:
    """A painter that needs `cost_seconds` for a picture of 360 lines and as much less for fewer; time is a number."""

    def __init__(
        self,
        cost_seconds: float,
        goals: Goals,
        source_size: tuple[int, int] = (1280, 720),
        least_height: int = 144,
        stroke: float = 1.0,
    ) -> None:
        self.now = self.begun = 100.0
        self.captured = 0
        self.cost_seconds = cost_seconds
        self.stats = LiveStats(lambda: self.now)
        self.source_size = source_size
        self.size = PaintSize(stroke)
        self.lines: list[str] = []
        around = (self.size, self.stats, self.lines.append)
        self.pilot = HeightPilot(goals, source_size, *around, least_height=least_height)

    @property
    def height(self) -> int:
        """What is painted at, as the picture asks for it."""
        return self.size.for_source(*self.source_size)[1]

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            cost = self.cost_seconds * (self.height / 360) ** 2
            self.now += max(cost, 1 / 30)
            while self.captured < 30 * (self.now - self.begun):
                self.captured += 1
                self.stats.captured()
            self.stats.stage("net", cost)
            self.stats.painted()
            self.pilot.turn(self.painting(), False, self.now)

    def painting(self) -> Painting:
        width, height = self.size.for_source(*self.source_size)
        return Painting(None, EngineSpec("copy", "fp32", height, width, "CPU", "1", 1))


def test_a_slow_machine_paints_fewer_lines_and_says_why() -> None:
    studio = Studio(0.080, Goals(target_fps=24))
    studio.run(5)
    assert 144 <= studio.height <= 240
    assert "too slow for 24 fps" in studio.lines[0]


def test_it_goes_no_lower_than_it_may() -> None:
    studio = Studio(0.500, Goals(target_fps=24), least_height=240)
    studio.run(20)
    assert studio.height == 240
    assert "the fewest there are" in studio.lines[-1]


@pytest.mark.parametrize(("stroke", "height"), [(0.5, 720), (1.0, 360), (2.0, 180), (4.0, 88)])
def test_a_fast_machine_paints_what_the_stroke_asks_for(stroke: float, height: int) -> None:
    """And no more lines, which would be finer strokes."""
    studio = Studio(0.004, Goals(target_fps=24), stroke=stroke)
    studio.run(20)
    assert studio.height == height
    assert not studio.lines


def test_what_was_lowered_is_raised_once_there_is_time() -> None:
    studio = Studio(0.080, Goals(target_fps=24))
    studio.run(5)
    assert studio.height < 360
    studio.cost_seconds = 0.004
    studio.run(30)
    assert studio.height == 360


def test_another_stroke_begins_anew() -> None:
    """What was too slow is not known of the new strokes, and is tried again with the old ones."""
    studio = Studio(0.080, Goals(target_fps=24))
    studio.run(5)
    lowered = studio.height
    studio.size.stroke = 0.5
    studio.run(0.5)
    assert studio.height == 720
    studio.run(10)
    assert studio.height <= lowered
    studio.size.stroke = 4.0
    studio.run(1)
    assert studio.height == 88
    studio.size.stroke = 1.0
    studio.run(0.3)
    assert studio.height == 360


def test_a_source_that_comes_back_in_another_shape_begins_anew() -> None:
    """A phone that was turned: its picture is painted at the full size for that shape, where the machine can."""
    studio = Studio(0.004, Goals(target_fps=24))
    studio.run(5)
    assert studio.height == 360
    studio.source_size = (720, 1280)
    studio.run(0.5)
    assert studio.size.for_source(720, 1280) == (360, 640)
    assert studio.size.height == 640
    studio.cost_seconds = 0.080
    studio.run(5)
    assert studio.height < 640
    studio.source_size, studio.cost_seconds = (1280, 720), 0.004
    studio.run(0.5)
    assert studio.height == 360
    assert studio.size.height == 360


def test_larger_strokes_than_the_least_height_are_a_persons_wish() -> None:
    studio = Studio(0.500, Goals(target_fps=24), least_height=240, stroke=4.0)
    studio.run(10)
    assert studio.height == 88


def test_a_height_without_an_engine_is_left_out() -> None:
    studio = Studio(0.004, Goals(target_fps=24), stroke=0.5)
    painting = Painting(None, EngineSpec("copy", "fp32", 360, 640, "CPU", "1", 1))
    assert studio.height == 720
    for _ in range(3):
        studio.now += 1
        studio.pilot.turn(painting, True, studio.now)
    assert studio.height == 360


def test_a_style_without_an_engine_is_not_the_heights_fault() -> None:
    studio = Studio(0.030, Goals(target_fps=24), stroke=0.5)  # 360 lines are in time, and 432 are not
    studio.pilot.turn(studio.painting(), True, studio.now)
    assert studio.height == 720
    studio.run(20)
    assert studio.height == 360


@pytest.mark.parametrize("source_size", [(360, 202), (640, 350), (1080, 1920), (96, 64)], ids=str)
def test_sources_of_any_size_are_measured_at_the_height_they_are_painted_at(source_size: tuple[int, int]) -> None:
    """Otherwise the one that is set would be waited for for ever."""
    studio = Studio(0.0, Goals(target_fps=24), source_size, least_height=16)
    studio.cost_seconds = 0.100 * (360 / studio.height) ** 2
    whole = studio.height
    studio.run(10)
    assert studio.height < whole or "the fewest there are" in studio.lines[-1]


@pytest.mark.parametrize(
    ("wishes", "goals"),
    [
        ((None, None, None), Goals(24.0)),
        ((0.0, None, None), None),
        ((0.0, 80.0, None), Goals(None, 80.0)),
        ((30.0, None, None), Goals(30.0)),
        ((None, 80.0, None), Goals(None, 80.0)),
        ((30.0, None, Fraction(15)), Goals(15.0)),
        ((0.0, None, Fraction(15)), None),
        ((None, None, Fraction(15)), Goals(15.0)),
    ],
)
def test_what_a_run_keeps_to(wishes: tuple[float | None, float | None, Fraction | None], goals: Goals | None) -> None:
    assert goals_for(*wishes) == goals
