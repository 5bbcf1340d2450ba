"""Checkpoints of pytorch/examples' fast_neural_style as transform nets of ours.

That net is Johnson's (arXiv 1603.08155) with instance norm: RGB 0..255 in and out, reflection padding, nearest-upsample
convolutions, five residual blocks. Ours takes and gives 0..1 and keeps its norms' scales and shifts in a style vector.
"""

import re
from collections.abc import Iterator

import numpy as np

from engines.errors import some_of
from engines.networks.family import ImportedNet, Weights
from engines.networks.picture_graph import WHITE

# Buffers that InstanceNorm2d had before torch 0.4 and that were never used.
UNUSED_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
FIRST, LAST = "conv1.conv2d.weight", "deconv3.conv2d.weight"
COMPILED = "_orig_mod."  # what torch.compile puts before the names of a net, or of a part of it
# How the norms' tensors were called while pytorch/examples had a norm of its own.
OWN_NORM = {"scale": "weight", "shift": "bias"}


def read_pytorch_example(tensors: Weights) -> ImportedNet:
    """The net of these tensors; ValueError with the first thing that does not fit."""
    own = {_as_now(name): values for name, values in _of_the_net(tensors).items() if not name.endswith(UNUSED_BUFFERS)}
    blocks = _count_blocks(own)
    try:
        _check_layout(own, blocks)
    except ValueError as error:
        raise ValueError(f"no transform net of pytorch/examples: {error}") from error
    return _translate(own, blocks)


def _of_the_net(tensors: Weights) -> dict[str, np.ndarray]:
    """The net's tensors by its own names.

    DataParallel puts `module.` before them, Lightning the attribute that holds the net, and some programs both. What
    does not begin so belongs to what was trained with it, such as a loss network.
    """
    plain = {name.replace(COMPILED, ""): values for name, values in tensors.items()}
    places = [name.removesuffix(FIRST) for name in plain if f".{name}".endswith(f".{FIRST}")]
    before = next((place for place in places if place + LAST in plain), "")
    return {name.removeprefix(before): values for name, values in plain.items() if name.startswith(before)}


def _as_now(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    return f"{layer}.{OWN_NORM.get(kind, kind)}" if layer else name


def _count_blocks(tensors: Weights) -> int:
    numbers = [int(found[1]) for name in tensors if (found := re.match(r"res(\d{1,2})\.", name))]
    return max(numbers, default=0)


def _expected_shapes(tensors: Weights, blocks: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor of the layout with its shape, given the width and the outer kernels that the checkpoint has."""
    width, _, _, kernel = tensors["conv1.conv2d.weight"].shape
    last_kernel = tensors["deconv3.conv2d.weight"].shape[-1]
    yield from _conv_shapes("conv1.conv2d", width, 3, kernel)
    yield from _conv_shapes("conv2.conv2d", 2 * width, width, 3)
    yield from _conv_shapes("conv3.conv2d", 4 * width, 2 * width, 3)
    for block in range(1, blocks + 1):
        yield from _conv_shapes(f"res{block}.conv1.conv2d", 4 * width, 4 * width, 3)
        yield from _conv_shapes(f"res{block}.conv2.conv2d", 4 * width, 4 * width, 3)
    yield from _conv_shapes("deconv1.conv2d", 2 * width, 4 * width, 3)
    yield from _conv_shapes("deconv2.conv2d", width, 2 * width, 3)
    yield from _conv_shapes("deconv3.conv2d", 3, width, last_kernel)
    for norm, channels in zip(_norm_names(blocks), _norm_channels(width, blocks), strict=True):
        yield f"{norm}.weight", (channels,)
        yield f"{norm}.bias", (channels,)


def _conv_shapes(name: str, out: int, channels: int, kernel: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (out, channels, kernel, kernel)
    yield f"{name}.bias", (out,)


def _norm_names(blocks: int) -> list[str]:
    """In the order in which the picture meets them, which is the style vector's."""
    residual = [f"res{block}.in{half}" for block in range(1, blocks + 1) for half in (1, 2)]
    return ["in1", "in2", "in3", *residual, "in4", "in5"]


def _norm_channels(width: int, blocks: int) -> list[int]:
    return [width, 2 * width, *[4 * width] * (1 + 2 * blocks), 2 * width, width]


def _check_layout(tensors: Weights, blocks: int) -> None:
    """ValueError with the first thing that does not fit."""
    for name in (FIRST, LAST):
        if name not in tensors or tensors[name].ndim != 4 or tensors[name].shape[-1] % 2 == 0:
            raise ValueError(f"{name} is missing or of another shape; it has {some_of(tensors)}")
    expected = dict(_expected_shapes(tensors, blocks))
    if missing := sorted(set(expected) - set(tensors)):
        raise ValueError(f"it lacks {some_of(missing)}")
    if unknown := sorted(set(tensors) - set(expected)):
        raise ValueError(f"it also has {some_of(unknown)}")
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name} has shape {tensors[name].shape} where {shape} fits")
        if not np.isfinite(tensors[name]).all():
            raise ValueError(f"{name} has values that are not finite; its training failed")


def _translate(tensors: Weights, blocks: int) -> ImportedNet:
    """Renames, and moves the factor 255 of their pixels into the stem, the last norm and the last bias.

    Biases before a norm are left out: it takes them away exactly, (x + b) − mean(x + b) = x − mean(x). The stem sees
    pixels 255 times smaller, so its weights grow by as much. The factor 1/255 of the output goes into the last norm's
    scale and shift rather than into the head's weights, which half precision would then round away:
    relu(s·x + t)/255 = relu(s/255·x + t/255).
    """
    width, _, _, kernel = tensors["conv1.conv2d.weight"].shape
    head = tensors["deconv3.conv2d.weight"]
    config = {
        "widths": (width, 2 * width, 4 * width),
        "blocks": blocks,
        "refine_blocks": 0,
        "unshuffle": 1,
        "stem_kernel": kernel,
        "head_kernel": head.shape[-1],
    }
    weights = {
        "down.0.weight": tensors["conv1.conv2d.weight"] * WHITE,
        "down.1.weight": tensors["conv2.conv2d.weight"],
        "down.2.weight": tensors["conv3.conv2d.weight"],
        "up.0.weight": tensors["deconv1.conv2d.weight"],
        "up.1.weight": tensors["deconv2.conv2d.weight"],
        "head.weight": head,
        "head.bias": tensors["deconv3.conv2d.bias"] / WHITE,
    }
    for block in range(blocks):
        for half in ("conv1", "conv2"):
            weights[f"blocks.{block}.{half}.weight"] = tensors[f"res{block + 1}.{half}.conv2d.weight"]
    return ImportedNet(config, weights, _style_vector(tensors, blocks))


def _style_vector(tensors: Weights, blocks: int) -> np.ndarray:
    parts = [(tensors[f"{norm}.weight"], tensors[f"{norm}.bias"]) for norm in _norm_names(blocks)]
    parts[-1] = (parts[-1][0] / WHITE, parts[-1][1] / WHITE)
    return np.concatenate([values for pair in parts for values in pair]).astype(np.float32)
