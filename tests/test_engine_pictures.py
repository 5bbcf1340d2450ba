"""The bundled pictures of the engines: made by the script, two sets without anything in common, fitted to any size."""

import hashlib
import itertools
import tracemalloc
from pathlib import Path

import cv2
import make_engine_pictures
import numpy as np
import pytest

from engines.backends.calibration import CALIBRATION
from engines.errors import ImpastoError
from engines.gate.golden import GOLDEN
from engines.pictures import PictureSet, read_picture

SETS = {"golden": GOLDEN, "calibration": CALIBRATION}
EVERY = [pytest.param(one, name, id=f"{kind} {name}") for kind, one in SETS.items() for name in one.names]
TOGETHER_BYTES = 400_000
# Other pictures judge otherwise. Who changes one raises CACHE_FORMAT in engines/cache/fields.py, so that the engines
# that are kept are built and checked anew, and writes down here what the message says.
DIGEST = ""


def test_the_files_are_what_the_script_makes() -> None:
    made = dict(make_engine_pictures.pictures())
    for path, drawn in made.items():
        data = np.frombuffer(make_engine_pictures.encoded(path, drawn), np.uint8)
        again, found = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), read_picture(path)
        assert found.shape == drawn.shape, path
        assert np.abs(found.astype(float) - again).mean() < 0.5, path
    assert set(made) == {path for one in SETS.values() for path in one.folder.iterdir()}


def test_there_are_eight_of_each_and_they_are_small() -> None:
    assert [len(one.files) for one in SETS.values()] == [8, 8]
    assert sum(path.stat().st_size for one in SETS.values() for path in one.folder.iterdir()) < TOGETHER_BYTES


def test_the_engines_that_are_kept_were_judged_by_these() -> None:
    content = hashlib.sha256()
    for one, name in itertools.product(SETS.values(), ("golden", "calibration")):
        del name
        for each in one.names:
            content.update(read_picture(one.path(each)).tobytes())
    assert content.hexdigest()[:16] == DIGEST


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two pictures' brightness, -1 to 1."""
    return float(np.corrcoef(one.mean(axis=-1).ravel(), other.mean(axis=-1).ravel())[0, 1])


def test_no_picture_of_one_set_is_like_one_of_the_other() -> None:
    """However it is turned: of one and the same scene at two moments half the pixels are alike."""
    for golden, other in itertools.product(GOLDEN.names, CALIBRATION.names):
        one, picture = GOLDEN.frame(golden, 90, 160), CALIBRATION.frame(other, 90, 160)
        for turned in (picture, picture[:, ::-1], picture[::-1], picture[::-1, ::-1]):
            assert likeness(one, turned) < 0.6, (golden, other)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (200, 16), (400, 640)], ids=str)
@pytest.mark.parametrize(("one", "name"), EVERY)
def test_they_fit_every_size(one: PictureSet, name: str, size: tuple[int, int]) -> None:
    frame = one.frame(name, *size)
    assert frame.shape == (*size, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 1
    assert np.array_equal(frame, one.frame(name, *size))
