"""What a style is learnt on and judged by: photos, and the views that join them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from trainers.settings.style_options import StyleOptions
from trainers.style_views import MOST_PHOTO_PX, StyleViews

JUDGED = StyleOptions(pictures=(Path("a.png"),), out=Path("mine.onnx"), size=64, stroke=0.25, batch=2).judged({})
GREEN, RED = (20, 200, 20), (200, 20, 20)


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((72, 96, 3), colour, np.uint8)


def photos(count: int) -> list[Image.Image]:
    return [Image.fromarray(plain(GREEN))] * count


def is_red(crops: Tensor) -> bool:
    red, green, _ = crops.mean(dim=(0, 2, 3))
    return bool(red > green)


def crops(views: StyleViews, step: int) -> Tensor:
    return views.of_step(step, np.random.default_rng(step))


class Stream:
    """Gives what was put into it."""

    def __init__(self, *views: np.ndarray) -> None:
        self.waiting = list(views)

    def __call__(self) -> list[np.ndarray]:
        found, self.waiting = self.waiting, []
        return found


@pytest.mark.parametrize(
    ("count", "held_back", "learnt_from"), [(9, 2, 7), (4, 1, 3), (3, 3, 3), (1, 1, 1), (27, 4, 23)]
)
def test_photos_that_are_held_back_are_not_learnt_from(count: int, held_back: int, learnt_from: int) -> None:
    numbered = [Image.fromarray(plain((number, 0, 0))) for number in range(count)]
    views = StyleViews(numbered, JUDGED)
    assert len(views.held_back) == held_back
    assert len(views._photos) == learnt_from
    assert views.held_back[0].shape == (1, 3, 64, 64)


def test_without_views_that_join_all_steps_are_on_photos() -> None:
    views = StyleViews(photos(9), JUDGED)
    assert crops(views, 0).shape == (2, 3, 64, 64)
    assert not any(is_red(crops(views, step)) for step in range(4))


def test_the_step_decides_the_crops() -> None:
    first, second = (StyleViews(photos(9), JUDGED, Stream(plain(RED))) for _ in range(2))
    for step in range(4):
        assert bool((crops(first, step) == crops(second, step)).all())


def test_half_of_the_steps_are_on_views_that_joined_however_few() -> None:
    stream = Stream()
    views = StyleViews(photos(9), JUDGED, stream)
    assert not is_red(crops(views, 1))
    stream.waiting.append(plain(RED))
    assert [is_red(crops(views, step)) for step in range(2, 8)] == [False, True] * 3
    assert views.joined == 1


def test_what_judges_holds_one_view_of_the_beginning_and_never_changes() -> None:
    stream = Stream(plain(RED), plain(RED))
    views = StyleViews(photos(9), JUDGED, stream)
    assert [is_red(view) for view in views.held_back] == [False, False, True]
    before = [view.clone() for view in views.held_back]
    stream.waiting.append(plain(RED))
    crops(views, 1)
    assert views.joined == 3
    assert all(bool((now == then).all()) for now, then in zip(views.held_back, before, strict=True))


def test_the_only_view_is_learnt_on_though_it_judges() -> None:
    views = StyleViews(photos(9), JUDGED, Stream(plain(RED)))
    assert is_red(views.held_back[-1])
    assert is_red(crops(views, 1))


def test_large_views_are_reduced() -> None:
    views = StyleViews(photos(4), JUDGED, Stream(np.zeros((1080, 1920, 3), np.uint8)))
    assert max(views._joined[0].size) == MOST_PHOTO_PX
