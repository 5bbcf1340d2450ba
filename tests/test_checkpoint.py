"""`impasto import`: the author's own outputs are reproduced, and another net is refused with the reason."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from clips import psnr_db
from PIL import Image
from torch import Tensor
from torch.nn import functional

from engines.errors import ImpastoError
from engines.export.checkpoint import ImportOptions, import_checkpoint, name_after, read_checkpoint
from engines.style.styles import load_style

State = dict[str, Tensor]


def random_state(width: int, blocks: int = 5, kernel: int = 9, seed: int = 0) -> State:
    """A state_dict in the layout of pytorch/examples, sized like a trained one."""
    generator = torch.Generator().manual_seed(seed)

    def conv(name: str, out: int, channels: int, size: int) -> State:
        weight = torch.randn(out, channels, size, size, generator=generator) / (channels * size * size) ** 0.5
        return {f"{name}.conv2d.weight": weight, f"{name}.conv2d.bias": torch.randn(out, generator=generator)}

    def norm(name: str, channels: int) -> State:
        scale = 1 + 0.3 * torch.randn(channels, generator=generator)
        return {f"{name}.weight": scale, f"{name}.bias": 0.3 * torch.randn(channels, generator=generator)}

    state = conv("conv1", width, 3, kernel) | norm("in1", width)
    state |= conv("conv2", 2 * width, width, 3) | norm("in2", 2 * width)
    state |= conv("conv3", 4 * width, 2 * width, 3) | norm("in3", 4 * width)
    for block in range(1, blocks + 1):
        for half in (1, 2):
            state |= conv(f"res{block}.conv{half}", 4 * width, 4 * width, 3)
            state |= norm(f"res{block}.in{half}", 4 * width)
    state |= conv("deconv1", 2 * width, 4 * width, 3) | norm("in4", 2 * width)
    state |= conv("deconv2", width, 2 * width, 3) | norm("in5", width) | conv("deconv3", 3, width, kernel)
    state["deconv3.conv2d.weight"] *= 60
    state["deconv3.conv2d.bias"] += 120
    return state


def formula(state: State, picture: np.ndarray) -> np.ndarray:
    """The net of pytorch/examples, written down again from its source: (H, W, 3) uint8 → uint8."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.conv2d.weight"]
        padded = functional.pad(x, [weight.shape[-1] // 2] * 4, mode="reflect")
        return functional.conv2d(padded, weight, state[f"{name}.conv2d.bias"], stride)

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    for number, stride in ((1, 1), (2, 2), (3, 2)):
        x = functional.relu(norm(conv(x, f"conv{number}", stride), f"in{number}"))
    for block in range(1, sum(name.endswith(".in1.bias") for name in state) + 1):
        y = functional.relu(norm(conv(x, f"res{block}.conv1"), f"res{block}.in1"))
        x = x + norm(conv(y, f"res{block}.conv2"), f"res{block}.in2")
    for number in (1, 2):
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = functional.relu(norm(conv(x, f"deconv{number}"), f"in{number + 3}"))
    painted = conv(x, "deconv3")[0].clamp(0, 255).round()
    return painted.permute(1, 2, 0).to(torch.uint8).numpy()


def paint(style_file: Path, picture: np.ndarray) -> np.ndarray:
    """What any ONNX runtime makes of the style file's first style."""
    session = onnxruntime.InferenceSession(str(style_file), providers=["CPUExecutionProvider"])
    controls = {"strength": np.ones(1, np.float32), "keep_colour": np.zeros(1, np.float32)}
    style = load_style(str(style_file)).card.styles[0].vector
    painted: np.ndarray = session.run(None, {"frame": picture[None], "style": style, **controls})[0][0]
    return painted


def noise_picture(height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(3).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("checkpoint", "expected", "floor_db"),
    [("candy_nc16.model", "amber-candy_nc16.jpg", 37.0), ("mosaic_nc8.model", "amber-mosaic_nc8.jpg", 28.0)],
)
def test_published_checkpoints_reproduce_their_authors_pictures(
    shared_data: Path, tmp_path: Path, checkpoint: str, expected: str, floor_db: float
) -> None:
    """The author's pictures are JPEGs of quality 75, so ours is one too before they are compared."""
    folder = shared_data / "reference" / "pytorch_examples_fns"
    import_checkpoint(folder / checkpoint, tmp_path / "style.onnx", ImportOptions())
    painted = paint(tmp_path / "style.onnx", np.asarray(Image.open(folder / "amber.jpg").convert("RGB")))
    as_jpeg = io.BytesIO()
    Image.fromarray(painted).save(as_jpeg, "JPEG", quality=75)
    theirs = np.asarray(Image.open(folder / "expected" / expected).convert("RGB"))
    assert psnr_db(np.asarray(Image.open(as_jpeg)), theirs) >= floor_db


@pytest.mark.parametrize(("width", "blocks", "kernel"), [(4, 5, 9), (12, 2, 9), (8, 1, 3)])
def test_any_width_paints_as_the_formula_does(tmp_path: Path, width: int, blocks: int, kernel: int) -> None:
    state = random_state(width, blocks, kernel)
    torch.save(state, tmp_path / "net.pth")
    import_checkpoint(tmp_path / "net.pth", tmp_path / "net.onnx", ImportOptions())
    picture = noise_picture(64, 96)
    expected = formula(state, picture)
    assert expected.std() > 20
    assert psnr_db(paint(tmp_path / "net.onnx", picture), expected) > 50


def test_the_card_says_where_the_style_is_from(tmp_path: Path) -> None:
    torch.save(random_state(4), tmp_path / "my net (2).pth")
    options = ImportOptions(title="Candy", artist="A. Painter", licence="CC0-1.0")
    assert import_checkpoint(tmp_path / "my net (2).pth", tmp_path / "net.onnx", options) == "my_net_2"
    card = load_style(str(tmp_path / "net.onnx")).card
    assert (card.styles[0].title, card.styles[0].artist, card.licence) == ("Candy", "A. Painter", "CC0-1.0")
    assert card.network["config"]["blocks"] == 5
    assert card.training["checkpoint"] == "my net (2).pth"


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {**state, "in1.running_mean": torch.zeros(4), "res1.in2.running_var": torch.ones(16)},
        lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
        lambda state: {f"module._orig_mod.{name}": value for name, value in state.items()},
        lambda state: {name.replace("conv1.", "conv1._orig_mod."): value for name, value in state.items()},
        lambda state: {"vgg.0.weight": torch.ones(3), **{f"model.{name}": state[name] for name in state}},
        lambda state: dict(reversed(state.items())),
        lambda state: {"loss": torch.tensor(1.0), "state_dict": state, "epoch": 2},
        lambda state: {"mean": torch.ones(3), "run": {"vgg": {"0.weight": torch.ones(9999)}, "net": state}},
        lambda state: {with_norms_of_their_own(name): value for name, value in state.items()},
    ],
    ids=[
        "DataParallel", "old buffers", "compiled", "compiled and parallel", "compiled in parts", "Lightning",
        "another order", "a tensor beside it", "a larger net beside it", "scale and shift",
    ],
)  # fmt: skip
def test_other_spellings_of_the_same_net(tmp_path: Path, change: Callable[[State], State]) -> None:
    state = random_state(4)
    torch.save(change(state), tmp_path / "net.pth")
    arrays: dict[str, Any] = {name: value.numpy() for name, value in state.items()}
    np.savez(tmp_path / "net.npz", **arrays)
    spelled, plain = (read_checkpoint(tmp_path / name)[1] for name in ("net.pth", "net.npz"))
    np.testing.assert_array_equal(spelled.style, plain.style)
    assert all(np.array_equal(spelled.weights[name], plain.weights[name]) for name in plain.weights)


