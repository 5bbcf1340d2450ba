"""Sliced Wasserstein distances against sorted samples in float64, and the targets of nets and of single pictures."""

import numpy as np
import pytest
import torch
from torch import Tensor

from trainers.losses.objective import GramTargets, Objective, WassersteinTargets, halved, octave_layers, style_targets
from trainers.losses.perceptual import load_perceptual
from trainers.losses.terms import gram_matrix, style_loss
from trainers.losses.wasserstein import QUANTILES, SlicedTarget, sliced_target, sliced_wasserstein

RNG = np.random.default_rng(0)
LAYERS = ("relu1_1", "relu2_1", "relu3_1")


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_it_is_the_mean_squared_distance_of_sorted_values() -> None:
    """Of as many values as quantiles, the Wasserstein distance in one dimension, squared (Heitz 2021, equation 6)."""
    ours, theirs = RNG.standard_normal((2, 3, 4, 50))
    expected = ((np.sort(ours, axis=-1) - np.sort(theirs, axis=-1)) ** 2).mean((1, 2))
    found = sliced_wasserstein(torch.from_numpy(ours), torch.from_numpy(np.sort(theirs, axis=-1)))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_fewer_values_are_compared_with_means_of_quantiles() -> None:
    ours, theirs = RNG.standard_normal((1, 2, 10)), np.sort(RNG.standard_normal((1, 2, 40)), axis=-1)
    expected = ((np.sort(ours, axis=-1) - theirs.reshape(1, 2, 10, 4).mean(-1)) ** 2).mean()
    found = sliced_wasserstein(torch.from_numpy(ours), torch.from_numpy(theirs))
    np.testing.assert_allclose(found.numpy(), [expected], rtol=1e-12)


def test_the_target_holds_quantiles_along_directions_of_length_1() -> None:
    painting = torch.from_numpy(RNG.random((1, 5, 64, 64)))
    target = sliced_target([painting], chance())
    torch.testing.assert_close(target.directions.norm(dim=1), torch.ones_like(target.directions[:, 0]))
    ordered = (target.directions @ painting[0].flatten(1)).sort(dim=1).values
    torch.testing.assert_close(target.quantiles[0], ordered.view(-1, QUANTILES, 2).mean(2))
    torch.testing.assert_close(target.mean_square, painting.square().mean()[None])


def test_a_painting_is_its_own_style_wherever_its_places_lie() -> None:
    painting = torch.from_numpy(RNG.random((1, 4, 48, 48)))
    shuffled = painting.flatten(2)[..., torch.randperm(48 * 48, generator=chance())].view_as(painting)
    target = sliced_target([painting], chance())
    loss = target.loss(shuffled, torch.tensor([0]), 48 * 48, 16, chance())
    assert loss.item() < 1e-5


def test_what_a_gram_matrix_cannot_see_costs() -> None:
    """Two distributions with the same second moments: halves of −1 and 1, and a rare light."""
    even = torch.ones(1, 1, 64, 64, dtype=torch.float64)
    even[..., ::2] = -1
    rare = torch.zeros_like(even)
    rare[..., ::4, ::4] = 4
    torch.testing.assert_close(gram_matrix(even), gram_matrix(rare))
    assert sliced_target([even], chance()).loss(rare, torch.tensor([0]), 4096, 8, chance()).item() > 0.5


def test_each_sample_meets_its_own_painting_and_chance_repeats() -> None:
    paintings = [torch.from_numpy(RNG.random((1, 4, 40, 30 + 10 * n))) * (n + 1) for n in range(2)]
    target = sliced_target(paintings, chance())
    features = torch.from_numpy(RNG.random((2, 4, 20, 20)))
    both = target.loss(features, torch.tensor([1, 0]), 100, 8, chance(3))
    for place, style in enumerate((1, 0)):
        one = target.loss(features[place : place + 1], torch.tensor([style]), 100, 8, chance(3))
        torch.testing.assert_close(both[place], one[0])
    assert not torch.equal(both, target.loss(features, torch.tensor([1, 0]), 100, 8, chance(4)))


def paintings() -> list[Tensor]:
    return [torch.rand(1, 3, 96, 112, generator=chance(seed)) for seed in (1, 2)]


def test_targets_of_gram_are_the_layers_mean() -> None:
    net = load_perceptual("5se")
    targets = style_targets("gram", paintings(), net, LAYERS, 2, samples=64, slices=4)
    assert isinstance(targets, GramTargets)
    picture = torch.rand(1, 3, 64, 64, generator=chance(5))
    features, wanted = net.features(picture, LAYERS), net.features(halved(paintings()[1]), LAYERS)
    expected = [style_loss(features[layer], gram_matrix(wanted[layer])) for layer in LAYERS]
    found = targets.loss(1, features, torch.tensor([1]), chance())
    torch.testing.assert_close(found, torch.stack(expected).mean(0))


def test_the_third_octave_leaves_the_finest_layers_out() -> None:
    assert octave_layers(LAYERS, 1) == LAYERS
    assert octave_layers(LAYERS, 2) == ("relu2_1", "relu3_1")
    assert octave_layers(("relu1_1",), 2) == ("relu1_1",)
    targets = style_targets("wasserstein", paintings(), load_perceptual("5se"), LAYERS, 3, samples=64, slices=4)
    assert isinstance(targets, WassersteinTargets)
    assert [set(octave) for octave in targets.octaves] == [set(LAYERS), set(LAYERS), {"relu2_1", "relu3_1"}]
    assert all(isinstance(target, SlicedTarget) for octave in targets.octaves for target in octave.values())


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="loss is 'mean'; choose one of wasserstein, gram"):
        style_targets("mean", paintings(), load_perceptual("5se"), LAYERS, 1, samples=64, slices=4)


def test_the_objective_sums_octaves_as_long_as_they_have_room() -> None:
    net = load_perceptual("5se")
    targets = style_targets("gram", paintings(), net, LAYERS, 3, samples=64, slices=4)
    photo, painted = (torch.rand(2, 3, 96, 128, generator=chance(seed)) for seed in (7, 8))
    ids = torch.tensor([0, 1])

    def losses(octaves: int, picture: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
        judged = Objective(net, targets, ("relu3_1",), LAYERS, octaves, 1.0).judge(picture, content, ids, chance())
        torch.testing.assert_close(judged.painted_features, net.features(picture, ["relu3_1"])["relu3_1"])
        torch.testing.assert_close(judged.photo_features, net.features(content, ["relu3_1"])["relu3_1"])
        return judged.content, judged.style

    content, style = losses(3, painted, photo)
    whole_content, whole_style = losses(1, painted, photo)
    half_content, _ = losses(1, halved(painted), halved(photo))
    torch.testing.assert_close(content, whole_content + half_content)  # a third would have 24 rows
    torch.testing.assert_close(losses(2, painted, photo)[1], style)
    assert (style > whole_style).all()
    assert losses(2, photo, photo)[0].abs().max() == 0
