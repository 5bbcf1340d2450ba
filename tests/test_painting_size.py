"""At which size a picture is painted, and at which it is shown."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as some

from realtime.painting.full_size.painting_size import (
    LEAST_PX,
    LEAST_STROKE,
    LINES,
    MOST_STROKE,
    MULTIPLE_PX,
    painting_size,
    size_at,
    size_at_height,
)

sides = some.integers(64, 8192)
strokes = some.floats(LEAST_STROKE, MOST_STROKE)


@pytest.mark.parametrize(
    ("size", "stroke", "wanted"),
    [
        ((640, 360), 1.0, (640, 360)),
        ((1280, 720), 1.0, (640, 360)),
        ((1920, 1080), 1.0, (640, 360)),
        ((3840, 2160), 1.0, (640, 360)),
        ((1080, 1920), 1.0, (360, 640)),
        ((1920, 800), 1.0, (864, 360)),
        ((640, 480), 1.0, (480, 360)),
        ((1280, 720), 0.5, (1280, 720)),
        ((3840, 2160), 0.5, (1280, 720)),
        ((1280, 720), 2.0, (320, 180)),
        ((1280, 720), 4.0, (160, 88)),
        ((640, 360), 0.5, (1280, 720)),
        ((320, 240), 1.0, (320, 240)),
        ((321, 243), 1.0, (321, 243)),
        ((320, 240), 2.0, (160, 120)),
        ((64, 48), 4.0, (44, 32)),
        ((16, 16), 1.0, (16, 16)),
    ],
)  # fmt: skip
def test_known_sizes(size: tuple[int, int], stroke: float, wanted: tuple[int, int]) -> None:
    assert painting_size(size, stroke) == wanted


@given(width=sides, height=sides, stroke=strokes)
def test_the_shorter_side_has_the_lines_that_the_stroke_asks_for(width: int, height: int, stroke: float) -> None:
    lines = min(LINES, width, height) / stroke
    found = painting_size((width, height), stroke)
    assert min(found) == pytest.approx(max(lines, LEAST_PX), abs=MULTIPLE_PX / 2 + 1e-9)


@given(width=sides, height=sides, stroke=strokes)
@example(width=609, height=609, stroke=4.0)  # half way between two steps, but for the last bit of a product
def test_the_shape_is_the_pictures(width: int, height: int, stroke: float) -> None:
    """To half a step on either side, where no side is too short."""
    assume(min(LINES, width, height) / stroke >= LEAST_PX)
    found = painting_size((width, height), stroke)
    scale = min(LINES, width, height) / stroke / min(width, height)
    assert found == pytest.approx((width * scale, height * scale), abs=MULTIPLE_PX / 2 + 1e-9)


@given(width=sides, height=sides, stroke=strokes)
def test_nets_take_the_size_without_padding(width: int, height: int, stroke: float) -> None:
    found = painting_size((width, height), stroke)
    assert found == (width, height) or all(side % MULTIPLE_PX == 0 and side >= LEAST_PX for side in found)


@given(width=sides, height=sides, stroke=strokes)
def test_a_picture_on_its_side_is_painted_on_its_side(width: int, height: int, stroke: float) -> None:
    assert painting_size((height, width), stroke) == painting_size((width, height), stroke)[::-1]


@given(height=some.integers(361, 4320), stroke=strokes)
@example(height=2529, stroke=4.0)  # half way between two steps, where the last bit of a product decides
def test_a_film_is_painted_at_one_size_whatever_it_was_scaled_to(height: int, stroke: float) -> None:
    """But for how its width was rounded."""
    film = (round(height * 16 / 9), height)
    wide, high = painting_size(film, stroke)
    known = painting_size((1280, 720), stroke)
    assert high == known[1]
    assert abs(wide - known[0]) <= MULTIPLE_PX


def test_the_length_that_a_side_has_changes_nothing() -> None:
    assert size_at((33, 17), 17, 17.0) == (33, 17)


@pytest.mark.parametrize(
    ("height", "wanted"),
    [(None, (1920, 1080)), (1080, (1920, 1080)), (720, (1280, 720)), (361, (642, 361)), (2160, (3840, 2160))],
)
def test_the_size_that_is_shown_is_the_one_that_was_asked_for(height: int | None, wanted: tuple[int, int]) -> None:
    assert size_at_height((1920, 1080), height) == wanted


@given(width=sides, height=sides, asked=some.integers(16, 4320))
def test_a_shown_width_is_even(width: int, height: int, asked: int) -> None:
    assume(asked != height)
    shown = size_at_height((width, height), asked)
    assert shown[1] == asked
    assert shown[0] % 2 == 0
    assert abs(shown[0] - max(2, width * asked / height)) <= 1
