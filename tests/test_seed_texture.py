"""The seed texture: streaks along a flow, periodic, and the same in torch and in the graph of a style file."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from small_styles import random_frame, write_small_style

from engines.backends.torch_eager import rebuild_net
from engines.networks.family import PLAIN, Rewrites
from engines.networks.transform.config import TransformConfig
from engines.networks.transform.graph import build_model
from engines.networks.transform.net import TransformNet
from engines.networks.transform.seed_texture import PERIOD_PX, STEPS, periodic_noise, seed_texture, seed_tile
from engines.style.file import read_style_file

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "engines" / "gallery"
BUNDLED = (GALLERY / "gallery.onnx", GALLERY / "gallery.fine.onnx")
OUR_FILES = (*BUNDLED, *sorted((ROOT / "trainers" / "checkpoints").glob("*.onnx")))
BLOCKS = TransformConfig(widths=(4, 6), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3, seed_amplitude=0.05)
FULL_SIZE = TransformConfig(widths=(4, 6), blocks=1, seed_amplitude=0.1)
LARGE_BLOCKS = TransformConfig(
    widths=(6,), blocks=1, unshuffle=4, stem_kernel=5, head_kernel=3, detail=True, seed_amplitude=0.2
)


def test_the_tile_is_grey_noise_of_deviation_1_in_bytes() -> None:
    tile = seed_tile() / STEPS
    assert seed_tile().dtype == np.int8
    assert abs(tile.mean()) < 0.01
    assert abs(tile.std() - 1) < 0.01
    # Other noise would be another painting; the last digit may depend on the processor.
    np.testing.assert_allclose(seed_tile()[0, [0, 1, 2, -3, -2, -1]], [20, 20, 21, 16, 17, 19], atol=1)


def test_an_amplitude_of_a_twentieth_moves_bytes_by_whole_numbers() -> None:
    moved = 0.05 * 255 * seed_texture(64, 64)
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-4)


def test_it_fits_on_to_itself() -> None:
    """No step from the last column to the first is larger than those between columns."""
    noise = periodic_noise(96, np.random.default_rng(1))
    steps = np.abs(np.diff(noise, axis=1, append=noise[:, :1])).mean(0)
    assert steps[-1] < steps[:-1].max()
    np.testing.assert_array_equal(seed_texture(20, PERIOD_PX + 7)[:, PERIOD_PX:], seed_texture(20, 7))


def test_it_holds_nothing_finer_than_a_brush_mark() -> None:
    power = np.abs(np.fft.fft2(periodic_noise(256, np.random.default_rng(2)))) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    assert power[frequency > 0.3].sum() < 0.01 * power.sum()
    assert power[frequency < 1 / 8].sum() > 0.5 * power.sum()


@pytest.mark.parametrize("period", [16, 32, 64])
def test_a_period_smaller_than_its_turns_has_noise_too(period: int) -> None:
    noise = periodic_noise(period, np.random.default_rng(4))
    assert noise.mean() == pytest.approx(0, abs=1e-5)
    assert noise.std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("cell", [4, 8])
@pytest.mark.parametrize("axis", [0, 1])
def test_no_lattice_shows_through(axis: int, cell: int) -> None:
    """It changes as fast at every place modulo a cell; lattices of numbers joined by cubics do 3 times at some."""
    noise = np.stack([periodic_noise(256, np.random.default_rng(seed)) for seed in range(8)])
    steps = np.diff(noise, axis=1 + axis, append=noise.take([0], 1 + axis)) ** 2
    by_place = np.moveaxis(steps, 1 + axis, 0).reshape(256 // cell, cell, -1).mean((0, 2))
    assert by_place.max() / by_place.min() < 1.1


def test_marks_are_drawn_out_along_a_flow_that_turns() -> None:
    """Around most places it changes across one direction (by the structure tensor), and every direction occurs."""
    noise = periodic_noise(512, np.random.default_rng(3))
    down, right = np.gradient(noise)
    products = (right * right, down * down, right * down)
    xx, yy, xy = (cv2.blur(np.asarray(each), (25, 25)) for each in products)
    coherence = np.hypot(xx - yy, 2 * xy) / (xx + yy)
    assert np.median(coherence) > 0.6
    angle = np.degrees(np.arctan2(2 * xy, xx - yy) / 2)[coherence > 0.4]
    share, _ = np.histogram(angle, bins=6, range=(-90, 90))
    assert share.min() > 0.03 * share.sum()
    assert (right**2).mean() < 0.8 * (down**2).mean()  # more of them lie along the rows


@pytest.mark.parametrize("size", [(40, 52), (37, 61), (16, PERIOD_PX + 30)])
@pytest.mark.parametrize("rewrites", [PLAIN, Rewrites()], ids=["plain", "rewritten"])
@pytest.mark.parametrize("config", [BLOCKS, FULL_SIZE, LARGE_BLOCKS], ids=["blocks", "full size", "large blocks"])
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


@pytest.mark.parametrize("path", OUR_FILES, ids=lambda path: path.stem)
def test_files_of_ours_hold_the_texture_that_engines_paint_with(path: Path) -> None:
    """A step may round otherwise on another processor; a file for other runtimes keeps what it was written with."""
    model = onnx.load(path)
    constants = [onnx.numpy_helper.to_array(each) for each in model.graph.initializer]
    tiles = [each for each in constants if each.dtype == np.int8 and each.size == PERIOD_PX**2]
    if read_style_file(path).card.network["config"].get("seed_amplitude"):
        folded = tiles[0].reshape(2, 2, PERIOD_PX // 2, PERIOD_PX // 2).transpose(2, 0, 3, 1)
        assert np.abs(folded.reshape(PERIOD_PX, PERIOD_PX).astype(int) - seed_tile()).max() <= 1
    else:
        assert not tiles


def test_strokes_on_a_flat_wall_come_from_the_texture_alone() -> None:
    net, wall = TransformNet(BLOCKS).eval(), torch.full((1, 3, 64, 64), 0.5)
    net.level()
    with torch.no_grad():
        painted = net(wall, net.styles)
        still = net(wall, net.styles, torch.zeros(1, 1, 64, 64))
        given = net(wall, net.styles, torch.tensor(seed_texture(80, 96))[None, None])
    assert still.std((2, 3)).max() < 1e-5 < painted.std((2, 3)).min()
    torch.testing.assert_close(given, painted)


def test_an_impossible_amplitude_is_refused() -> None:
    with pytest.raises(ValueError, match="seed_amplitude is 2; choose a deviation from 0 to 1"):
        TransformConfig(seed_amplitude=2)
