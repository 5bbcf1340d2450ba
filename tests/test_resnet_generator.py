"""The ResNet generators of CycleGAN: our net, its graph, and checkpoints of the published project."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from published_resnet import PublishedGenerator
from small_styles import one_thread_for_torch, random_frame
from torch import Tensor

from engines.errors import ImpastoError
from engines.export.checkpoint import ImportOptions, import_checkpoint, read_checkpoint
from engines.export.export import export_style, graph_of, weights_and_styles
from engines.gate.memory import net_bytes
from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.networks.family import PLAIN, REWRITTEN
from engines.networks.resnet_generator.config import RESIZE, TRANSPOSED, ResnetGeneratorConfig
from engines.networks.resnet_generator.net import ResnetGenerator
from engines.pictures import psnr
from engines.style.styles import NamedStyle, StyleFile, load_style

NAME = "resnet_generator"
State = dict[str, Tensor]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


def random_generator(config: ResnetGeneratorConfig, styles: int = 1, seed: int = 0) -> ResnetGenerator:
    net = ResnetGenerator(config, styles)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return net.eval()


def write_style(path: Path, net: ResnetGenerator) -> StyleFile:
    weights, vectors = weights_and_styles(net)
    export_style(
        path, network=NAME, config=net.config.to_dict(), weights=weights, styles=[NamedStyle("only", vectors[0])],
        name="only", licence="CC0-1.0", training={},
    )  # fmt: skip
    return load_style(str(path))


def painted_by_graph(style: StyleFile, frame: np.ndarray, model: bytes | None = None) -> np.ndarray:
    session = onnxruntime.InferenceSession(model or style.data, providers=["CPUExecutionProvider"])
    inputs = Controls(style.card.styles[0].vector).graph_inputs(frame[None])
    painted: np.ndarray = session.run(None, inputs)[0][0]
    return painted


def to_bytes(picture: Tensor) -> np.ndarray:
    """[1, 3, H, W] in 0..1 → uint8 [H, W, 3]"""
    return np.asarray((255 * picture[0]).round().clamp(0, 255).byte().permute(1, 2, 0))


def as_picture(frame: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] → [1, 3, H, W] in 0..1"""
    return torch.tensor(frame).permute(2, 0, 1)[None].float() / 255


def imported(state: State, folder: Path) -> ResnetGenerator:
    """Our torch net with what the import made of a checkpoint."""
    torch.save(state, folder / "latest_net_G.pth")
    network, found = read_checkpoint(folder / "latest_net_G.pth")
    assert network == NAME
    net = ResnetGenerator(ResnetGeneratorConfig.from_dict(found.config))
    tensors = {name: torch.tensor(values) for name, values in found.weights.items()}
    net.load_state_dict({**tensors, "styles": torch.tensor(found.style)[None]})
    return net.eval()


# --- our net and its graph


@pytest.mark.parametrize("upsampling", [TRANSPOSED, RESIZE])
@pytest.mark.parametrize("size", [(45, 62), (48, 64), (16, 16)], ids=str)
def test_the_graph_paints_as_the_torch_net(tmp_path: Path, upsampling: str, size: tuple[int, int]) -> None:
    """With the rewrites for speed and without them."""
    net = random_generator(ResnetGeneratorConfig(8, 2, upsampling))
    style, frame = write_style(tmp_path / "net.onnx", net), random_frame(*size)
    with torch.no_grad():
        wanted = to_bytes(net(as_picture(frame)))
    assert wanted.std() > 20
    assert psnr(painted_by_graph(style, frame), wanted) > 55
    for rewrites in (PLAIN, REWRITTEN):
        assert psnr(painted_by_graph(style, frame, graph_of(style, rewrites).SerializeToString()), wanted) > 55


def test_a_style_vector_scales_and_shifts_the_norms() -> None:
    net, picture = random_generator(ResnetGeneratorConfig(4, 1)), torch.rand(1, 3, 24, 32)
    with torch.no_grad():
        torch.testing.assert_close(net(picture), net(picture, net.neutral_style()[None]))
        assert float((net(picture) - net(picture, 0.5 * net.neutral_style()[None])).abs().max()) > 0.01


def test_an_optimiser_does_not_see_the_norms() -> None:
    net = ResnetGenerator(ResnetGeneratorConfig(4, 1))
    assert "styles" in net.state_dict()
    assert not [name for name, _ in net.named_parameters() if "styles" in name or "norm" in name]


@pytest.mark.parametrize("change", [{"width": 0}, {"blocks": 0}, {"upsampling": "bilinear"}, {"depth": 3}], ids=str)
def test_settings_that_make_no_net_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        ResnetGeneratorConfig.from_dict(change)


