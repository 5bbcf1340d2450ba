"""A small part of the campaign (tests/campaign.py), and that it sees what is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
from campaign import Outcome, View, judge, problems, view
from campaign_files import PICTURES, CampaignFile, recipes, write_file

ALL = list(recipes(300))
PART = [ALL[number] for number in (0, 3, 10, 14, 16, 21, 26, 28, 31, 34, 50, 60, 90, 120)]


@pytest.mark.parametrize("recipe", PART, ids=str)
def test_what_goes_in_comes_out(recipe: CampaignFile, tmp_path: Path) -> None:
    assert judge(recipe, tmp_path) in ([], None)


def test_every_kind_is_in_it() -> None:
    assert len({(recipe.suffix, recipe.video) for recipe in ALL}) > 35
    assert {recipe.damage for recipe in ALL} == {"", "flips", "cut", "zeros"}
    assert len({recipe.sound for recipe in ALL}) > 15
    assert list(recipes(300)) == ALL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[CampaignFile, View]:
    recipe = next(recipe for recipe in ALL if recipe.suffix == "mp4" and recipe.sound == "aac" and not recipe.damage)
    path = tmp_path_factory.mktemp("campaign") / "in.mp4"
    write_file(recipe, path)
    return recipe, view(path)


def test_the_view_reads_pictures_and_clicks(whole: tuple[CampaignFile, View]) -> None:
    _, seen = whole
    assert seen.numbers == list(range(PICTURES))
    assert len(seen.steps()) == len(seen.clicks) == 4
    assert max(map(abs, seen.steps())) < 0.03


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"numbers": [0, 0, *range(2, PICTURES)]}, "pictures are"),
        ({"has_sound": False, "clicks": []}, "the sound is lost"),
        ({"error": "cut"}, "does not decode: cut"),
    ],
    ids=["a doubled picture", "no sound", "an end"],
)
def test_it_sees_what_is_wrong(whole: tuple[CampaignFile, View], change: dict[str, object], told: str) -> None:
    recipe, seen = whole
    assert problems(recipe, seen, seen, Outcome()) == []
    assert told in "; ".join(problems(recipe, seen, replace(seen, **change), Outcome()))  # type: ignore[arg-type]


def test_it_sees_sound_that_is_late_and_pictures_out_of_time(whole: tuple[CampaignFile, View]) -> None:
    recipe, seen = whole
    late = replace(seen, clicks=[click + 0.05 for click in seen.clicks])
    assert "sound is out of step by 0.050 s" in problems(recipe, seen, late, Outcome())
    moved = replace(seen, times=[*seen.times[:-1], seen.times[-1] + 0.01])
    assert problems(recipe, seen, moved, Outcome()) == ["a picture is 0.010 s from its time"]
