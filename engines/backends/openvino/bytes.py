"""The frame's bytes read as what they are: a quantised convolution of the picture itself loses nothing of it.

A frame is in 8-bit integers already. NNCF measures a range for what the stem reads, the picture less its mean, and a
dark frame then has a few steps of it. But 0..255 in 256 steps is the picture itself, and the mean need not be taken
away where sums are of integers, which round nothing: an instance norm follows. So these convolutions read the bytes,
a quarter of the memory, and only their weights are rounded.

What all pixels have in common, their level, goes through the sum of a row of weights. Those are rounded so that the
sum stays (the method of largest remainders): else a smooth picture would be shifted by all the rounding together.

Seed textures of which a style takes its share are read by a convolution of their own. In 8 bits its four channels take
nearly as long as the picture's twelve, and so does the sum of the two, so one convolution reads both.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from engines.backends.openvino.layers import (
    MOVES,
    QUANTISER,
    StoredWeights,
    convolutions,
    convolutions_reading,
    quantiser_of,
)

MEAN, CENTRING, FROM_BYTES, NORM = "ReduceMean", "Subtract", "Convert", "MVN"
SUM = "Add"
COLOURS = 3
# Of a step of the texture: how many of a byte it has here, and the byte of none. So five deviations of it fit, and
# weights that see all three colours at once leave room to those that see one.
TEXTURE_STEPS, NO_TEXTURE = 2.0, 128.0
STYLE = "style"
# So many times as coarse may the steps of a row of weights become by that.
MOST_COARSER = 1.5


def read_bytes_exactly(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Lets every quantised convolution that reads the frame, with nothing but its mean taken away, read its bytes.

    `weights` are those of the quantised convolutions before they were rounded, by name.
    """
    for convolution in convolutions(model):
        quantiser = quantiser_of(convolution)
        picture = None if quantiser is None else _picture(convolution, quantiser.input_value(0))
        if picture is None:
            continue
        if (floats := weights.get(convolution.get_friendly_name())) is not None:
            _keep_sums(convolution, floats)
        exact = _identity(picture)
        for reader in quantiser.output(0).get_target_inputs():
            reader.replace_source_output(exact)
        _read_texture_too(convolution, weights, convolutions_reading(model, [STYLE]))
    model.validate_nodes_and_infer_types()


def _read_texture_too(picture: Any, weights: Mapping[str, np.ndarray], of_style: Collection[str]) -> None:
    """Lets the convolution of the picture's bytes do what another one adds that reads textures, shared by the style.

    A texture of bytes is the byte 128 where there is none, which makes the same number everywhere: the norm takes it.
    Where the weights of the textures would leave those of the picture few steps, all stays as it is.
    """
    from openvino import opset13

    added, stored = _added_to(picture), StoredWeights.of(picture)
    if added is None or stored is None or added.get_friendly_name() not in of_style or not _is_normed(picture):
        return
    names, quantiser = [each.get_friendly_name() for each in (picture, added)], added.input_value(0).get_node()
    if quantiser.get_type_name() != QUANTISER or not all(name in weights for name in names):
        return
    of_bytes, of_texture = (weights[name] for name in names)
    seen = of_bytes.shape[1]
    floats = np.concatenate([of_bytes, of_texture / np.float32(TEXTURE_STEPS)], axis=1)
    largest, of_picture = (np.abs(each).max((1, 2, 3), keepdims=True) for each in (floats, floats[:, :seen]))
    if (largest > MOST_COARSER * of_picture).any():
        return
    steps = np.maximum(largest / np.float32(stored.most), np.finfo(np.float32).tiny)
    rounded = np.concatenate([with_kept_sums((floats / steps)[:, :seen]), np.rint((floats / steps)[:, seen:])], axis=1)
    texture = opset13.add(opset13.multiply(quantiser.input_value(0), np.float32(TEXTURE_STEPS)), np.float32(NO_TEXTURE))
    both = opset13.concat([picture.input_value(0), _identity(texture.output(0))], axis=1)
    kernel = opset13.convert(opset13.constant(stored.safe(rounded)), np.float32)
    picture.input(0).replace_source_output(both.output(0))
    picture.input(1).replace_source_output(opset13.multiply(kernel, opset13.constant(steps)).output(0))
    (total,) = (target.get_node() for target in picture.output(0).get_target_inputs())
    for reader in total.output(0).get_target_inputs():
        reader.replace_source_output(picture.output(0))


def _added_to(convolution: Any) -> Any:
    """The convolution of the same kind whose result alone is added to this one's; None where there is none."""
    readers = [target.get_node() for target in convolution.output(0).get_target_inputs()]
    if len(readers) != 1 or readers[0].get_type_name() != SUM:
        return None
    nodes = [value.get_node() for value in readers[0].input_values()]
    others = [node for node in nodes if node.get_friendly_name() != convolution.get_friendly_name()]
    kind = convolution.get_type_name(), convolution.get_attributes()
    return next((node for node in others if (node.get_type_name(), node.get_attributes()) == kind), None)


def with_kept_sums(scaled: np.ndarray) -> np.ndarray:
    """Weights [O, I, kh, kw], in steps of their quantiser, as whole numbers: each up or down, so that sums stay.

    The sums are those over all weights of an output channel that see one colour; channel i of I sees colour i mod 3.
    """
    outputs, inputs = scaled.shape[:2]
    colours = COLOURS if inputs % COLOURS == 0 else 1
    by_colour = np.moveaxis(scaled.astype(np.float64).reshape(outputs, inputs // colours, colours, -1), 2, 1)
    rows = by_colour.reshape(outputs, colours, -1)
    lower = np.floor(rows)
    missing = np.rint((rows - lower).sum(axis=-1, keepdims=True))
    rank = np.argsort(np.argsort(lower - rows, axis=-1, kind="stable"), axis=-1)
    rounded = (lower + (rank < missing)).reshape(by_colour.shape)
    return np.ascontiguousarray(np.moveaxis(rounded, 1, 2)).reshape(scaled.shape)


def _picture(convolution: Any, value: Any) -> Any:
    """The frame as numbers 0..255, where a convolution's input is that, or that less its mean and a norm follows."""
    node = value.get_node()
    if node.get_type_name() == CENTRING and node.input_value(1).get_node().get_type_name() == MEAN:
        if not _is_normed(convolution):
            return None
        value = node.input_value(0)
    from_bytes = value.get_node()
    if from_bytes.get_type_name() != FROM_BYTES or from_bytes.get_input_element_type(0).get_type_name() != "u8":
        return None
    return value


def _is_normed(node: Any) -> bool:
    """Whether the norm alone reads this, in whatever order of pixels, or its sum with something else."""
    readers = [target.get_node() for target in node.output(0).get_target_inputs()]
    if len(readers) != 1:
        return False
    kind = readers[0].get_type_name()
    return kind == NORM or (kind in (*MOVES, SUM) and _is_normed(readers[0]))


def _identity(picture: Any) -> Any:
    """The picture through a quantiser whose 256 steps are its own values."""
    from openvino import opset13

    low, high = opset13.constant(np.float32(0)), opset13.constant(np.float32(255))
    return opset13.fake_quantize(picture, low, high, low, high, levels=256).output(0)


def _keep_sums(convolution: Any, weights: np.ndarray) -> None:
    """Rounds the weights anew, with NNCF's steps."""
    if (stored := StoredWeights.of(convolution)) is not None:
        stored.replace(with_kept_sums(weights / stored.steps))
