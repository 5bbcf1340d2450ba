"""A second family of networks, added by another package: it goes every way that a transform net goes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from clips import write_clip
from PIL import Image
from small_styles import one_thread_for_torch, random_frame, write_small_style
from toy_family import CONFIG, NAME, REMEMBERING, STYLES, installed, write_toy_style
from toy_net import random_net
from typer.testing import CliRunner

from engines.backends.tensorrt.typed_graph import typed_model
from engines.backends.torch_half import backend as torch_half_backend
from engines.backends.torch_half.backend import TorchHalfBackend
from engines.backends.torch_half.probe import TorchGpu
from engines.errors import EngineRefused, ImpastoError
from engines.export.checkpoint import ImportOptions, import_checkpoint
from engines.export.export import export_style
from engines.gate.memory import net_bytes
from engines.loading.engine import Controls, Engine, EngineChoice, load_engine
from engines.loading.prepare import prepare_in_child
from engines.networks.family import OURS, family_names, open_family
from engines.pictures import psnr
from engines.protocols import BuildAids, begin_anew, carries_state
from engines.spec import Calibration, EngineSpec
from engines.style.styles import StyleFile, load_style, save_style
from realtime.commands.all_commands import app

HEIGHT, WIDTH = 45, 62
ENGINES = [("openvino", "fp32"), ("openvino", "int8"), ("onnxruntime", "fp32"), ("torch", "fp32")]
LEAST_DB = {"fp32": 55.0, "int8": 32.0}
LEAST_DB_CARRIED = {"fp32": 48.0, "int8": 32.0}  # half a grey level lies between the state's start and a picture


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("site")):
        yield


@pytest.fixture(scope="module")
def style(package: None, tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_toy_style(tmp_path_factory.mktemp("styles") / "toy.onnx")


@pytest.fixture(scope="module")
def unknown(style: StyleFile, tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    """The same graph, of a family that nobody here knows."""
    return described_as({"name": "mist", "config": {}}, style, tmp_path_factory.mktemp("styles") / "mist.onnx")


def described_as(network: dict[str, object], style: StyleFile, path: Path) -> StyleFile:
    save_style(path, style.model, replace(style.card, network=network))
    return load_style(str(path))


def opened(style: StyleFile, backend: str, precision: str, report: Callable[[str], None] = print) -> Engine:
    frames = np.stack([random_frame(48, 64, seed) for seed in range(4)])
    choice = EngineChoice(backend, precision, strict=True, calibration=Calibration(frames, "noise"))
    return load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, report=report)


def painted_by_torch(frame: np.ndarray, controls: Controls) -> np.ndarray:
    """What the trained net makes of the frame at full strength."""
    picture = torch.tensor(frame).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        painted = random_net(CONFIG["channels"], len(STYLES))(picture, torch.tensor(controls.style)[None])[0]
    return np.asarray((255 * painted.clamp(0, 1)).round().byte().permute(1, 2, 0))


# --- export, gate, cache and every backend


def test_the_registry_names_it_behind_ours() -> None:
    assert list(family_names()) == [*OURS, NAME]


def test_the_style_file_keeps_the_net(style: StyleFile) -> None:
    assert style.card.network == {"name": NAME, "config": CONFIG}
    state = random_net(CONFIG["channels"], len(STYLES)).state_dict()
    np.testing.assert_array_equal(np.stack([style.vector(name) for name in STYLES]), state.pop("styles"))
    assert set(style.weights()) == set(state)
    for name, values in style.weights().items():
        np.testing.assert_array_equal(values, state[name].half().float())


@pytest.mark.parametrize(("backend", "precision"), ENGINES)
def test_an_engine_paints_as_the_trained_net(style: StyleFile, backend: str, precision: str) -> None:
    """And the gate's verdict comes from the cache the next time."""
    frame, controls = random_frame(HEIGHT, WIDTH), Controls(style.vector("wild"))
    engine = opened(style, backend, precision)
    assert engine.gate is not None
    assert engine.gate.passed
    painted = engine(frame, controls)
    engine.close()
    assert psnr(painted, painted_by_torch(frame, controls)) > LEAST_DB[precision]
    lines: list[str] = []
    again = opened(style, backend, precision, lines.append)
    assert not [line for line in lines if line.startswith("preparing")]
    np.testing.assert_array_equal(again(frame, controls), painted)
    again.close()


