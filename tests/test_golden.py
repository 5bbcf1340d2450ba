"""Golden frames and cases: they stay what they are, every style has its frame, and large pictures get fewer."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from small_styles import write_small_style

import engines.gate.golden_cases
from engines.gate.golden_cases import GOLDEN, GoldenCase, cases_of, largest_size, plan
from engines.gate.memory import net_bytes
from engines.spec import EngineSpec, SizeRange
from engines.style.styles import StyleFile

SPEC = EngineSpec("torch", "fp32", 36, 64, "CPU", "1")
IN_USE = (36, 64)
MANY = ("waves", "night", "rain", "fire", "field", "stone", "glass", "smoke", "straw")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


def test_golden_frames_are_dark_bright_flat_and_both_at_once() -> None:
    frames = {name: GOLDEN.frame(name, 90, 160) for name in GOLDEN.names}
    assert list(frames) == ["picture", "bright", "faces", "scene", "dark", "flat", "noise", "backlit"]
    assert frames["dark"].max() < 20
    assert frames["bright"].mean() > 220
    assert 1 < frames["flat"].std() < 3
    assert frames["picture"].std() > 50
    assert frames["backlit"].std() > 100


def test_the_faces_have_skins_of_several_colours() -> None:
    """The cheeks of the two people in front, and of the one at the window between them."""
    faces = GOLDEN.frame("faces", 180, 320).astype(float)
    dark, light, brown = (
        faces[y - 4 : y + 4, x - 4 : x + 4].mean(axis=(0, 1)) for x, y in ((72, 104), (236, 122), (142, 52))
    )
    for cheek in (dark, light, brown):
        assert cheek[0] > cheek[1] > cheek[2]
    assert light.mean() > brown.mean() + 40 > dark.mean() + 40
    assert len(np.unique(faces.reshape(-1, 3).astype(np.uint8), axis=0)) > 10_000


def test_the_scene_is_blue_above_and_green_below() -> None:
    scene = GOLDEN.frame("scene", 90, 160).astype(float)
    assert scene[:10].mean(axis=(0, 1)).argmax() == 2
    assert scene[70:].mean(axis=(0, 1)).argmin() == 2


def test_every_style_has_a_frame_and_one_frame_has_a_mix(tmp_path: Path) -> None:
    style = write_small_style(tmp_path / "many.onnx", names=MANY)
    cases = list(cases_of(style, SPEC))
    assert len(cases) == len(MANY) + 1
    assert [case.style for case in cases] == ["waves", "night=0.4,rain=0.6", *MANY[1:]]
    mixed = 0.4 * style.vector("night") + 0.6 * style.vector("rain")
    np.testing.assert_allclose(cases[1].controls.style, mixed, rtol=1e-5)
    for case in (cases[0], *cases[2:]):
        np.testing.assert_array_equal(case.controls.style, style.vector(case.style))
    assert {case.name for case in cases} == set(GOLDEN.names)


def test_a_file_of_one_style_has_no_mix(tmp_path: Path) -> None:
    style = write_small_style(tmp_path / "one.onnx", names=("waves",))
    assert {case.style for case in cases_of(style, SPEC)} == {"waves"}


def test_every_control_turns_within_the_least_number_of_frames(
    style: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.gate.golden_cases, "WORK_TO_CHECK_BYTES", 1)
    first, second = cases_of(style, SPEC)
    for control in ("strength", "keep_colour"):
        assert getattr(first.controls, control) != getattr(second.controls, control)
    assert not np.array_equal(first.controls.style, second.controls.style)


def test_large_pictures_get_fewer_frames(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.gate.golden_cases, "WORK_TO_CHECK_BYTES", 7 * net_bytes(style, IN_USE))
    sizes = [(16, 16), IN_USE, (36, 80), (108, 192), (4000, 6000)]
    counts = [plan(style, EngineSpec("torch", "fp32", *size, "CPU", "1"))[0][1] for size in sizes]
    assert counts == [8, 7, 5, 2, 2]


def spec_of_range(least: tuple[int, int], most: tuple[int, int]) -> EngineSpec:
    return EngineSpec("torch", "fp32", *IN_USE, "CPU", "1", size_range=SizeRange(least, most))


def test_a_range_is_checked_in_use_at_its_ends_and_between(style: StyleFile) -> None:
    sizes = [size for size, _ in plan(style, spec_of_range((16, 20), (100, 180)))]
    assert sizes == [IN_USE, (16, 20), (41, 61), (100, 180)]
    assert largest_size(style, spec_of_range((16, 20), (100, 180))) == (100, 180)


def test_the_most_is_left_out_where_it_is_too_large(style: StyleFile) -> None:
    sizes = [size for size, _ in plan(style, spec_of_range((16, 16), (8192, 8192)))]
    assert sizes == [IN_USE, (16, 16), (363, 363)]


def test_a_range_of_one_size_is_checked_once(style: StyleFile) -> None:
    assert [size for size, _ in plan(style, spec_of_range(IN_USE, IN_USE))] == [IN_USE]


def test_the_cases_of_a_range_come_size_by_size(style: StyleFile) -> None:
    cases = list(cases_of(style, spec_of_range((16, 20), (40, 70))))
    sizes = [case.frame.shape[:2] for case in cases]
    assert sum(one != other for one, other in pairwise(sizes)) == len(set(sizes)) - 1
    assert all(isinstance(case, GoldenCase) for case in cases)
