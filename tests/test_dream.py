"""Dreams of an autoencoder: a walk through its latents that is smooth, steady, repeatable, and ends where it began."""

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from small_vae import random_vae, write_vae_style

from engines.loading.further_graphs import open_dream
from engines.pictures import psnr
from engines.style.styles import load_style
from realtime.frames.request import SourceRequest
from realtime.sources.dream import DreamSource, Walk, spherical

WALK = Walk(file="vae.onnx", seed=3, seconds=4.0, speed=1.0, temperature=1.0)
SHAPE = (4, 16, 24)


def test_parameters_are_written_in_the_address() -> None:
    text = "dream:some/vae.onnx?seed=3&seconds=8&speed=0.5&temperature=0.4&size=320x180&rate=30000/1001"
    wanted = Walk(
        file="some/vae.onnx", seed=3, seconds=8.0, speed=0.5, temperature=0.4, size=(320, 180),
        rate=Fraction(30000, 1001),
    )  # fmt: skip
    assert Walk.from_text(text, SourceRequest()) == wanted
    assert wanted.draws == 4


def test_what_the_address_leaves_open_is_as_asked_for() -> None:
    asked = SourceRequest(size=(128, 96), frame_rate=Fraction(10))
    assert Walk.from_text("dream:vae.onnx", asked) == Walk(file="vae.onnx", size=(128, 96), rate=Fraction(10))
    assert Walk.from_text("dream:vae.onnx?size=64x64", asked).size == (64, 64)


def test_a_walk_ends_where_it_began() -> None:
    np.testing.assert_allclose(WALK.latent(0.0, *SHAPE), WALK.latent(4.0, *SHAPE), atol=1e-6)
    np.testing.assert_allclose(WALK.latent(1.25, *SHAPE), WALK.latent(9.25, *SHAPE), atol=1e-6)
    assert np.abs(WALK.latent(0.0, *SHAPE) - WALK.latent(2.0, *SHAPE)).max() > 1


def test_it_moves_by_as_much_in_every_moment() -> None:
    """No jump at a draw, and none where the loop is closed."""
    places = [WALK.latent(number / 25, *SHAPE) for number in range(102)]
    steps = [np.abs(after - before).mean() for before, after in itertools.pairwise(places)]
    assert max(steps) < 1.5 * min(steps)


def test_latents_are_as_large_as_the_decoder_knows_them() -> None:
    """Of a deviation that is the temperature, at the draws and on the way."""
    for seconds, temperature in ((0.0, 1.0), (0.5, 1.0), (1.0, 0.5), (2.7, 0.5)):
        latent = replace(WALK, temperature=temperature).latent(seconds, 8, 32, 48)
        assert np.sqrt(np.square(latent).mean()) == pytest.approx(temperature, rel=0.12)


def test_another_seed_is_another_walk() -> None:
    assert np.abs(WALK.latent(1.0, *SHAPE) - replace(WALK, seed=4).latent(1.0, *SHAPE)).max() > 1


def test_an_arc_keeps_the_length_and_the_pace() -> None:
    one, other = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    np.testing.assert_allclose(spherical(one, other, 1 / 3), [np.cos(np.pi / 6), np.sin(np.pi / 6)], atol=1e-6)
    np.testing.assert_allclose(spherical(one, other, 0.0), one, atol=1e-6)
    np.testing.assert_allclose(spherical(one, other, 1.0), other, atol=1e-6)
    np.testing.assert_allclose(spherical(one, 3 * one, 0.5), 2 * one, atol=1e-6)


def test_a_frame_is_what_the_decoder_draws(tmp_path: Path) -> None:
    """Of sides that are no multiple of the net's."""
    style = write_vae_style(tmp_path / "vae.onnx", random_vae("deep"))
    walk = Walk(file=str(style.path), size=(90, 70), rate=Fraction(10))
    source = DreamSource(walk, SourceRequest())
    frame = source.picture(7)
    drawn = open_dream(load_style(walk.file)).draw(walk.latent(0.7, 4, 9, 12))
    assert frame.data.shape == (70, 90, 3)
    assert (frame.pts_seconds, frame.pts, frame.time_base) == (0.7, 7, Fraction(1, 10))
    assert psnr(frame.data, np.ascontiguousarray(drawn[:70, :90])) > 60
    np.testing.assert_array_equal(source.picture(7).data, frame.data)
    assert frame.data.std() > 2
