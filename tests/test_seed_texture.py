"""The seed texture: streaks along a flow, periodic, and the same in torch and in the graph of a style file."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from small_styles import random_frame, write_small_style

from engines.backends.torch_eager import rebuild_net
from engines.networks.family import PLAIN, Rewrites
from engines.networks.transform import net as transform_net
from engines.networks.transform.config import STREAKS, TEXTURES, TransformConfig
from engines.networks.transform.graph import build_model
from engines.networks.transform.net import TransformNet
from engines.networks.transform.seed_texture import (
    PERIOD_PX,
    STEPS,
    periodic_noise,
    seed_texture,
    seed_tile,
)
from engines.style.file import read_style_file

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "engines" / "gallery"
BUNDLED = (GALLERY / "gallery.onnx", GALLERY / "gallery.fine.onnx")
OUR_FILES = (*BUNDLED, *sorted((ROOT / "trainers" / "checkpoints").glob("*.onnx")))
SEVERAL = TransformConfig(
    widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.05, textures=TEXTURES
)
BLOCKS = TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.05)
FULL_SIZE = TransformConfig(widths=(4, 6), blocks=1, seed_amplitude=0.1)
LARGE_BLOCKS = TransformConfig(
    widths=(6,), blocks=1, unshuffle=4, stem_kernel=5, head_kernel=3, detail=True, seed_amplitude=0.2
)


@pytest.mark.parametrize("texture", TEXTURES)
def test_the_tile_is_grey_noise_of_deviation_1_in_bytes(texture: str) -> None:
    tile = seed_tile(texture) / STEPS
    assert seed_tile(texture).dtype == np.int8
    assert abs(tile.mean()) < 0.01
    assert abs(tile.std() - 1) < 0.01


@pytest.mark.parametrize(
    ("texture", "corner"),
    {
        "curls": [20, 20, 21, 16, 17, 19],
        "dabs": [12, 12, 12, 5, 8, 10],
        "ripples": [-17, -13, -8, -18, -17, -17],
        "hatching": [26, 21, 16, 26, 29, 29],
        "facets": [-1, -1, -1, 11, 3, -1],
        "panes": [-21, -21, -21, -22, -21, -21],
    }.items(),
)
def test_each_tile_stays_what_it_is(texture: str, corner: list[int]) -> None:
    """Other noise would be another painting; the last digit may depend on the processor."""
    np.testing.assert_allclose(seed_tile(texture)[0, [0, 1, 2, -3, -2, -1]], corner, atol=1)


@pytest.mark.parametrize("texture", TEXTURES)
def test_an_amplitude_of_a_twentieth_moves_bytes_by_whole_numbers(texture: str) -> None:
    moved = 0.05 * 255 * seed_texture(texture, 64, 64)
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-4)


@pytest.mark.parametrize("texture", TEXTURES)
def test_it_fits_on_to_itself(texture: str) -> None:
    """No step from the last column to the first is larger than those between columns."""
    noise = periodic_noise(texture, 96, np.random.default_rng(1))
    steps = np.abs(np.diff(noise, axis=1, append=noise[:, :1])).mean(0)
    assert steps[-1] < steps[:-1].max()
    np.testing.assert_array_equal(seed_texture(texture, 20, PERIOD_PX + 7)[:, PERIOD_PX:], seed_texture(texture, 20, 7))


@pytest.mark.parametrize("texture", TEXTURES)
def test_it_holds_nothing_finer_than_a_brush_mark(texture: str) -> None:
    power = np.abs(np.fft.fft2(periodic_noise(texture, 256, np.random.default_rng(2)))) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    assert power[frequency > 0.3].sum() < 0.01 * power.sum()
    assert power[frequency < 1 / 8].sum() > 0.5 * power.sum()


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("period", [16, 32, 64])
def test_a_period_smaller_than_its_turns_has_noise_too(period: int, texture: str) -> None:
    noise = periodic_noise(texture, period, np.random.default_rng(4))
    assert noise.mean() == pytest.approx(0, abs=1e-5)
    assert noise.std() == pytest.approx(1, abs=1e-5)


@cache
def sixteen(texture: str) -> NDArray[np.float32]:
    return np.stack([periodic_noise(texture, 256, np.random.default_rng(seed)) for seed in range(16)])


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("cell", [4, 8])
@pytest.mark.parametrize("axis", [0, 1])
def test_no_lattice_shows_through(axis: int, cell: int, texture: str) -> None:
    """It changes as fast at every place modulo a cell; lattices of numbers joined by cubics do 3 times at some."""
    noise = sixteen(texture)
    steps = np.diff(noise, axis=1 + axis, append=noise.take([0], 1 + axis)) ** 2
    by_place = np.moveaxis(steps, 1 + axis, 0).reshape(256 // cell, cell, -1).mean((0, 2))
    assert by_place.max() / by_place.min() < 1.1


def directions_of(texture: str) -> tuple[float, NDArray[np.float64]]:
    """By the structure tensor: the coherence of most places, and in which sixth of all angles how many lie."""
    down, right = np.gradient(periodic_noise(texture, 512, np.random.default_rng(3)))
    products = (right * right, down * down, right * down)
    xx, yy, xy = (cv2.blur(np.asarray(each), (25, 25)) for each in products)
    coherence = np.hypot(xx - yy, 2 * xy) / (xx + yy)
    # Along the marks, which is across the change; rows of a picture go down.
    angle = (90 - np.degrees(np.arctan2(2 * xy, xx - yy) / 2)[coherence > 0.4]) % 180
    share, _ = np.histogram((angle + 15) % 180, bins=6, range=(0, 180))
    return float(np.median(coherence)), share / share.sum()


def test_marks_lie_as_their_texture_is_called() -> None:
    """Sixths of a half turn, the first one around the rows."""
    found = {texture: directions_of(texture) for texture in TEXTURES}
    assert all((coherence > 0.7) == (texture in STREAKS) for texture, (coherence, _) in found.items())
    curls, ripples, hatching = (found[texture][1] for texture in ("curls", "ripples", "hatching"))
    assert curls.min() > 0.03  # every direction, and more of them along the rows
    assert curls[0] + curls[1] + curls[5] > 0.6
    assert ripples[0] > 0.5
    assert hatching[1] + hatching[2] > 0.9


@pytest.mark.parametrize("size", [(40, 52), (37, 61), (16, PERIOD_PX + 30)])
@pytest.mark.parametrize("rewrites", [PLAIN, Rewrites()], ids=["plain", "rewritten"])
@pytest.mark.parametrize(
    "config", [SEVERAL, BLOCKS, FULL_SIZE, LARGE_BLOCKS], ids=["several", "one", "full size", "large blocks"]
)
def test_the_graph_paints_with_it_as_torch_does(
    config: TransformConfig, rewrites: Rewrites, size: tuple[int, int], tmp_path: Path
) -> None:
    style = write_small_style(tmp_path / "small.onnx", config=config)
    model = build_model(config.to_dict(), style.weights(), rewrites=rewrites, weight_type=np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    frame, vector = random_frame(*size), style.card.styles[0].vector
    inputs = {"frame": frame[None], "style": vector, "strength": np.ones(1, np.float32)}
    painted = session.run(None, inputs | {"keep_colour": np.zeros(1, np.float32)})[0][0]
    with torch.no_grad():
        picture = torch.tensor(frame).permute(2, 0, 1)[None] / 255
        expected = rebuild_net(style)(picture, torch.tensor(vector)[None])[0].permute(1, 2, 0)
    difference = painted.astype(int) - (expected.clamp(0, 1) * 255).round().numpy()
    assert np.abs(difference).max() <= 1


def test_several_textures_are_shared_before_the_stem(tmp_path: Path) -> None:
    """What it makes of each would be kept by a runtime: as much again as OpenVINO takes for all the rest."""
    files = [write_small_style(tmp_path / f"{at}.onnx", config=config) for at, config in enumerate((BLOCKS, SEVERAL))]
    one, several = ([node.op_type for node in file.model.graph.node] for file in files)
    assert several.count("Conv") == one.count("Conv")


@pytest.mark.parametrize("path", OUR_FILES, ids=lambda path: path.stem)
def test_files_of_ours_hold_the_texture_that_engines_paint_with(path: Path) -> None:
    """A step may round otherwise on another processor; a file for other runtimes keeps what it was written with."""
    model = onnx.load(path)
    constants = [onnx.numpy_helper.to_array(each) for each in model.graph.initializer]
    tiles = [each for each in constants if each.dtype == np.int8 and each.size == PERIOD_PX**2]
    config = read_style_file(path).card.network["config"]
    names = config.get("textures", ["curls"]) if config.get("seed_amplitude") else []
    for tile, name in zip(tiles, names, strict=True):
        folded = tile.reshape(2, 2, PERIOD_PX // 2, PERIOD_PX // 2).transpose(2, 0, 3, 1)
        assert np.abs(folded.reshape(PERIOD_PX, PERIOD_PX).astype(int) - seed_tile(name)).max() <= 1


def test_strokes_on_a_flat_wall_come_from_the_texture_alone() -> None:
    net, wall = TransformNet(BLOCKS).eval(), torch.full((1, 3, 64, 64), 0.5)
    net.level()
    with torch.no_grad():
        painted = net(wall, net.styles)
        still = net(wall, net.styles, torch.zeros(1, len(TEXTURES), 64, 64))
        fixed = np.stack([seed_texture(texture, 80, 96) for texture in TEXTURES])
        given = net(wall, net.styles, torch.tensor(fixed)[None])
    assert still.std((2, 3)).max() < 1e-5 < painted.std((2, 3)).min()
    torch.testing.assert_close(given, painted)


def test_a_style_takes_its_share_of_each_texture() -> None:
    net = TransformNet(SEVERAL, styles=2)
    assert net.shares(net.styles).norm(dim=1).tolist() == pytest.approx([1, 1])  # as strong as one of them
    net.begin_with_texture(1, "dabs")
    assert net.shares(net.styles)[1].tolist() == [0, 1, 0, 0, 0, 0]
    assert net.directed(net.styles).tolist() == pytest.approx([0.5, 0])
    assert TransformNet(BLOCKS).shares(TransformNet(BLOCKS).styles).tolist() == [[1, 0, 0, 0, 0, 0]]
    with pytest.raises(ValueError, match="no texture 'dabs'; it has curls"):
        TransformNet(BLOCKS).begin_with_texture(0, "dabs")


def test_strokes_that_grow_from_no_texture_are_to_have_a_direction() -> None:
    """As with one: the loss against lattices holds for them."""
    net = TransformNet(replace(SEVERAL, seed_amplitude=0.0), styles=2)
    net.begin_with_texture(1, "dabs")
    assert net.directed(net.styles).tolist() == [1, 1]


def test_a_net_draws_no_texture_that_is_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In torch that is done for every frame."""
    drawn: list[str] = []

    def draw(texture: str, height: int, width: int) -> NDArray[np.float32]:
        drawn.append(texture)
        return seed_texture(texture, height, width)

    monkeypatch.setattr(transform_net, "seed_texture", draw)
    with torch.no_grad():
        TransformNet(BLOCKS)(torch.rand(1, 3, 32, 32), TransformNet(BLOCKS).styles)
    assert drawn == ["curls"]


@pytest.mark.parametrize("told", [["weave"], [], "curls"])
def test_an_unknown_texture_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match="choose from curls, dabs, ripples, hatching, facets, panes"):
        TransformConfig.from_dict({"widths": [4, 6], "textures": told})


def test_a_texture_that_is_named_twice_is_refused() -> None:
    """Torch would take the last share of it, and a graph both."""
    with pytest.raises(ValueError, match="name each once"):
        TransformConfig(textures=("curls", "curls"))


def test_an_impossible_amplitude_is_refused() -> None:
    with pytest.raises(ValueError, match="seed_amplitude is 2; choose a deviation from 0 to 1"):
        TransformConfig(seed_amplitude=2)
