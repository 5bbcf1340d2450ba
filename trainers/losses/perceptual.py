"""Loss networks: classifiers whose features tell content and style.

Every network takes RGB in 0..1, [B, 3, H, W], and names its features as the papers do (`relu3_1`). Its weights are
frozen; gradients go to the picture. `5se` is VGG-19 distilled to a sixteenth (Wang et al. 2020, arXiv 2003.08436),
which travels with this package up to relu4_1 and looks like VGG-19 at a fifth of the cost. torchvision's VGG-16 and
VGG-19 are downloaded on first use. A local file may hold VGG-19 (torchvision's layout, the normalised one of
deep-transfer, or Oxford's own weights as npz), its distillation or SqueezeNet 1.1, and is recognised by the names and
shapes of its tensors.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import IO, Literal

import numpy as np
import torch
from torch import Tensor, nn

from engines.errors import BadFile, BadValue, FileMissing, in_one_line
from engines.export.tensor_files import read_tensor_sets
from engines.failures import any_failure_as

BUNDLED = "5se"
BUNDLED_FILE = "loss_network/vgg19_16x.npz"
TORCHVISION = ("vgg16", "vgg19")
# Convolutions of each VGG stage; a pool follows every stage.
VGG_STAGES = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# What Oxford's VGG has taken off blue, green and red of 0..255 (Simonyan and Zisserman 2014, arXiv 1409.1556).
OXFORD_MEAN_BGR = (103.939, 116.779, 123.68)

Tensors = Mapping[str, Tensor]
Padding = Literal["zeros", "reflect"]


def torch_device(choice: str = "auto") -> torch.device:
    """`cpu`, `cuda`, or with `auto` the GPU where torch can use one; BadValue where `cuda` is not to be had."""
    if choice != "cpu" and _gpu_computes():
        return torch.device("cuda")
    if choice == "cuda":
        raise BadValue(
            "device is 'cuda' and torch has no GPU it can use; give --device cpu, or install torch with CUDA"
        )
    return torch.device("cpu")


def _gpu_computes() -> bool:
    """Whether there is a GPU, and torch was built for its kind: it finds older and newer ones too, and fails later."""
    try:
        return torch.cuda.is_available() and bool((torch.zeros(1, device="cuda") + 1).item())
    except RuntimeError:
        return False


class PerceptualNet(nn.Module):
    """Named layers run one after the other up to the deepest one that is asked for."""

    def __init__(self, name: str, layers: Iterable[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.name = name
        self.names: list[str] = []
        self.layers = nn.ModuleList()
        for layer_name, layer in layers:
            self.names.append(layer_name)
            self.layers.append(layer)
        # What convolutions are computed in; None as the picture is. What is found is float32 all the same.
        self.precision: torch.dtype | None = None
        self.requires_grad_(False)
        self.eval()

    def features(self, picture: Tensor, wanted: Iterable[str]) -> dict[str, Tensor]:
        """picture [B, 3, H, W], RGB 0..1 → the wanted features, each [B, C, h, w]."""
        wanted = set(wanted)
        if unknown := sorted(wanted - set(self.names)):
            choices = [name for name in self.names if not name.startswith(("conv", "pool", "input"))]
            raise BadValue(f"{self.name} has no layers {unknown}; choose from {choices}")
        found: dict[str, Tensor] = {}
        # Channels last: a processor's convolutions need no reordering then, and take two thirds of the time.
        x = picture.contiguous(memory_format=torch.channels_last)
        with torch.autocast(picture.device.type, self.precision, enabled=self.precision is not None):
            for name, layer in zip(self.names, self.layers, strict=True):
                x = layer(x)
                if name in wanted:
                    found[name] = x if self.precision is None else x.float()
                if len(found) == len(wanted):
                    break
        return found


class Normalise(nn.Module):
    """ImageNet's mean and deviation, as torchvision's classifiers expect them."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class OxfordInput(nn.Module):
    """RGB 0..1 to BGR 0..255 less the mean, as the first VGG was trained."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(OXFORD_MEAN_BGR).view(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return 255 * x.flip(1) - self.mean


class Fire(nn.Module):
    """SqueezeNet's block: squeeze, then 1x1 and 3x3 expansions side by side (arXiv 1602.07360)."""

    def __init__(self, tensors: Tensors, prefix: str) -> None:
        super().__init__()
        self.squeeze = _conv(tensors, f"{prefix}.squeeze")
        self.expand1x1 = _conv(tensors, f"{prefix}.expand1x1")
        self.expand3x3 = _conv(tensors, f"{prefix}.expand3x3", padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1))


def load_perceptual(spec: str, precision: torch.dtype | None = None) -> PerceptualNet:
    """The loss network called `5se`, `vgg16` or `vgg19`, or the one in the file that `spec` names.

    Its convolutions are computed in `precision`, where one is given.
    """
    network = _load(spec)
    network.precision = precision
    return network


def _load(spec: str) -> PerceptualNet:
    if spec == BUNDLED:
        return _distilled_vgg19(BUNDLED, _bundled_tensors())
    if spec in TORCHVISION:
        return _vgg(spec, _torchvision_features(spec))
    path = Path(spec)
    if not path.is_file():
        raise FileMissing(f"no loss network {spec!r}; choose {BUNDLED}, {', '.join(TORCHVISION)} or a file of weights")
    tensors = _tensors_of(path)
    with any_failure_as(BadFile, lambda error: f"{path} is a damaged loss network: {in_one_line(error)}", but=BadFile):
        return _recognise(path, tensors)


def _bundled_tensors() -> Tensors:
    """Kept in half precision, whose rounding changes no loss by a thousandth."""
    with (files("trainers") / BUNDLED_FILE).open("rb") as file:
        return _read_npz(file)