def with_norms_of_their_own(name: str) -> str:
    """As pytorch/examples called them before torch had InstanceNorm2d."""
    return name if "conv2d" in name else name.replace(".weight", ".scale").replace(".bias", ".shift")


def without(state: State, name: str) -> State:
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"fc.weight": torch.zeros(3, 3)}, "conv1.conv2d.weight is missing.*it has fc.weight"),
        (without(random_state(4), "res2.in1.bias"), "lacks res2.in1.bias"),
        ({**random_state(4), "attention.q": torch.zeros(2)}, "also has attention.q"),
        ({"loss": torch.ones(1), "net": without(random_state(4), "res2.in1.bias")}, "lacks res2.in1.bias"),
        ({**random_state(4), "in3.weight": torch.zeros(5)}, r"in3.weight has shape \(5,\) where \(16,\) fits"),
        ({**random_state(4), "in3.weight": torch.full((16,), torch.nan)}, "in3.weight has values that are not finite"),
        ({**random_state(4), "conv1.conv2d.weight": torch.zeros(4, 3, 9, 7)}, "conv1.conv2d.weight has shape"),
    ],
    ids=[
        "another net", "a missing part", "a part too many", "a missing part inside", "a wrong shape", "not finite",
        "not square",
    ],
)  # fmt: skip
def test_a_foreign_net_is_refused_with_the_reason(tmp_path: Path, state: State, says: str) -> None:
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(ImpastoError, match=says):
        import_checkpoint(tmp_path / "net.pth", tmp_path / "net.onnx", ImportOptions())
    assert not (tmp_path / "net.onnx").exists()