# --- with state


@pytest.fixture(scope="module")
def remembering(package: None, tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_toy_style(tmp_path_factory.mktemp("styles") / "remembering.onnx", REMEMBERING)


@pytest.mark.parametrize(("backend", "precision"), ENGINES)
def test_what_the_family_carries_is_carried(remembering: StyleFile, backend: str, precision: str) -> None:
    """The net sees the mean of a frame and the one before; before the first one all is grey."""
    assert [each.name for each in remembering.card.state] == ["before"]
    controls = Controls(remembering.vector("wild"))
    frames = [random_frame(HEIGHT, WIDTH, seed) for seed in range(3)]
    grey = np.full_like(frames[0], 255 // 2)
    engine = opened(remembering, backend, precision)
    assert carries_state(engine)
    for _ in range(2):
        for before, frame in zip([grey, *frames], frames, strict=False):
            seen = painted_by_torch(frame / 2 + before / 2, controls)
            assert psnr(engine(frame, controls), seen) > LEAST_DB_CARRIED[precision]
        begin_anew(engine)
    engine.close()


def test_a_card_with_another_state_is_refused(remembering: StyleFile, tmp_path: Path) -> None:
    other = tuple(replace(each, start=0.25) for each in remembering.card.state)
    save_style(tmp_path / "other.onnx", remembering.model, replace(remembering.card, state=other))
    with pytest.raises(EngineRefused, match="its card declares another state than the network toy"):
        opened(load_style(str(tmp_path / "other.onnx")), "torch", "fp32")


def test_a_process_that_prepares_an_engine_knows_it_too(style: StyleFile) -> None:
    spec = prepare_in_child(style, height=32, width=48, choice=EngineChoice("torch", strict=True))
    assert spec is not None
    assert spec.backend == "torch"


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_typed_graph_leaves_out_the_layers_that_the_family_names(style: StyleFile, precision: str) -> None:
    model = typed_model(style, precision, (HEIGHT, WIDTH))
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    first, last, _luma = (types[node.input[1]] for node in model.graph.node if node.op_type == "Conv")
    narrow = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}[precision]
    assert (first, last) == (narrow, onnx.TensorProto.FLOAT)


def test_memory_is_estimated_from_the_shapes_in_the_graph(style: StyleFile) -> None:
    """The widest node is the padding before the last convolution: as many channels in as out."""
    size = (720, 1280)
    channels = CONFIG["channels"]
    assert 2 * 4 * 2 * channels < net_bytes(style, size) / (720 * 1280) < 2 * 4 * 2 * channels + 60


def test_torch_half_declines_a_family_without_kernels(style: StyleFile) -> None:
    spec = EngineSpec("torch-half", "fp16", HEIGHT, WIDTH, "CPU", "1")
    with pytest.raises(EngineRefused, match="the network 'toy' has no half precision of its own; choose another"):
        TorchHalfBackend().build(style, spec, BuildAids(Path()))


def test_torch_half_declines_what_is_carried(remembering: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with a GPU for it: a half net sees one frame alone."""
    gpu = TorchGpu("NVIDIA H100", (9, 0), ("sm_90",), "CUDA 13.0")
    monkeypatch.setattr(torch_half_backend, "missing_torch", str)
    monkeypatch.setattr(torch_half_backend, "look_at_gpu", lambda torch: gpu)
    with pytest.raises(
        EngineRefused, match="torch-half paints every frame by itself, and this style carries 'before'"
    ) as caught:
        opened(remembering, "torch-half", "fp16")
    assert "\n" not in str(caught.value)


def test_a_config_that_does_not_fit_is_one_line(style: StyleFile, tmp_path: Path) -> None:
    odd = described_as({"name": NAME, "config": {"width": 6}}, style, tmp_path / "odd.onnx")
    with pytest.raises(EngineRefused, match=r"weights in odd\.onnx do not fit the net that its card describes"):
        opened(odd, "openvino", "fp32")


# --- the commands


def video(style: str, folder: Path) -> list[str]:
    return ["video", str(write_clip(folder / "in.mp4")), str(folder / "out.mp4"), "--style", style]


def image(style: str, folder: Path) -> list[str]:
    Image.fromarray(random_frame(48, 64)).save(folder / "in.png")
    return ["image", str(folder / "in.png"), str(folder / "out.png"), "--style", style]


def live(style: str, folder: Path) -> list[str]:
    return ["live", "pattern:64x48@25", "--to", "null:", "--style", style, "--frames", "4", "--no-control"]


def bench(style: str, folder: Path) -> list[str]:
    clip = write_clip(folder / "in.mp4")
    return ["bench", "--clip", str(clip), "--style", style, "--height", "48", "--frames", "4", "--repeats", "1"]


def styles(style: str, folder: Path) -> list[str]:
    return ["styles", style.partition(":wild")[0]]


@pytest.mark.parametrize("command", [video, image, live, bench, styles], ids=lambda command: str(command.__name__))
def test_a_command_takes_its_style(
    style: StyleFile, tmp_path: Path, command: Callable[[str, Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = command(f"{style.path}:wild", tmp_path)
    engine = [] if command is styles else ["--engine", "openvino", "--precision", "fp32"]
    result = CliRunner().invoke(app, [*arguments, *engine, "--json"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    if command is styles:
        assert document["files"][0]["network"]["name"] == NAME
    if command is bench:
        assert document["combinations"][0]["reason"] == ""
    if command in (video, image):
        assert (tmp_path / f"out.{'mp4' if command is video else 'png'}").stat().st_size > 0


# --- what is not known


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_backends_that_read_the_graph_run_an_unknown_family(style: StyleFile, unknown: StyleFile, backend: str) -> None:
    frame, controls = random_frame(HEIGHT, WIDTH), Controls(unknown.vector("wild"))
    engine = opened(unknown, backend, "fp32")
    assert psnr(engine(frame, controls), painted_by_torch(frame, controls)) > LEAST_DB["fp32"]
    engine.close()


def test_torch_says_in_a_line_that_it_does_not_know_a_family(unknown: StyleFile) -> None:
    with pytest.raises(
        EngineRefused, match=r"knows no network 'mist', only transform, resnet_generator, vae, toy; install"
    ) as caught:
        opened(unknown, "torch", "fp32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("network", [{}, {"name": ["toy"]}, {"name": 3}], ids=str)
def test_a_card_that_names_no_family_is_an_unknown_one(
    style: StyleFile, tmp_path: Path, network: dict[str, object]
) -> None:
    assert net_bytes(described_as(network, style, tmp_path / "x.onnx"), (16, 16)) > 0


def test_no_style_is_written_for_an_unknown_family(tmp_path: Path) -> None:
    with pytest.raises(
        ImpastoError, match="there is no network 'mist'; choose one of transform, resnet_generator, vae, toy"
    ):
        export_style(
            tmp_path / "x.onnx", network="mist", config={}, weights={}, styles=[], name="x", licence="", training={}
        )
    assert not list(tmp_path.iterdir())


def test_a_package_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    """And the nets of others are painted as before."""
    with installed(tmp_path / "site", "nowhere:FAMILY"):
        with pytest.raises(ImpastoError, match=r"'toy' cannot be opened \(nowhere:.*install"):
            open_family(NAME)
        assert net_bytes(write_small_style(tmp_path / "small.onnx"), (16, 16)) > 0


def test_a_checkpoint_of_no_family_is_refused_with_the_reason(tmp_path: Path) -> None:
    torch.save(random_net(CONFIG["channels"], len(STYLES)).state_dict(), tmp_path / "toy.pth")
    with pytest.raises(ImpastoError, match=r"toy\.pth is no transform net of pytorch/examples: conv1.* is missing"):
        import_checkpoint(tmp_path / "toy.pth", tmp_path / "toy.onnx", ImportOptions())
