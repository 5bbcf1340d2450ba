"""The variational autoencoder: our net, its graphs, and what it tells of pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from small_styles import one_thread_for_torch, random_frame, write_small_style
from small_vae import SHAPES, random_vae, write_vae_style
from torch import Tensor

from engines.backends.tensorrt.typed_graph import typed_model
from engines.errors import EngineRefused
from engines.export.export import graph_of
from engines.gate.memory import net_bytes
from engines.gate.reference import RUNTIMES, open_reference
from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.loading.further_graphs import offers, open_dream, open_statistics
from engines.networks.family import PLAIN, REWRITTEN
from engines.networks.vae.config import PRESETS, VaeConfig
from engines.networks.vae.graph import build_dream, build_statistics
from engines.networks.vae.net import LOG_VARIANCES, AdaptiveNorm, Vae
from engines.pictures import psnr
from engines.spec import FLOOR_DB, EngineSpec

EVERY_SHAPE = pytest.mark.parametrize("shape", SHAPES)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


def as_picture(frame: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] → [1, 3, H, W] in 0..1"""
    return torch.tensor(frame).permute(2, 0, 1)[None].float() / 255


def to_bytes(picture: Tensor) -> np.ndarray:
    """[1, 3, H, W] in 0..1 → uint8 [H, W, 3]"""
    return np.asarray((255 * picture[0]).round().clamp(0, 255).byte().permute(1, 2, 0))


def rounded(net: Vae) -> Vae:
    """Weights as a style file keeps them."""
    return net.half().float()


# --- the net


@EVERY_SHAPE
def test_a_picture_painted_by_its_own_statistics_is_itself_repainted(shape: str) -> None:
    """What makes statistics a style: of those of its own the net paints a picture as it draws it without any."""
    net, picture = random_vae(shape), torch.rand(2, 3, 24, 32)
    with torch.no_grad():
        drawn, statistics = net.decoded_with_statistics(net.encode(picture).mean)
        assert statistics.shape == (2, net.config.style_size)
        torch.testing.assert_close(net(picture, statistics), drawn, atol=1e-5, rtol=1e-4)
        if net.config.statistics:
            torch.testing.assert_close(net.statistics(picture), statistics)
            assert float((net(picture, statistics.flip(0)) - drawn).abs().max()) > 0.01


def test_a_style_sets_the_means_and_draws_the_deviations_nearer() -> None:
    """Seen by taking the statistics of the features before the norm and after it."""
    net, seen = random_vae("deep"), list[Tensor]()
    net.norms["1"].register_forward_hook(lambda _module, given, result: seen.extend([given[0], result]))
    picture, other = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 48, 40)
    with torch.no_grad():
        style = net.statistics(other)
        net(picture, style)
    (before, _), (deviation, mean) = (torch.std_mean(each, dim=(2, 3), unbiased=False) for each in seen)
    wanted, means = style.chunk(2, dim=1)
    torch.testing.assert_close(mean, means, atol=1e-3, rtol=1e-3)
    share = deviation.square() / before.square()
    torch.testing.assert_close(share, 1.3 * wanted**2 / (before**2 + 0.3 * wanted**2), atol=1e-3, rtol=1e-3)
    assert bool(((deviation - wanted).abs() <= (before - wanted).abs() + 1e-4).all())


def test_what_is_flat_is_enlarged_two_times_at_most() -> None:
    """A dark wall's noise, and the rounding of int8 with it, is not raised to a painting's contrast."""
    wall = 1 + 1e-3 * torch.randn(1, 4, 32, 32)
    style = torch.tensor([[2.0] * 4 + [0.5] * 4])
    painted = AdaptiveNorm(4, 8, 0.3)(wall, style)
    assert float(painted.std() / wall.std()) == pytest.approx((1 + 1 / 0.3) ** 0.5, rel=0.01)


@pytest.mark.parametrize("deviation", [0.0, -1.0])
def test_a_style_without_deviations_paints_its_means(deviation: float) -> None:
    """A vector that nobody measured does no harm."""
    style = torch.tensor([[deviation] * 4 + [0.5] * 4])
    painted = AdaptiveNorm(4, 8, 0.3)(torch.randn(1, 4, 8, 8), style)
    torch.testing.assert_close(painted, torch.full_like(painted, 0.5), atol=0.03, rtol=0)


