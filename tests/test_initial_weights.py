"""A run that begins with weights of another: the same net, fewer blocks, other styles, a picture of half the size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from engines.errors import BadFile
from engines.export.export import export_style
from engines.networks.picture_graph import LUMA
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.net import TransformNet
from engines.style.styles import NamedStyle, load_style, save_style
from trainers.run.initial_weights import DETAIL_SHARE, begin_with, initial_weights
from trainers.run.run_folder import sample_pictures
from trainers.run.settling import settled_weights

OLD = TransformConfig(widths=(4, 6), blocks=2, unshuffle=2, stem_kernel=3, head_kernel=3)
SEEDED = replace(OLD, seed_amplitude=0.05)
HALF = TransformConfig(widths=(4, 6), blocks=2, unshuffle=4, stem_kernel=3, head_kernel=3, detail=True)


@pytest.fixture
def old() -> TransformNet:
    generator = torch.Generator().manual_seed(5)
    net = TransformNet(OLD, styles=2).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            values = torch.randn(parameter.shape, generator=generator) * 0.2
            parameter.copy_(values.half().float())  # as a style file keeps them
    return net


@pytest.fixture
def style_file(old: TransformNet, tmp_path: Path) -> Path:
    weights = {name: value.numpy() for name, value in old.state_dict().items() if name != "styles"}
    styles = [NamedStyle(name, row.detach().numpy()) for name, row in zip(("a", "b"), old.styles, strict=True)]
    export_style(
        tmp_path / "old.onnx", network="transform", config=OLD.to_dict(), weights=weights, styles=styles, name="old",
        licence="CC0-1.0", training={"steps": 7},
    )  # fmt: skip
    return tmp_path / "old.onnx"


def noise_photo(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)).save(path)
    return path


def begun(path: Path, config: TransformConfig, names: tuple[str, ...]) -> TransformNet:
    net = TransformNet(config, styles=len(names)).eval()
    net.load_state_dict(initial_weights(path, config, names).tensors)
    return net


def test_new_styles_may_all_begin_as_one_of_the_file(old: TransformNet, style_file: Path) -> None:
    net = begun(Path(f"{style_file}:b"), OLD, ("a", "mine", "another"))
    assert torch.equal(net.styles, old.styles[[0, 1, 1]])
    with pytest.raises(ValueError, match=r"old\.onnx has no style 'c'; it has a, b"):
        initial_weights(Path(f"{style_file}:c"), OLD, ("mine",))
    with pytest.raises(ValueError, match=r"old\.onnx has no style 'c'; it has a, b"):
        begin_with(Path(f"{style_file}:c"), net)


def test_a_file_that_is_called_as_a_style_of_it_names_none(old: TransformNet, style_file: Path) -> None:
    called = style_file.rename(style_file.with_name("b.onnx"))
    assert torch.equal(begun(called, OLD, ("mine", "another")).styles, old.styles)


def test_a_style_file_is_a_start_for_the_same_net(old: TransformNet, style_file: Path) -> None:
    assert initial_weights(style_file, OLD, ("a", "b")).history[-1]["steps"] == 7
    net = begun(style_file, OLD, ("a", "b"))
    for name, value in old.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["gallery", "gallery.fine"])
def test_a_file_of_the_gallery_is_a_start_by_its_name(name: str) -> None:
    config = TransformConfig.from_dict(load_style(name).card.network["config"])
    begun = initial_weights(Path(name), config, ("udnie",))
    np.testing.assert_array_equal(begun.tensors["styles"][0], load_style(name).vector("udnie"))


def test_a_style_of_the_gallery_is_a_start_for_a_net_of_one() -> None:
    config = TransformConfig.from_dict(load_style("gallery").card.network["config"])
    net = TransformNet(config)
    begin_with(Path("gallery:water_lilies"), net)
    np.testing.assert_array_equal(net.styles.detach()[0], load_style("gallery").vector("water_lilies"))


@pytest.mark.parametrize("name", ["udnie", "galery", "galery:udnie"])
def test_the_name_of_a_style_without_its_file_is_no_start(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=name):
        initial_weights(Path(name), OLD, ("udnie",))


def test_vectors_that_are_given_are_settled_with_the_weights(style_file: Path, tmp_path: Path) -> None:
    photos = [noise_photo(tmp_path / "photo.png")]
    net = TransformNet(OLD)
    net.load_state_dict(initial_weights(style_file, OLD, ("a",)).tensors)
    net.styles.data += 0.3
    given = net.styles.detach().clone()
    begun = initial_weights(style_file, replace(OLD, settled=True), ("a",), photos, given)
    torch.testing.assert_close(begun.tensors, settled_weights(net, sample_pictures(photos)))


def test_vectors_that_are_given_are_of_the_net_in_the_file(style_file: Path) -> None:
    """Such as what its predictor reads, for a net that has more textures."""
    given = torch.rand(1, OLD.style_size, generator=torch.Generator().manual_seed(2))
    config = replace(SEEDED, textures=("curls", "dabs"))
    begun = initial_weights(Path(f"{style_file}:b"), config, ("mine",), vectors=given)
    torch.testing.assert_close(begun.tensors["styles"], torch.cat([given, torch.tensor([[1.0, 0.0]])], dim=1))


def test_styles_keep_their_vectors_by_name_and_others_take_them_in_turn(old: TransformNet, style_file: Path) -> None:
    net = begun(style_file, OLD, ("b", "new", "a", "newer"))
    torch.testing.assert_close(net.styles, old.styles[[1, 1, 0, 1]])


def test_a_net_of_one_texture_begins_one_of_several_and_paints_as_before(
    old: TransformNet, style_file: Path, tmp_path: Path
) -> None:
    """And that one begins another with its shares."""
    alone = begun(style_file, SEEDED, ("a", "b"))
    several = begun(style_file, replace(SEEDED, textures=("dabs", "curls")), ("a", "b"))
    assert several.styles[:, several.config.shares_at].tolist() == [[0, 1], [0, 1]]
    picture = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(several(picture, several.styles), alone(picture, alone.styles))
    several.begin_with_texture(1, "dabs")
    weights = {name: value.numpy() for name, value in several.state_dict().items() if name != "styles"}
    styles = [NamedStyle(name, row.detach().numpy()) for name, row in zip(("a", "b"), several.styles, strict=True)]
    export_style(
        tmp_path / "several.onnx", network="transform", config=several.config.to_dict(), weights=weights, styles=styles,
        name="several", licence="CC0-1.0", training={},
    )  # fmt: skip
    again = begun(tmp_path / "several.onnx", replace(SEEDED, textures=("curls", "dabs", "ripples")), ("b", "a"))
    assert again.styles[:, again.config.shares_at].tolist() == [[0, 1, 0], [1, 0, 0]]


def test_fewer_blocks_are_the_last_ones(old: TransformNet, style_file: Path) -> None:
    net = begun(style_file, TransformConfig(**OLD.to_dict() | {"blocks": 1}), ("a", "b"))
    torch.testing.assert_close(net.blocks[0].state_dict(), old.blocks[1].state_dict())
    x = torch.rand(1, 6, 4, 4)
    torch.testing.assert_close(net.blocks[0](x, net.styles[:1]), old.blocks[1](x, old.styles[:1]))


def test_blocks_twice_as_large_paint_half_the_size_and_add_what_it_lacks(old: TransformNet, style_file: Path) -> None:
    net = begun(style_file, HALF, ("a", "b"))
    picture = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(1))
    half = functional.avg_pool2d(picture, 2)
    luma = torch.tensor(LUMA).view(1, 3, 1, 1)
    lacking = ((picture - enlarged(half)) * luma).sum(dim=1, keepdim=True)
    with torch.no_grad():
        wanted = enlarged(old(half, old.styles[1:])) + DETAIL_SHARE * lacking
        torch.testing.assert_close(net(picture, net.styles[1:]), wanted, rtol=0, atol=1e-4)


def enlarged(picture: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(picture, scale_factor=2, mode="nearest")


def test_what_norms_measured_becomes_weights_and_vectors() -> None:
    """Of one style and one picture exactly; of several, the settled net still paints about as the other did."""
    config = replace(OLD, widths=(4, 5, 6), refine_blocks=1, skip=True)
    torch.manual_seed(4)
    net = TransformNet(config, 2).double().eval()
    net.styles.data += 0.2 * torch.randn_like(net.styles)
    pictures = torch.rand(3, 3, 96, 128, dtype=torch.float64)
    with torch.no_grad():
        one = TransformNet(config, 1).double()
        one.load_state_dict({**net.state_dict(), "styles": net.styles[:1]})
        exact = settled(one, pictures[:1])
        torch.testing.assert_close(exact(pictures[:1], exact.styles), net(pictures[:1], net.styles[:1]))
        near, wanted = settled(net, pictures), net(pictures[:2], net.styles)
        assert (near(pictures[:2], near.styles) - wanted).std() < 0.2 * wanted.std()


def settled(net: TransformNet, pictures: torch.Tensor) -> TransformNet:
    own = TransformNet(replace(net.config, settled=True), len(net.styles)).to(pictures.dtype).eval()
    own.load_state_dict(settled_weights(net, pictures))
    return own


def test_norms_may_be_settled_and_not_set_free_again(style_file: Path, tmp_path: Path) -> None:
    photos = [noise_photo(tmp_path / "photo.png")]
    begun = initial_weights(style_file, replace(OLD, settled=True), ("b",), photos)
    net = TransformNet(OLD, 1)
    net.load_state_dict(initial_weights(style_file, OLD, ("b",)).tensors)
    wanted = settled_weights(net, sample_pictures(photos))
    torch.testing.assert_close(begun.tensors, wanted)
    file = load_style(str(style_file))
    config = {**file.card.network["config"], "settled": True}
    save_style(style_file, file.model, replace(file.card, network={"name": "transform", "config": config}))
    with pytest.raises(BadFile, match=r"old.onnx is of a net with settled norms, and this one's measure; give another"):
        initial_weights(style_file, OLD, ("a", "b"))


@pytest.mark.parametrize(
    "values", [{"widths": (5, 6)}, {"blocks": 3}, {"unshuffle": 1}, {"unshuffle": 4}, {"detail": True}]
)
def test_a_net_that_cannot_begin_so_is_told(style_file: Path, values: dict[str, object]) -> None:
    config = TransformConfig.from_dict({**OLD.to_dict(), **values})
    with pytest.raises(ValueError, match=r"old.onnx is no checkpoint .* same --network"):
        initial_weights(style_file, config, ("a", "b"))


@pytest.mark.parametrize("claim", [{"widths": [4, 6000]}, {"blocks": 10**9}, {"widths": [4] * 10**6}, {"blocks": 1}])
def test_a_style_file_that_claims_another_net_than_it_holds_is_told(style_file: Path, claim: dict[str, object]) -> None:
    """Before any of that is allocated: it would be gigabytes."""
    file = load_style(str(style_file))
    false = replace(file.card, network={"name": "transform", "config": {**file.card.network["config"], **claim}})
    save_style(style_file, file.model, false)
    with pytest.raises(BadFile, match=r"old.onnx is damaged: it does not hold the net that its card tells of; get"):
        initial_weights(style_file, OLD, ("a", "b"))


def test_the_table_of_styles_has_one_row_a_style(style_file: Path) -> None:
    tensors = initial_weights(style_file, HALF, ("a",)).tensors
    assert np.asarray(tensors["styles"]).shape == (1, HALF.style_size)
