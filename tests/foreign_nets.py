"""Small image-to-image nets as other programs have them, and their ONNX files as torch's exporter writes them.

Their weights are made here. `Toned` nets paint a picture that can be told from a wrong one; the others have the layers
and the layout of nets that are widely used, and random weights.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

RANGES = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
SHARPEN = ((0.0, -0.25, 0.0), (-0.25, 2.0, -0.25), (0.0, -0.25, 0.0))


class Toned(nn.Module):
    """Sharpens a picture and bends its tones towards the ends of its range; red comes out redder than blue."""

    kernel: Tensor
    tint: Tensor

    def __init__(self, range_in: str, range_out: str, *, tint: Sequence[float] = (1.1, 1.0, 0.8)) -> None:
        super().__init__()
        self.range_in, self.range_out = RANGES[range_in], RANGES[range_out]
        self.register_buffer("kernel", torch.tensor(SHARPEN)[None, None].repeat(3, 1, 1, 1))
        self.register_buffer("tint", torch.tensor(tint).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[1, 3, H, W] in `range_in` → the same in `range_out`"""
        (low, high), (bottom, top) = self.range_in, self.range_out
        signed = (x - low) * (2 / (high - low)) - 1
        sharp = functional.conv2d(functional.pad(signed, [1, 1, 1, 1], mode="reflect"), self.kernel, groups=3)
        return (torch.tanh(1.5 * self.tint * sharp) + 1) * ((top - bottom) / 2) + bottom


class InLayout(nn.Module):
    """A net of [1, 3, H, W] that takes and gives its pictures in another layout and type."""

    def __init__(self, net: nn.Module, layout: str, kind: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.net, self.layout, self.kind = net, layout, kind

    def forward(self, x: Tensor) -> Tensor:
        x = x.float() if "n" in self.layout else x.float()[None]
        painted = self.net(x.permute(0, 3, 1, 2) if self.layout.endswith("c") else x)
        painted = painted.permute(0, 2, 3, 1) if self.layout.endswith("c") else painted
        painted = painted if "n" in self.layout else painted[0]
        rounded: Tensor = painted.round() if self.kind == torch.uint8 else painted
        return rounded.to(self.kind)


class FastNeuralStyle(nn.Module):
    """As in the ONNX model zoo: 0..255 in and out, instance norms, nearest ×2; here two levels and a block."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.Sequential(*_normed(3, width, 9), *_normed(width, 2 * width, 3, 2))
        self.block = nn.Sequential(*_normed(2 * width, 2 * width, 3), *_normed(2 * width, 2 * width, 3)[:-1])
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), *_normed(2 * width, width, 3))
        self.head = nn.Sequential(nn.ReflectionPad2d(4), nn.Conv2d(width, 3, 9))
        _fill(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        painted: Tensor = 60 * self.head(self.up(x + self.block(x))) + 120
        return painted


class AnimeGenerator(nn.Module):
    """As AnimeGANv2: −1..1, group norms, leaky ReLUs, depthwise convolutions, bilinear ×2, a tanh."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.Sequential(*_grouped(3, width, 7), *_grouped(width, 2 * width, 3, 2))
        self.deep = nn.Sequential(
            nn.Conv2d(2 * width, 4 * width, 1), nn.GroupNorm(1, 4 * width), nn.LeakyReLU(0.2),
            nn.ReflectionPad2d(1), nn.Conv2d(4 * width, 4 * width, 3, groups=4 * width),
            nn.Conv2d(4 * width, 2 * width, 1),
        )  # fmt: skip
        self.up = nn.Sequential(*_grouped(2 * width, width, 3))
        self.head = nn.Conv2d(width, 3, 1, bias=False)
        _fill(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        x = functional.interpolate(x + self.deep(x), scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.tanh(self.head(self.up(x)))


def write_onnx(
    path: Path, net: nn.Module, shape: Sequence[int], *, opset: int = 17, free: bool = False,
    kind: torch.dtype = torch.float32,
) -> Path:  # fmt: skip
    """With height and width open where `free`, else as they are in `shape`, where they are the sides that are not 3."""
    sides = {axis: f"side{axis}" for axis, side in enumerate(shape) if side > 3}
    example = (255 * torch.rand(shape)).to(kind) if kind == torch.uint8 else torch.rand(shape).to(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter speaks of itself
        torch.onnx.export(
            net.eval(), (example,), str(path), opset_version=opset, dynamo=False, input_names=["picture"],
            output_names=["painting"], dynamic_axes={"picture": sides, "painting": sides} if free else None,
        )  # fmt: skip
    return path


def _normed(channels: int, out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(channels, out, kernel, stride)
    return [nn.ReflectionPad2d(kernel // 2), conv, nn.InstanceNorm2d(out, affine=True), nn.ReLU()]


def _grouped(channels: int, out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(channels, out, kernel, stride, bias=False)
    return [nn.ReflectionPad2d(kernel // 2), conv, nn.GroupNorm(1, out), nn.LeakyReLU(0.2)]


def _fill(net: nn.Module) -> None:
    """Random weights for which pictures are neither flat nor cut."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in net.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.ndim > 1:
                value.copy_(noise / value[0].numel() ** 0.5)
            else:
                value.copy_(0.1 * noise + (1.0 if name.endswith("weight") else 0.0))
