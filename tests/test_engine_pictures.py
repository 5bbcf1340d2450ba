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
from engines.gate.golden_cases import GOLDEN
from engines.pictures import PictureSet, read_picture

SETS = {"golden": GOLDEN, "calibration": CALIBRATION}
EVERY = [pytest.param(one, name, id=f"{kind} {name}") for kind, one in SETS.items() for name in one.names]
TOGETHER_BYTES = 400_000
# Other pictures judge otherwise. Who changes one raises CACHE_FORMAT in engines/cache/fields.py, so that the engines
# that are kept are built and checked anew, and writes down here what the failure says.
DIGEST = "1fc5c7107658b68d62e41d4fad6ed7d89667123c065c4ad8eb2c1314127de4e4"


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
    content = b"".join(one.path(name).read_bytes() for one in SETS.values() for name in one.names)
    assert hashlib.sha256(content).hexdigest() == DIGEST


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two pictures' brightness, -1 to 1."""
    return float(np.corrcoef(one.mean(axis=-1).ravel(), other.mean(axis=-1).ravel())[0, 1])


def test_no_picture_of_one_set_is_like_one_of_the_other() -> None:
    """Two moments of the scene have a sky and a ground in common, and so one set sees it in a mirror."""
    for golden, other in itertools.product(GOLDEN.names, CALIBRATION.names):
        assert likeness(GOLDEN.frame(golden, 90, 160), CALIBRATION.frame(other, 90, 160)) < 0.6, (golden, other)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (200, 16), (400, 640)], ids=str)
@pytest.mark.parametrize(("one", "name"), EVERY)
def test_they_fit_every_size(one: PictureSet, name: str, size: tuple[int, int]) -> None:
    frame = one.frame(name, *size)
    assert frame.shape == (*size, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 1
    assert np.array_equal(frame, one.frame(name, *size))


@pytest.mark.parametrize("size", [(40, 50), (900, 1300)], ids=str)
@pytest.mark.parametrize("one", SETS.values(), ids=SETS)
def test_noise_is_not_smoothed_away(one: PictureSet, size: tuple[int, int]) -> None:
    """From pixel to pixel a wall differs as much as its file does, and a filmed picture has that noise too."""
    wall, filmed = one.frame(one.wall, *size), one.frame("faces" if one is GOLDEN else "people", *size)
    assert roughness(wall) == pytest.approx(roughness(read_picture(one.path(one.wall))), rel=0.1)
    assert roughness(filmed) > 0.5 * roughness(wall)


def roughness(picture: np.ndarray) -> float:
    """How pixels side by side differ, in the median of all columns, which an edge here and there does not change."""
    return float(np.median(np.abs(np.diff(picture.astype(float), axis=1)).mean(axis=(0, 2))))


@pytest.mark.parametrize("name", ["flat", "scene"])
def test_a_large_frame_takes_little_more_than_itself(name: str) -> None:
    height, width = 2000, 3000
    GOLDEN.frame(name, 16, 16)  # whatever is imported counts no more
    tracemalloc.start()
    try:
        GOLDEN.frame(name, height, width)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * (3 * height * width)


@pytest.mark.parametrize("content", [None, b"", b"no picture"], ids=["gone", "empty", "damaged"])
def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        tmp_path.joinpath("wall.png").write_bytes(content)
    with pytest.raises(ImpastoError, match=r"wall\.png is gone or damaged; install .+, in its folder: pip") as caught:
        PictureSet(tmp_path, ("wall.png",), wall="wall").frame("wall", 20, 30)
    assert "\n" not in str(caught.value)
