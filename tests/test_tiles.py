"""Tiles: every pixel in one, features as in the whole picture, and so the loss and its gradient."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from trainers.gatys import weighed
from trainers.losses.objective import style_targets
from trainers.losses.perceptual import load_perceptual
from trainers.optimisation import picture_loss
from trainers.optimisation.picture_loss import PictureLoss
from trainers.optimisation.tiles import Tile, receptive_fields, tiles
from trainers.settings.gatys_options import GatysOptions

LAYERS = ("relu1_1", "relu2_2", "relu3_1", "relu4_1")
EVERY_PLACE = 1_000_000
# As many pixels as this are cut, as if the picture were large.
CUT_PX = 1000


@pytest.mark.parametrize("size", [(64, 64), (67, 131), (300, 40), (31, 500)], ids=str)
def test_every_feature_belongs_to_one_tile(size: tuple[int, int]) -> None:
    fields = receptive_fields(load_perceptual("5se"), LAYERS)
    cut = tiles(*size, 48, fields)
    for stride in (1, 2, 4, 8):
        places = torch.arange((size[0] // stride) * (size[1] // stride)).view(1, 1, size[0] // stride, -1)
        found = [tile.own(_features_of(tile, places, stride), stride).flatten() for tile in cut]
        assert sorted(torch.cat(found).tolist()) == places.flatten().tolist()


def _features_of(tile: Tile, places: Tensor, stride: int) -> Tensor:
    """What a layer of this stride gives for the tile, of a layer whose features are `places` in the whole picture."""
    rows, columns = tile.rows, tile.columns
    return places[..., rows.start // stride : rows.stop // stride, columns.start // stride : columns.stop // stride]


@pytest.mark.parametrize("size", [(96, 160), (101, 187)], ids=str)
def test_features_in_a_tile_are_those_of_the_whole_picture(size: tuple[int, int]) -> None:
    net = load_perceptual("5se").double()
    fields = receptive_fields(net, LAYERS)
    picture = torch.rand(1, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        whole = net.features(picture, LAYERS)
        cut = tiles(*size, 64, fields)
        assert len(cut) > 3
        for tile in cut:
            for layer, features in net.features(tile.of(picture), LAYERS).items():
                stride = fields[layer].stride
                first = (tile.rows.own_start // stride, tile.columns.own_start // stride)
                own = tile.own(features, stride)
                there = whole[layer][..., first[0] : first[0] + own.shape[-2], first[1] : first[1] + own.shape[-1]]
                torch.testing.assert_close(own, there, rtol=0, atol=1e-12)


def test_fields_are_what_the_gradient_reaches() -> None:
    net = load_perceptual("5se").double()
    for layer, field in receptive_fields(net, LAYERS).items():
        picture = torch.rand(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
        place = 64 // field.stride
        (gradient,) = torch.autograd.grad(net.features(picture, [layer])[layer][..., place, place].sum(), picture)
        rows = gradient[0].abs().sum((0, 2)).nonzero().flatten()
        assert 64 - field.before <= int(rows.min()), layer
        assert int(rows.max()) <= 64 + field.after, layer


def test_an_unknown_layer_has_no_field() -> None:
    with pytest.raises(ValueError, match="relu9_9"):
        receptive_fields(load_perceptual("5se"), ["relu9_9"])


@pytest.fixture
def cut_small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_loss, "WHOLE_PX", CUT_PX)


@pytest.mark.parametrize("loss", ["wasserstein", "gram"])
@pytest.mark.parametrize("masked", [False, True], ids=["everywhere", "masked"])
def test_the_gradient_of_tiles_is_that_of_the_whole_picture(
    loss: str, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All places are compared, so that chance decides nothing; content is kept in half precision in tiles."""
    torch.manual_seed(0)
    options = GatysOptions(
        style_images=((Path("a"), 1.0),), loss=loss, octaves=2, samples=EVERY_PLACE,
        style_layers=LAYERS, tile=96, slices=8,
    )  # fmt: skip
    photo, painted = torch.rand(1, 3, 128, 160), torch.rand(1, 3, 128, 160)
    place = torch.zeros(1, 1, 128, 160) if masked else None
    if place is not None:
        place[..., 48:128, 32:128] = 1
    whole = _gradient(photo, painted, place, options)
    monkeypatch.setattr(picture_loss, "WHOLE_PX", CUT_PX)
    cut = _gradient(photo, painted, place, options)
    assert (cut - whole).norm() < 2e-3 * whole.norm()


def _gradient(photo: Tensor, painted: Tensor, place: Tensor | None, options: GatysOptions) -> Tensor:
    net = load_perceptual("5se")
    style = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    targets = style_targets(options.loss, [style], net, LAYERS, options.octaves, samples=options.samples, slices=8)
    loss = PictureLoss(photo, net, targets, [place], [1.0], options)
    moved = painted.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(weighed(loss(moved, (0, 0)), options), moved)
    return gradient


def test_places_in_tiles_are_spread_by_their_area(cut_small_pictures: None) -> None:
    """Where fewer places are compared than there are, the loss of the tiles is near that of the whole."""
    options = GatysOptions(style_images=((Path("a"), 1.0),), samples=2000, style_layers=LAYERS, tile=96)
    net, photo = load_perceptual("5se"), torch.rand(1, 3, 128, 192)
    targets = style_targets("wasserstein", [torch.rand(1, 3, 64, 64)], net, LAYERS, 3, samples=2000, slices=64)
    with torch.no_grad():
        found = PictureLoss(photo, net, targets, [None], [1.0], options)(photo, (0, 0))
        whole = PictureLoss(photo, net, targets, [None], [1.0], replace(options, tile=512))(photo, (0, 0))
    assert float(found["content"]) == pytest.approx(float(whole["content"]), rel=1e-2, abs=1e-5)
    assert float(found["style"]) == pytest.approx(float(whole["style"]), rel=0.25)
    assert float(found["tv"]) == pytest.approx(float(whole["tv"]), rel=1e-4)