def test_without_statistics_a_style_is_the_latents_factor() -> None:
    net, picture = random_vae("plain"), torch.rand(1, 3, 16, 24)
    assert net.config.style_size == 1
    with torch.no_grad():
        twice = net(picture, torch.tensor([[2.0]]))
        torch.testing.assert_close(twice, net.decode(2 * net.encode(picture).mean))


@EVERY_SHAPE
@pytest.mark.parametrize("size", [(16, 16), (37, 50)], ids=str)
def test_any_size_goes_in_and_comes_out(shape: str, size: tuple[int, int]) -> None:
    net = random_vae(shape)
    with torch.no_grad():
        latent = net.encode(torch.rand(1, 3, *size)).mean
        assert latent.shape[-2:] == tuple(-(-side // net.config.factor) for side in size)
        assert net(torch.rand(1, 3, *size)).shape == (1, 3, *size)


def test_what_is_sampled_has_the_moments_that_were_told() -> None:
    net = random_vae("plain")
    with torch.no_grad():
        moments = net.encode(torch.rand(1, 3, 16, 16))
        noise = torch.randn(4000, *moments.mean.shape[1:], generator=torch.Generator().manual_seed(0))
        deviation, mean = torch.std_mean(moments.sample(noise), dim=0)
    expected = (0.5 * moments.log_variance[0]).exp()
    torch.testing.assert_close(deviation, expected, rtol=0.08, atol=0)
    assert float(((mean - moments.mean[0]) / expected).abs().max()) < 5 / 4000**0.5


def test_a_wild_encoder_tells_no_variance_that_overflows() -> None:
    net = random_vae("plain")
    with torch.no_grad():
        net.moments.weight *= 1e6
        told = net.encode(torch.rand(1, 3, 16, 16)).log_variance
    assert (float(told.min()), float(told.max())) == LOG_VARIANCES


def test_an_optimiser_does_not_see_the_table_of_styles() -> None:
    net = random_vae("styled")
    assert "styles" in net.state_dict()
    assert not [name for name, _ in net.named_parameters() if "styles" in name or "norm" in name]


@pytest.mark.parametrize(
    "change",
    [{"widths": [8]}, {"widths": [8, 0]}, {"blocks": -1}, {"latent": 0}, {"statistics": [2]}, {"statistics": [1, 0]},
     {"statistics": [0, 0]}, {"variance_share": 0}, {"depth": 3}],
    ids=str,
)  # fmt: skip
def test_settings_that_make_no_net_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        VaeConfig.from_dict(change)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_survives_a_style_card(preset: VaeConfig) -> None:
    assert VaeConfig.from_dict({**preset.to_dict(), "widths": list(preset.widths)}) == preset


# --- the graph of a style file


@EVERY_SHAPE
@pytest.mark.parametrize("size", [(45, 62), (48, 64), (16, 16)], ids=str)
def test_the_graph_paints_as_the_torch_net(tmp_path: Path, shape: str, size: tuple[int, int]) -> None:
    """With the rewrites for speed and without them."""
    net, frame = random_vae(shape), random_frame(*size)
    style = write_vae_style(tmp_path / "net.onnx", net)
    with torch.no_grad():
        wanted = to_bytes(rounded(net)(as_picture(frame), torch.tensor(style.card.styles[0].vector)[None]))
    assert wanted.std() > 5
    for model in (style.model, graph_of(style, PLAIN), graph_of(style, REWRITTEN)):
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (painted,) = session.run(None, Controls(style.card.styles[0].vector).graph_inputs(frame[None]))
        assert np.abs(painted[0].astype(int) - wanted).max() <= 1
        assert psnr(painted[0], wanted) > 55


@pytest.mark.parametrize(
    ("backend", "precision", "shape"),
    [("openvino", "fp32", "deep"), ("openvino", "int8", "plain"), ("onnxruntime", "fp32", "plain"),
     ("torch", "fp32", "styled")],
)  # fmt: skip
def test_an_engine_passes_the_gate(tmp_path: Path, backend: str, precision: str, shape: str) -> None:
    style = write_vae_style(tmp_path / "net.onnx", random_vae(shape, styles=2))
    engine = load_engine(style, height=48, width=64, choice=EngineChoice(backend, precision, strict=True))
    assert engine.gate is not None
    assert engine.gate.passed
    engine.close()


@EVERY_SHAPE
def test_the_graph_that_tensorrt_compiles_passes_in_half_precision(tmp_path: Path, shape: str) -> None:
    style, frame = write_vae_style(tmp_path / "net.onnx", random_vae(shape)), random_frame(45, 62)
    controls = Controls(style.card.styles[0].vector)
    _, reference = open_reference(style, EngineSpec("tensorrt", "fp16", 45, 62, "CUDA", "0"))
    half = typed_model(style, "fp16", (45, 62)).SerializeToString()
    session = onnxruntime.InferenceSession(half, providers=["CPUExecutionProvider"])
    (painted,) = session.run(None, controls.graph_inputs(frame[None]))
    assert psnr(painted[0], reference(frame, controls)) > FLOOR_DB["fp16"] + 10


@pytest.mark.parametrize(("width", "bytes_per_px"), [(16, 195), (32, 400)])
def test_memory_is_estimated_as_it_was_measured(tmp_path: Path, width: int, bytes_per_px: int) -> None:
    style = write_vae_style(tmp_path / "net.onnx", Vae(VaeConfig(widths=(width, 2 * width))))
    assert net_bytes(style, (720, 1280)) / (720 * 1280) == pytest.approx(bytes_per_px, rel=0.15)


# --- its further graphs


def every_runtime(model: object, name: str, value: np.ndarray, output: str) -> Iterator[np.ndarray]:
    for opened in RUNTIMES.values():
        yield opened(model.SerializeToString())[1]({name: value}, [output])[0]  # type: ignore[attr-defined]


@pytest.mark.parametrize("shape", ["styled", "deep"])
def test_every_runtime_takes_the_statistics_that_torch_takes(tmp_path: Path, shape: str) -> None:
    net, frame = random_vae(shape), random_frame(45, 62)
    style = write_vae_style(tmp_path / "net.onnx", net)
    with torch.no_grad():
        wanted = rounded(net).statistics(as_picture(frame))[0].numpy()
    model = build_statistics(style.card.network["config"], style.weights())
    for found in every_runtime(model, "frame", frame[None], "style"):
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_allclose(open_statistics(style)(frame), wanted, atol=1e-4)


@EVERY_SHAPE
def test_every_runtime_dreams_what_torch_decodes(tmp_path: Path, shape: str) -> None:
    net = random_vae(shape)
    style = write_vae_style(tmp_path / "net.onnx", net)
    latent = np.random.default_rng(0).normal(size=(net.config.latent, 6, 9)).astype(np.float32)
    with torch.no_grad():
        wanted = to_bytes(rounded(net).decode(torch.tensor(latent)[None]))
    model = build_dream(style.card.network["config"], style.weights())
    for found in every_runtime(model, "latent", latent[None], "picture"):
        assert np.abs(found[0].astype(int) - wanted).max() <= 1
    dream, factor = open_dream(style), net.config.factor
    assert (dream.channels, dream.factor) == (net.config.latent, factor)
    assert psnr(dream.draw(latent), wanted) > 55
    assert dream.draw(latent[:, :3, :5]).shape == (3 * factor, 5 * factor, 3)


def test_a_net_without_statistics_offers_none(tmp_path: Path) -> None:
    style = write_vae_style(tmp_path / "net.onnx", random_vae("plain"))
    assert (offers(style, "statistics"), offers(style, "dream")) == (False, True)
    with pytest.raises(EngineRefused, match=r"the net in net\.onnx has no graph 'statistics'"):
        open_statistics(style)


def test_a_net_of_another_family_offers_nothing(tmp_path: Path) -> None:
    style = write_small_style(tmp_path / "small.onnx")
    assert not offers(style, "statistics")
    with pytest.raises(EngineRefused, match="has no graph 'dream'"):
        open_dream(style)
