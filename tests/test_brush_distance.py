"""Brush distance against its formula in float64, and the judge's other figures against theirs."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from trainers.figures.brush_distance import (
    SortedLayer,
    at_random_places,
    brush_distance,
    octave_features,
    random_directions,
    sort_painting,
    sorted_projections,
    stretched,
)
from trainers.figures.evaluation import Judge, load_judge, patches_of, pixel_figures
from trainers.losses.perceptual import PerceptualNet
from trainers.losses.terms import detail_map, weave_loss

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return load_judge()


def picture(height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """Soft blots of colour, uint8 [height, width, 3]."""
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    soft = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return (soft[0].permute(1, 2, 0) * 255).byte().numpy()


def features_of(values: np.ndarray) -> dict[str, torch.Tensor]:
    """[C, n] as the one layer of an octave."""
    return {"relu2_1": torch.from_numpy(values.astype(np.float32))[None, :, None]}


def distance_by_hand(features: np.ndarray, painting: np.ndarray, directions: np.ndarray) -> float:
    """features and painting [C, n], all places compared; the quantiles of the painting as many as there are places."""
    total = 0.0
    for direction in directions.astype(np.float64):
        found, wanted = np.sort(direction @ features), np.sort(direction @ painting)
        count = len(found)
        wanted = np.interp(np.linspace(0, len(wanted) - 1, count), np.arange(len(wanted)), wanted)
        total += float(((found - wanted) ** 2).mean()) / len(directions)
    return total / float((painting**2).mean())


def test_the_distance_of_a_layer_is_the_formula() -> None:
    features, painting = RNG.standard_normal((5, 300)) + 1, RNG.standard_normal((5, 300)) * 2
    directions = random_directions(7, 5, np.random.default_rng(3))
    quantiles = sorted_projections(directions, painting.astype(np.float32))
    layer = SortedLayer(directions, quantiles, float((painting**2).mean()))
    found = layer.distance(features.astype(np.float32), np.random.default_rng(0))
    assert found == pytest.approx(distance_by_hand(features, painting, directions), rel=1e-5)


def test_a_painting_with_fewer_places_than_quantiles_is_stretched() -> None:
    features, painting = RNG.standard_normal((5, 1000)), 3 * RNG.standard_normal((5, 700))
    sorted_ = sort_painting([features_of(painting)])
    directions = sorted_[0]["relu2_1"].directions
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-6)
    found = brush_distance([features_of(features)], sorted_)
    assert found == pytest.approx(distance_by_hand(features, painting, directions), rel=2e-3)


def test_stretching_is_linear_and_keeps_the_ends() -> None:
    row = np.sort(RNG.standard_normal((1, 9)).astype(np.float32), axis=1)
    for length in (1, 4, 9, 50):
        wanted = np.interp(np.linspace(0, 8, length), np.arange(9), row[0])
        np.testing.assert_allclose(stretched(row, length)[0], wanted, atol=1e-6)
    assert (stretched(row[:, :1], 3) == row[0, 0]).all()


def test_where_a_stroke_lies_does_not_matter() -> None:
    features, painting = RNG.standard_normal((4, 500)), RNG.standard_normal((4, 600))
    sorted_ = sort_painting([features_of(painting)])
    moved = features[:, RNG.permutation(500)]
    first, second = (brush_distance([features_of(values)], sorted_) for values in (features, moved))
    assert first == pytest.approx(second, rel=1e-5)


def test_many_places_are_drawn_without_repeating_and_always_alike() -> None:
    values = np.arange(100, dtype=np.float32)[None]
    first, second = (at_random_places(values, 30, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(set(first[0])) == 30
    assert at_random_places(values, 100, np.random.default_rng(5)) is values


def test_the_mean_is_over_layers_and_then_over_octaves() -> None:
    def octave(names: str, seed: int) -> Mapping[str, torch.Tensor]:
        rng = torch.Generator().manual_seed(seed)
        return {name: torch.rand(1, 3, 8, 8, generator=rng) for name in names}

    painting = sort_painting([octave("ab", 0), octave("b", 1)])
    found = [octave("ab", 2), octave("b", 3)]
    first = np.mean([brush_distance([{name: found[0][name]}], [{name: painting[0][name]}]) for name in "ab"])
    assert brush_distance(found[:1], painting) == pytest.approx(first, rel=1e-6)
    second = brush_distance(found[1:], [painting[1]])
    assert brush_distance(found, painting) == pytest.approx((first + second) / 2, rel=0.02)


def test_octaves_are_halves_while_there_is_room(judge: Judge) -> None:
    large = torch.rand(1, 3, 192, 208)
    octaves = octave_features(judge.perceptual, large, ["relu1_1", "relu2_1"], beside=["relu3_1"])
    sizes = [{name: tuple(found.shape[-2:]) for name, found in octave.items()} for octave in octaves]
    assert sizes == [
        {"relu1_1": (192, 208), "relu2_1": (96, 104), "relu3_1": (48, 52)},
        {"relu1_1": (96, 104), "relu2_1": (48, 52)},
        {"relu2_1": (24, 26)},
    ]
    assert len(octave_features(judge.perceptual, large[..., :90, :], ["relu1_1"])) == 1


def test_a_photo_keeps_its_own_content_and_a_painting_its_strokes(judge: Judge) -> None:
    photo, painting = picture(), picture(seed=1)
    seen, wanted = judge.photo(photo), judge.painting(painting)
    unpainted, copied = judge.figures(photo, seen, wanted), judge.figures(painting, seen, wanted)
    assert unpainted.kept_content == unpainted.plain_content == 0
    assert copied.gram < 1e-9
    assert copied.brush_distance < 0.002 < 0.02 < unpainted.brush_distance
    assert copied.plain_content > copied.kept_content > 0


def test_kept_content_counts_where_the_photo_has_detail(judge: Judge) -> None:
    photo, painted = picture(), picture(seed=2)
    seen, painting = judge.photo(photo), picture(seed=1)
    figures = judge.figures(painted, seen, judge.painting(painting))
    tensors = [torch.from_numpy(each).permute(2, 0, 1)[None].float() / 255 for each in (photo, painted)]
    weight = torch.nn.functional.interpolate(detail_map(tensors[0], 0.1), size=(12, 16), mode="area").double().numpy()
    kept, found = (judge.perceptual.features(each, ["relu4_1"])["relu4_1"].double().numpy() for each in tensors)
    square = (found - kept) ** 2
    assert figures.kept_content == pytest.approx((weight * square).mean() / (kept**2).mean(), rel=1e-4)
    assert figures.plain_content == pytest.approx(square.mean() / (kept**2).mean(), rel=1e-4)
    weave = pixel_figures(painted, seen, patches_of(painting)).weave
    assert weave == pytest.approx(weave_loss(tensors[1], detail_map(tensors[0], 0.0)).item(), rel=1e-4)


def test_the_same_pictures_have_the_same_figures() -> None:
    painted, painting = picture(seed=2), picture(seed=1)
    first, second = (
        (
            load_judge().figures(painted, judge.photo(picture()), judge.painting(painting)),
            pixel_figures(painted, judge.photo(picture()), patches_of(painting)),
        )
        for judge in (load_judge(), load_judge())
    )
    assert first == second


def test_a_network_judges_by_those_layers_that_it_has(judge: Judge) -> None:
    short = PerceptualNet("short", list(zip(judge.perceptual.names, judge.perceptual.layers, strict=True))[:6])
    assert (Judge(short).layers, Judge(short).content_layer) == (("relu1_1", "relu1_2"), "relu1_2")
    with pytest.raises(ValueError, match="judge by a VGG"):
        Judge(PerceptualNet("empty", []))
