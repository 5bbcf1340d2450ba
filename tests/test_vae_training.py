"""The autoencoder's recipe as an artist would see it, and each of its losses against what the papers define."""

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_styles import one_thread_for_torch
from tiny_training import FULL_SHEETS, SMALL_SHEETS, loss_network, precisions_of_loss_networks, sheets_of
from torch import Tensor
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl

from engines.errors import BadValue
from engines.networks.vae import config as vae_config
from engines.networks.vae.config import VaeConfig
from engines.networks.vae.net import Moments, Vae
from engines.style.styles import load_style
from trainers.export.vae_export import write_style_file
from trainers.figures.vae_figures import latent_figures
from trainers.losses.perceptual import load_perceptual
from trainers.losses.vae_losses import (
    Judge,
    Learner,
    distribution_distance,
    information,
    kl_divergence,
    moments_distance,
)
from trainers.settings.vae_options import VaeOptions
from trainers.vae import beta_share, train

TINY = VaeConfig(widths=(4, 6), blocks=1, latent=3, statistics=(0, 1))
LAYERS = ("relu1_1", "relu2_1")
Rows = list[dict[str, float]]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(vae_config.PRESETS, "quarter", TINY)
    sheets_of(SMALL_SHEETS, monkeypatch)
    with one_thread_for_torch():
        yield


@pytest.fixture
def options(tmp_path: Path) -> VaeOptions:
    """Blue pictures and red paintings, and a loss network of random weights."""
    rng = np.random.default_rng(0)
    for folder, colour in (("photos", (40, 90, 200)), ("paintings", (210, 60, 30))):
        (tmp_path / folder).mkdir()
        for number in range(4):
            grain = rng.integers(-40, 40, (12, 16, 1)) + np.array(colour)
            picture = Image.fromarray(grain.clip(0, 255).astype(np.uint8)).resize((64, 48))
            picture.save(tmp_path / folder / f"{number}.png")
    (tmp_path / "photos" / "damaged.jpg").write_bytes(b"nothing")
    torch.save({"model": loss_network()}, tmp_path / "loss.pth")
    return VaeOptions(
        content=(tmp_path / "photos",), styles=(tmp_path / "paintings",), out=tmp_path / "red.onnx", steps=4, batch=2,
        size=32, style_layers=LAYERS, content_layers=("relu2_1",), samples=64, slices=4, workers=0, save_every=2,
        loss_network=str(tmp_path / "loss.pth"), sample_every=4,
    )  # fmt: skip


def without_paintings(options: VaeOptions) -> VaeOptions:
    return dataclasses.replace(options, styles=())


def run(options: VaeOptions) -> tuple[Rows, list[str]]:
    rows: Rows = []
    said: list[str] = []
    train(options, said.append, lambda _step, losses: rows.append(losses))
    return rows, said


# --- the run


