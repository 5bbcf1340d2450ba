"""One film looks alike at every size: painted at 360, 720 and 1080 lines, and seen at 360."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from clips import psnr_db
from fakes import CopyingEngine
from joined_pictures import in_oils, landscape
from unchecked import open_unchecked

from engines.loading.engine import Controls, Engine
from realtime.frames.frame import Frame, Pixels
from realtime.media.colour.small_copy import small_copy
from realtime.painting.full_size.painting_size import painting_size
from realtime.painting.picture_style import resolve
from realtime.painting.stylizer import Stylizer

SEEN = (640, 360)
SIZES = [(640, 360), (1280, 720), (1920, 1080)]


def seen(stylizer: Stylizer, size: tuple[int, int], seed: int) -> Pixels:
    """A frame of the film at this size, painted, and looked at from where it has 360 lines."""
    painted = stylizer(Frame(landscape(size, seed), 0.0, 0.0))
    assert painted.size == size
    return small_copy(painted.data, SEEN)


def in_oils_at(size: tuple[int, int], stroke: float = 1.0) -> Stylizer:
    engine = CopyingEngine(paint=in_oils, size=painting_size(size, stroke))
    return Stylizer(engine, Controls(np.zeros(1, np.float32)))


@pytest.mark.parametrize("stroke", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(2))
def test_strokes_are_as_large_at_every_size(seed: int, stroke: float) -> None:
    pictures = [seen(in_oils_at(size, stroke), size, seed) for size in SIZES]
    assert min(psnr_db(one, other) for one, other in combinations(pictures, 2)) > 40


def test_another_stroke_looks_otherwise() -> None:
    """Or the figure above would say nothing."""
    fine, broad = (seen(in_oils_at(SIZES[1], stroke), SIZES[1], 0) for stroke in (1.0, 2.0))
    assert psnr_db(fine, broad) < 32


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The net of both styles, at the size that every size is painted at."""
    assert {painting_size(size) for size in SIZES} == {SEEN}
    engine = open_unchecked(resolve("udnie")[0], SEEN, tmp_path_factory.mktemp("aids"))
    yield engine
    engine.close()


@pytest.mark.parametrize("style", ["udnie", "the_scream"])
def test_a_style_of_the_gallery_looks_alike_at_every_size(style: str, gallery: Engine) -> None:
    file, name = resolve(style)
    stylizer = Stylizer(gallery, Controls(file.vector(name)))
    pictures = [seen(stylizer, size, 0) for size in SIZES]
    found = min(psnr_db(one, other) for one, other in combinations(pictures, 2))
    assert found > 40