def test_kernels_in_the_order_of_tensorflow_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", Variable=np.zeros((9, 9, 3, 32)), Variable_1=np.zeros(32))
    with pytest.raises(ImpastoError, match=r"kernels in TensorFlow's order, .* export it to ONNX and import that file"):
        import_checkpoint(tmp_path / "net.npz", tmp_path / "net.onnx", ImportOptions())


@pytest.mark.parametrize(
    ("name", "data"),
    [("candy.t7", b"\x03" + bytes(40)), ("net.model", b"\x04\0\0\0\1\0\0\0\3\0\0\0V 1\x0d\0\0\0nn.Sequential")],
)
def test_files_of_lua_are_told(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(
        ImpastoError, match=rf"{name} is a file of Lua's torch, which is not read; .* export it to ONNX"
    ):
        import_checkpoint(tmp_path / name, tmp_path / "net.onnx", ImportOptions())


def test_a_licence_that_nobody_told_is_not_known(tmp_path: Path) -> None:
    torch.save(random_state(4, blocks=1), tmp_path / "net.pth")
    import_checkpoint(tmp_path / "net.pth", tmp_path / "net.onnx", ImportOptions())
    card = load_style(str(tmp_path / "net.onnx")).card
    assert card.licence == card.styles[0].licence == "not known"


def test_a_missing_folder_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        import_checkpoint(tmp_path / "net.pth", tmp_path / "nowhere" / "net.onnx", ImportOptions())


@pytest.mark.parametrize("name", ["folder", "folder.onnx"])
def test_a_folder_is_no_output(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ImpastoError, match=rf"is a folder; name the file to write, such as .*{name}/my_net\.onnx$"):
        import_checkpoint(tmp_path / "my net.pth", tmp_path / name, ImportOptions())


def test_a_checkpoint_is_not_written_over(tmp_path: Path) -> None:
    torch.save(random_state(4, blocks=1), tmp_path / "net.pth")
    before = (tmp_path / "net.pth").read_bytes()
    with pytest.raises(ImpastoError, match=r"net\.pth is no name for a style file; call it net\.onnx"):
        import_checkpoint(tmp_path / "net.pth", tmp_path / "net.pth", ImportOptions())
    assert (tmp_path / "net.pth").read_bytes() == before


@pytest.mark.parametrize(("file", "name"), [("a.b.pth", "a.b"), ("Été 2.pt", "Été_2"), ("::.pth", "imported")])
def test_names_after_files(file: str, name: str) -> None:
    assert name_after(Path(file)) == name
