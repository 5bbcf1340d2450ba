"""Weights rounded by what they are to be multiplied with, so that their roundings make up for each other.

Were each weight rounded for itself, the errors of a row would add up where what it reads is smooth, as pictures are. So
they are rounded one after the other, and those to come take over the error of those before, by how much their inputs go
together (GPTQ, Frantar et al. 2022, arXiv 2210.17323).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from engines.backends.openvino.layers import Inputs, StoredWeights, convolutions, read_by

# Places at which inputs are compared, of all pictures together.
PLACES = 16_384
# Rows of more weights are left as they are: they average more roundings, and take time by the square of their length.
MOST_WEIGHTS = 1_200
DAMPING = 0.01  # of the mean power, added to each weight's own: inputs that were seen go together by chance, too
PLAIN = {"dilations": [1, 1], "auto_pad": "explicit"}


def round_by_inputs(integers: Any, floats: Any, weights: Mapping[str, np.ndarray], inputs: Sequence[Inputs]) -> None:
    """Rounds the weights of a quantised model anew, in NNCF's steps.

    `weights` [O, I, kh, kw] are those of the convolutions before, by name, and `floats` is the model before.
    """
    found = {op.get_friendly_name(): op for op in convolutions(integers) if op.get_friendly_name() in weights}
    stored = {name: StoredWeights.of(op) for name, op in found.items() if _is_plain(op, weights[name])}
    powers = _powers(floats, {name: found[name] for name, each in stored.items() if each is not None}, inputs)
    for name, power in powers.items():
        if (each := stored[name]) is not None and np.isfinite(power).all():
            each.replace(rounded_by_power(weights[name] / each.steps, power, each.most))


def rounded_by_power(scaled: np.ndarray, power: np.ndarray, most: int) -> np.ndarray:
    """Weights [O, I, kh, kw], in steps of their quantiser, as whole numbers of at most `most`, of either sign.

    `power` [D, D] are the means of products of what two of a row's D = I·kh·kw weights are multiplied with.
    """
    rows, count = scaled.reshape(len(scaled), -1).astype(np.float64), len(power)
    damped = power + (DAMPING * np.trace(power) / count + np.finfo(np.float32).tiny) * np.eye(count)
    order = np.argsort(-np.diag(damped), kind="stable")  # what weighs most has most others to make up for it
    passed_on = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    rows = rows[:, order]
    for place in range(count):
        exact = rows[:, place].copy()
        rows[:, place] = np.clip(np.rint(exact), -most, most)
        error = (exact - rows[:, place]) / passed_on[place, place]
        rows[:, place + 1 :] -= np.outer(error, passed_on[place, place + 1 :])
    return rows[:, np.argsort(order)].reshape(scaled.shape)


def _is_plain(convolution: Any, weights: np.ndarray) -> bool:
    attributes = convolution.get_attributes()
    plain = all(attributes.get(name) == value for name, value in PLAIN.items())
    return plain and weights.ndim == 4 and weights[0].size <= MOST_WEIGHTS


def _powers(floats: Any, wanted: Mapping[str, Any], inputs: Sequence[Inputs]) -> dict[str, np.ndarray]:
    """Means of products of what each two weights of a row are multiplied with, [D, D], by a convolution's name."""
    chance, powers = np.random.default_rng(0), dict[str, np.ndarray]()
    for read in read_by(floats, wanted, inputs):
        for name, values in read.items():
            seen = windows_of(values, wanted[name], max(1, PLACES // len(inputs)), chance)
            powers[name] = powers.get(name, 0) + (seen @ seen.T / seen.shape[1]).astype(np.float64)
    return powers


def windows_of(values: np.ndarray, convolution: Any, most: int, chance: np.random.Generator) -> np.ndarray:
    """What the weights of a row are multiplied with at random places, float32 [D, n]; `values` [C, h, w] are read."""
    attributes, kernel = convolution.get_attributes(), convolution.input_value(1).get_shape()[2:]
    rims = zip(attributes["pads_begin"], attributes["pads_end"], strict=True)
    windows = sliding_window_view(np.pad(values, ((0, 0), *rims)), tuple(kernel), axis=(1, 2))
    down, right = attributes["strides"]
    windows = windows[:, ::down, ::right]
    rows, columns = windows.shape[1:3]
    places = chance.permutation(rows * columns)[:most]
    return windows[:, places // columns, places % columns].transpose(0, 2, 3, 1).reshape(-1, len(places))