def test_folders_in_style_file_out(options: VaeOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets_of(FULL_SHEETS, monkeypatch)
    options.styles[0].joinpath("credits.toml").write_text('[1]\nartist = "somebody"\n')
    said: list[str] = []
    trained = train(options, said.append)
    write_style_file(options, trained)
    assert any("1 damaged" in line for line in said)
    assert any("active_units" in line and "psnr_db" in line and "kl/" not in line for line in said), said
    card = load_style(str(options.out)).card
    assert card.names == ("0", "1", "2", "3")
    assert card.styles[1].artist == "somebody"
    assert (card.training["recipe"], card.training["settings"]["styles"]) == ("vae", ["paintings"])
    assert {"psnr_db", "kl", "kl/00", "kl/02", "active_units", "stability", "style"} <= set(card.figures)
    vector = trained.net.statistics(picture_of(options.styles[0], "1.png"))[0]
    np.testing.assert_allclose(card.styles[1].vector, vector.numpy(), atol=1e-5)
    with Image.open(options.run_folder / "samples" / "step_000004.png") as sheet:
        assert sheet.size == (4 * 320, 6 * 240)


def picture_of(folder: Path, name: str) -> Tensor:
    """[1, 3, H, W] as the export scales it: 512 pixels long."""
    with Image.open(folder / name) as picture:
        big = picture.convert("RGB").resize((512, 384), Image.Resampling.LANCZOS)
    return torch.tensor(np.array(big)).permute(2, 0, 1)[None].float() / 255


def test_without_paintings_it_repaints(options: VaeOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets_of(FULL_SHEETS, monkeypatch)
    options = dataclasses.replace(without_paintings(options), steps=2, sample_every=2)
    trained = train(options, lambda _: None)
    write_style_file(options, trained)
    card = load_style(str(options.out)).card
    assert (card.names, card.style_size) == (("red",), 1)
    assert "style" not in card.figures
    with Image.open(options.run_folder / "samples" / "step_000002.png") as sheet:
        assert sheet.size == (4 * 320, 4 * 240)


@pytest.mark.parametrize("painting", [True, False])
def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(options: VaeOptions, painting: bool) -> None:
    """Both feeds, the optimiser, the average, β's rise and every draw of chance go on where they were."""
    options = options if painting else without_paintings(options)
    options = dataclasses.replace(options, stability_start=0.0, average_decay=0.5, warm_up=1.0)
    whole, _ = run(dataclasses.replace(options, out=options.out.with_name("whole.onnx")))

    class Stop(Exception):
        pass

    def stop_after_two(step: int, _losses: dict[str, float]) -> None:
        if step == 3:
            raise Stop

    with pytest.raises(Stop):
        train(options, lambda _: None, stop_after_two)
    # The name of the run is the file's, which differs on purpose.
    resumed, said = run(dataclasses.replace(options, resume=True))
    assert resumed == whole[2:]
    assert not any("other settings" in line for line in said)
    ours, theirs = (
        torch.load(folder / "checkpoint.pt", weights_only=True)
        for folder in (options.run_folder, options.out.with_name("whole.run"))
    )
    for part in ("net", "average"):
        torch.testing.assert_close(ours[part], theirs[part], rtol=0, atol=0)


def test_a_run_with_paintings_is_not_resumed_without_them(options: VaeOptions) -> None:
    run(dataclasses.replace(options, steps=2))
    with pytest.raises(BadValue, match=r"of styles .*paintings.*resume with those"):
        run(dataclasses.replace(without_paintings(options), resume=True))
    with pytest.raises(FileExistsError, match="--resume"):
        run(options)


def test_it_learns_to_draw_its_pictures(options: VaeOptions) -> None:
    options = dataclasses.replace(
        without_paintings(options), steps=60, save_every=60, sample_every=60, learning_rate=1e-2, average_decay=0.8
    )
    trained = train(options, lambda _: None)
    assert trained.figures["psnr_db"] > 18, trained.figures


def test_a_run_can_begin_with_a_style_file(options: VaeOptions) -> None:
    options = dataclasses.replace(without_paintings(options), steps=2)
    first = train(options, lambda _: None)
    write_style_file(options, first)
    begun = dataclasses.replace(
        options, out=options.out.with_name("next.onnx"), steps=1, learning_rate=0.0, initial=options.out
    )
    trained = train(begun, lambda _: None)
    torch.testing.assert_close(trained.net.state_dict(), first.net.state_dict(), rtol=0, atol=2e-3)
    write_style_file(begun, trained)
    (earlier,) = load_style(str(begun.out)).card.training["earlier_runs"]
    assert earlier["recipe"] == "vae"


def test_ctrl_c_saves(options: VaeOptions) -> None:
    def interrupt(step: int, _losses: dict[str, float]) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(dataclasses.replace(options, steps=50), lambda _: None, interrupt)
    assert 1 <= torch.load(options.run_folder / "checkpoint.pt", weights_only=True)["step"] <= 3


def test_a_loss_that_is_no_number_stops_the_run(options: VaeOptions) -> None:
    with pytest.raises(FloatingPointError, match=r"a loss is not finite .*--resume"):
        train(dataclasses.replace(options, learning_rate=1e30, steps=20), lambda _: None)


@pytest.mark.parametrize("change", [{"network": "half"}, {"style_loss": "gram"}, {"steps": 0}, {"warm_up": 2.0}])
def test_impossible_options_are_refused(options: VaeOptions, change: dict[str, object]) -> None:
    with pytest.raises(BadValue, match=next(iter(change))):
        dataclasses.replace(options, **change)  # type: ignore[arg-type]


def test_beta_rises_to_one(options: VaeOptions) -> None:
    options = dataclasses.replace(options, steps=100, warm_up=0.2)
    assert [beta_share(step, options) for step in (0, 10, 20, 99)] == [0.0, 0.5, 1.0, 1.0]
    assert beta_share(0, dataclasses.replace(options, warm_up=0.0)) == 1.0


# --- the losses


def random_moments() -> Moments:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 2, 3, 4, 5, generator=generator)
    return Moments(mean, log_variance)


def test_the_divergence_is_the_closed_form() -> None:
    moments = random_moments()
    normal = Normal(moments.mean, (0.5 * moments.log_variance).exp())
    wanted = torch_kl(normal, Normal(torch.zeros(()), torch.ones(())))
    torch.testing.assert_close(kl_divergence(moments.mean, moments.log_variance), wanted)
    assert float(kl_divergence(torch.zeros(1), torch.zeros(1))) == 0


def test_the_divergence_is_what_samples_estimate() -> None:
    """The mean of log q(z) − log p(z) over samples of q, within five standard errors."""
    moments, draws = random_moments(), 20_000
    noise = torch.randn(draws, *moments.mean.shape, generator=torch.Generator().manual_seed(1))
    samples = moments.sample(noise)
    # log q − log p of normal numbers, whose constants cancel
    estimates = 0.5 * (samples.square() - noise.square() - moments.log_variance)
    error = estimates.std(0) / draws**0.5
    off = (estimates.mean(0) - kl_divergence(moments.mean, moments.log_variance)).abs() / error
    assert float(off.max()) < 5


def test_channels_below_their_free_bits_are_not_pressed() -> None:
    kl = torch.tensor([0.01, 2.0]).view(1, 2, 1, 1).expand(3, 2, 4, 4).clone().requires_grad_()
    told = information(kl, factor=4, free=0.5)
    assert told.item() == pytest.approx((0.5 + 2.0) / 48)
    (gradient,) = torch.autograd.grad(told, kl)
    assert float(gradient[:, 0].abs().max()) == 0
    assert float(gradient[:, 1].min()) > 0


def test_units_are_counted_that_vary_with_the_picture() -> None:
    """One varies, one is the prior, one is a constant, which tells nothing of a picture and costs nats."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.stack([torch.randn(8, 8, generator=generator), torch.zeros(8, 8), torch.full((8, 8), 2.0)])[None]
    figures = latent_figures([Moments(mean, torch.zeros_like(mean))])
    assert (figures["active_units"], figures["channels"]) == (1, 3)
    assert figures["kl/01"] == 0
    assert figures["kl/02"] == pytest.approx(2.0)
    assert figures["kl"] == pytest.approx(figures["kl/00"] + 2.0)


def test_distances_from_a_painting_are_zero_at_the_painting_and_nowhere_else() -> None:
    features, other = torch.rand(2, 5, 9, 7), torch.rand(2, 5, 6, 8) ** 3
    assert float(moments_distance(features, features).abs().max()) == 0
    assert float(moments_distance(features, other).min()) > 0.05
    shuffled = features.flatten(2)[..., torch.randperm(63)].view_as(features)
    near, far = (
        distribution_distance(features, aim, 10_000, 16, torch.Generator().manual_seed(0)) for aim in (shuffled, other)
    )
    assert float(near.abs().max()) < 1e-9
    assert float(far.min()) > 0.01


def test_moments_are_compared_relative_to_the_painting() -> None:
    """A layer of means m and no deviation, against one of means 2m, is a quarter away."""
    features = torch.ones(1, 4, 3, 3)
    torch.testing.assert_close(moments_distance(features, 2 * features), torch.tensor([0.25]))


def test_all_weights_learn_and_no_painting_is_needed_for_it(options: VaeOptions) -> None:
    judge = Judge(load_perceptual(options.loss_network), options)
    for paintings in (torch.rand(2, 3, 32, 32), None):
        learner = Learner(Vae(TINY))
        losses = judge.losses(
            learner, (3, 4), torch.rand(2, 3, 32, 32), paintings, chance=torch.Generator().manual_seed(0),
            moving=paintings is not None, share=1.0,
        )  # fmt: skip
        losses["total"].backward()  # type: ignore[no-untyped-call]
        assert all(parameter.grad is not None for parameter in learner.parameters())
        assert ("style" in losses) == ("identity" in losses) == (paintings is not None)


def test_the_total_is_the_weighted_sum(options: VaeOptions) -> None:
    options = dataclasses.replace(options, sensor_noise=0.0, range_weight=0.0, grid_weight=0.0)
    judge = Judge(load_perceptual(options.loss_network), options)
    content, paintings = torch.rand(2, 2, 3, 32, 32)
    losses = judge.losses(
        Learner(Vae(TINY)), (3, 4), content, paintings, chance=torch.Generator(), moving=True, share=0.5
    )
    weights = {
        "pixels": options.pixel_weight, "perceptual": options.perceptual_weight, "kl": 0.5 * options.beta,
        "content": options.content_weight, "style": options.style_weight, "identity": options.identity_weight,
        "stability": options.stability_weight,
    }  # fmt: skip
    wanted = torch.stack([weight * losses[name] for name, weight in weights.items()]).sum()
    torch.testing.assert_close(losses["total"], wanted)


def test_identity_is_of_pictures_painted_by_their_own_statistics(options: VaeOptions) -> None:
    options = dataclasses.replace(options, sensor_noise=0.0)
    judge = Judge(load_perceptual(options.loss_network), options)
    net, (content, paintings) = Vae(TINY), torch.rand(2, 2, 3, 32, 32)
    losses = judge.losses(Learner(net), (3, 4), content, paintings, chance=torch.Generator(), moving=False, share=1.0)
    both = torch.cat([content, paintings])
    with torch.no_grad():
        own = net(both, net.statistics(both))
        squares = (own - both).square().flatten(1).sum(1) / both.square().flatten(1).sum(1)
        wanted = 50 * squares.mean() + judge.feature_distance(own, both)
    torch.testing.assert_close(losses["identity"].detach(), wanted, rtol=1e-3, atol=1e-5)


def test_an_empty_validation_folder_is_told_before_the_first_step(options: VaeOptions, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadValue, match=r"no readable picture in .*none; give folders of pictures"):
        run(dataclasses.replace(options, validation=tmp_path / "none"))
    assert not options.run_folder.exists()


def test_the_loss_network_has_the_precision_of_the_run(options: VaeOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """That by which the figures are taken stays exact."""
    loaded = precisions_of_loss_networks("vae", monkeypatch)
    run(dataclasses.replace(options, steps=1))
    assert loaded == [torch.bfloat16, None]