@pytest.mark.parametrize(
    ("backend", "precision"), [("openvino", "fp32"), ("openvino", "int8"), ("onnxruntime", "fp32"), ("torch", "fp32")]
)
@pytest.mark.parametrize("upsampling", [TRANSPOSED, RESIZE])
def test_an_engine_passes_the_gate(tmp_path: Path, backend: str, precision: str, upsampling: str) -> None:
    """Of a net that int8 tells with its stem in floats: where more is needed, a search for it would take seconds."""
    style = write_style(tmp_path / "net.onnx", random_generator(ResnetGeneratorConfig(4, 1, upsampling)))
    engine = load_engine(style, height=48, width=64, choice=EngineChoice(backend, precision, strict=True))
    assert engine.gate is not None
    assert engine.gate.passed
    engine.close()


@pytest.mark.parametrize(("upsampling", "bytes_per_px"), [(TRANSPOSED, 280), (RESIZE, 464)])
def test_memory_is_estimated_as_it_was_measured(tmp_path: Path, upsampling: str, bytes_per_px: int) -> None:
    style = write_style(tmp_path / "net.onnx", random_generator(ResnetGeneratorConfig(16, 1, upsampling)))
    assert net_bytes(style, (720, 1280)) / (720 * 1280) == pytest.approx(bytes_per_px, rel=0.15)


# --- published checkpoints


@pytest.mark.parametrize(("width", "blocks"), [(4, 9), (8, 6), (12, 6)])
@pytest.mark.parametrize("affine", [False, True])
def test_a_checkpoint_paints_as_the_published_net(tmp_path: Path, width: int, blocks: int, affine: bool) -> None:
    published = PublishedGenerator(width, blocks, affine=affine).eval()
    picture = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = published(2 * picture - 1)
        found = 2 * imported(published.state_dict(), tmp_path)(picture) - 1
    assert float(wanted.std()) > 0.1
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_its_style_file_paints_as_the_published_net(tmp_path: Path) -> None:
    published = PublishedGenerator(8, 6).eval()
    torch.save(published.state_dict(), tmp_path / "latest_net_G_A.pth")
    assert (
        import_checkpoint(tmp_path / "latest_net_G_A.pth", tmp_path / "net.onnx", ImportOptions()) == "latest_net_G_A"
    )
    frame = random_frame(48, 64)
    with torch.no_grad():
        wanted = to_bytes((published(2 * as_picture(frame) - 1) + 1) / 2)
    assert psnr(painted_by_graph(load_style(str(tmp_path / "net.onnx")), frame), wanted) > 50


def with_statistics(state: State) -> State:
    """As torch before 0.4 saved it."""
    norms = {
        name.replace(".1.bias", ".2").replace("model.4.bias", "model.5") for name in state if name.endswith("bias")
    }
    return {**state, **{f"{norm}.running_mean": torch.zeros(4) for norm in norms if norm.endswith((".2", ".5"))}}


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {f"netG_A.module.{name}": value for name, value in state.items()},
        lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
        lambda state: {"epoch": 3, "netG": state, "optimizer": {"lr": torch.ones(1)}},
        with_statistics,
        lambda state: dict(reversed(state.items())),
    ],
    ids=["DataParallel", "of a trainer", "compiled", "a tensor beside it", "running statistics", "another order"],
)
def test_other_spellings_of_the_same_net(tmp_path: Path, change: Callable[[State], State]) -> None:
    state = PublishedGenerator(4, 2).state_dict()
    plain, spelled = imported(state, tmp_path), imported(change(state), tmp_path)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(spelled.state_dict()[name], value, rtol=0, atol=0)


def test_dropout_moves_the_second_convolution(tmp_path: Path) -> None:
    plain = imported(PublishedGenerator(4, 2).state_dict(), tmp_path)
    dropped = imported(PublishedGenerator(4, 2, dropout=True).state_dict(), tmp_path)
    picture = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(plain(picture), dropped(picture))


def without(state: State, *names: str) -> State:
    return {name: value for name, value in state.items() if name not in names}


def batch_normed() -> State:
    state = PublishedGenerator(4, 2, affine=True).state_dict()
    return without(state, *(name for name in state if name.endswith("bias") and state[name[:-4] + "weight"].ndim == 4))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (without(PublishedGenerator(4, 2).state_dict(), "model.4.weight"), "lacks model.4.weight"),
        ({**PublishedGenerator(4, 2).state_dict(), "model.9.filt": torch.ones(3)}, "also has model.9.filt"),
        ({**PublishedGenerator(4, 2).state_dict(), "model.4.bias": torch.ones(3)}, r"model.4.bias has shape \(3,\)"),
        ({**PublishedGenerator(4, 2).state_dict(), "model.4.bias": torch.full((8,), torch.nan)}, "not finite"),
        ({"model.1.weight": torch.ones(4, 1, 7, 7)}, "has no residual blocks"),
        (batch_normed(), "batch norms.*export it to ONNX"),
    ],
    ids=["a missing part", "a part too many", "a wrong shape", "not finite", "another net", "batch norms"],
)
def test_another_net_is_refused_with_the_reason(tmp_path: Path, state: State, says: str) -> None:
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(ImpastoError, match=says) as caught:
        import_checkpoint(tmp_path / "net.pth", tmp_path / "net.onnx", ImportOptions())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "net.onnx").exists()