def _tensors_of(path: Path) -> Tensors:
    return {name: torch.from_numpy(values.astype(np.float32)) for name, values in read_tensor_sets(path)[0].items()}


def _read_npz(file: IO[bytes]) -> Tensors:
    """float32; NumPy unpickles nothing unless it is told to."""
    with np.load(file) as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}


def _recognise(path: Path, tensors: Tensors) -> PerceptualNet:
    if "conv11.weight" in tensors:
        return _distilled_vgg19(path.stem, tensors)
    if "conv1_1.weight" in tensors:
        return _oxford_vgg19(tensors)
    if "features.3.squeeze.weight" in tensors:
        return _squeezenet(tensors)
    if "features.0.weight" in tensors:
        weights = {name.removeprefix("features."): tensor for name, tensor in tensors.items() if "features." in name}
        return _vgg("vgg19" if "34.weight" in weights else "vgg16", weights)
    if tensors.get("0.weight", torch.empty(0)).shape == (3, 3, 1, 1):
        return _normalised_vgg19(tensors)
    raise BadFile(
        f"{path} is no loss network known here; use VGG-16, VGG-19, its 16x distillation (5SE) or SqueezeNet 1.1"
    )


def _conv(tensors: Tensors, prefix: str, *, padding: int = 0, stride: int = 1, mode: Padding = "zeros") -> nn.Conv2d:
    weight, bias = tensors[f"{prefix}.weight"], tensors[f"{prefix}.bias"]
    out_channels, in_channels, kernel, across = weight.shape
    if kernel != across or not weight.numel():
        raise BadFile(f"the loss network's {prefix} has the shape {tuple(weight.shape)}; its kernel is to be square")
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, padding_mode=mode)
    conv.load_state_dict({"weight": weight, "bias": bias})
    return conv


def _torchvision_features(name: str) -> Tensors:
    from torchvision import models

    builder, weights = {
        "vgg16": (models.vgg16, models.VGG16_Weights.IMAGENET1K_V1),
        "vgg19": (models.vgg19, models.VGG19_Weights.IMAGENET1K_V1),
    }[name]
    features: Tensors = builder(weights=weights).features.state_dict()
    return features


def _vgg(name: str, tensors: Tensors) -> PerceptualNet:
    layers: list[tuple[str, nn.Module]] = [("input", Normalise())]
    index = 0
    for stage, convolutions in enumerate(VGG_STAGES[name], start=1):
        for place in range(1, convolutions + 1):
            layers.append((f"conv{stage}_{place}", _conv(tensors, str(index), padding=1)))
            layers.append((f"relu{stage}_{place}", nn.ReLU()))
            index += 2
        layers.append((f"pool{stage}", nn.MaxPool2d(2)))
        index += 1
    return PerceptualNet(name, layers)


def _distilled_vgg19(name: str, tensors: Tensors) -> PerceptualNet:
    layers: list[tuple[str, nn.Module]] = [("input", _conv(tensors, "conv0"))]
    for stage, convolutions in enumerate(VGG_STAGES["vgg19"], start=1):
        for place in range(1, convolutions + 1):
            if f"conv{stage}{place}.weight" not in tensors:
                return PerceptualNet(name, layers)
            conv = _conv(tensors, f"conv{stage}{place}", padding=1, mode="reflect")
            layers += [(f"conv{stage}_{place}", conv), (f"relu{stage}_{place}", nn.ReLU())]
        layers.append((f"pool{stage}", nn.MaxPool2d(2)))
    return PerceptualNet(name, layers)


def _oxford_vgg19(tensors: Tensors) -> PerceptualNet:
    """As far as the file goes."""
    layers: list[tuple[str, nn.Module]] = [("input", OxfordInput())]
    for stage, convolutions in enumerate(VGG_STAGES["vgg19"], start=1):
        for place in range(1, convolutions + 1):
            if f"conv{stage}_{place}.weight" not in tensors:
                return PerceptualNet("vgg19", layers)
            conv = _conv(tensors, f"conv{stage}_{place}", padding=1)
            layers += [(f"conv{stage}_{place}", conv), (f"relu{stage}_{place}", nn.ReLU())]
        layers.append((f"pool{stage}", nn.MaxPool2d(2)))
    return PerceptualNet("vgg19", layers)


def _normalised_vgg19(tensors: Tensors) -> PerceptualNet:
    places = {"2": "1_1", "5": "1_2", "9": "2_1", "12": "2_2", "16": "3_1"}
    layers: list[tuple[str, nn.Module]] = [("input", _conv(tensors, "0"))]
    for index, place in places.items():
        conv = _conv(tensors, index, padding=1, mode="reflect")
        layers += [(f"conv{place}", conv), (f"relu{place}", nn.ReLU())]
        if place.endswith("_2"):
            layers.append((f"pool{place[0]}", nn.MaxPool2d(2, ceil_mode=True)))
    return PerceptualNet("vgg19_normalised", layers)


def _squeezenet(tensors: Tensors) -> PerceptualNet:
    layers: list[tuple[str, nn.Module]] = [
        ("input", Normalise()),
        ("conv1", _conv(tensors, "features.0", stride=2)),
        ("relu1", nn.ReLU()),
    ]
    pools_before = {3: "pool1", 6: "pool3", 9: "pool5"}
    for number, index in enumerate((3, 4, 6, 7, 9, 10, 11, 12), start=2):
        if index in pools_before:
            layers.append((pools_before[index], nn.MaxPool2d(3, 2, ceil_mode=True)))
        layers.append((f"fire{number}", Fire(tensors, f"features.{index}")))
    return PerceptualNet("squeezenet1_1", layers)
