"""The end of a predictor's run: one ONNX graph, from a picture's bytes to a style vector."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from engines.networks.graph import Graph
from engines.style.predictor import NET_KEY, net_checksum
from engines.whole_file import write_whole
from trainers.export.provenance import data_list, provenance
from trainers.predictor import RECIPE, TrainedPredictor
from trainers.settings.predictor_options import PredictorOptions
from trainers.style_predictor import TRAINING_KEY, StylePredictor, frozen_net

TINY = 1e-12


def write_predictor(options: PredictorOptions, trained: TrainedPredictor) -> None:
    """Writes `options.out`; the file appears under its name only when it is complete."""
    model = predictor_graph(trained)
    told = provenance(
        RECIPE, options, trained.history, licence=trained.file.card.licence, paintings=data_list(options.paintings),
        content=data_list(options.content),
    )  # fmt: skip
    helper.set_model_props(model, {NET_KEY: net_checksum(trained.file), TRAINING_KEY: json.dumps(told)})
    write_whole(options.out, model.SerializeToString())


def predictor_graph(trained: TrainedPredictor) -> onnx.ModelProto:
    """frame uint8 [1, H, W, 3] → style float32 [S], with weights in half precision, computed in single."""
    predictor = trained.predictor.cpu()
    predictor.perceptual.cpu()  # which is no part of its state
    g = _HalfWeights("predictor")
    frame = g.input("frame", TensorProto.UINT8, [1, "height", "width", 3])
    x = g.op("Mul", g.op("Transpose", g.cast(frame), perm=[0, 3, 1, 2]), g.constant(1 / 255))
    told = g.op("Concat", *_statistics(g, x, predictor), axis=1)
    value = g.op("Div", g.op("Sub", told, _row(g, predictor.mean)), _row(g, predictor.deviation))
    *inner, (weight, bias) = _linear_layers(predictor, trained)
    for matrix, offset in inner:
        value = g.op("Relu", g.op("Add", g.op("MatMul", value, g.half(matrix.T)), _row(g, offset)))
    value = g.op("Add", g.op("MatMul", value, g.half(weight.T)), _row(g, bias))
    g.output(g.op("Reshape", value, g.ints(-1)), "style", TensorProto.FLOAT, [len(bias)])
    return g.model()


class _HalfWeights(Graph):
    def half(self, values: Tensor) -> str:
        """Kept in half precision, read in single."""
        name = f"weight_{len(self.initialisers)}"
        return self.cast(self.weight(name, values.detach().numpy().astype(np.float16)))


def _statistics(g: _HalfWeights, x: str, predictor: StylePredictor) -> Iterator[str]:
    """[1, C] each: deviations and means of the channels, layer by layer."""
    perceptual = predictor.perceptual
    for name, layer in zip(perceptual.names, perceptual.layers, strict=True):
        x = _layer(g, x, layer)
        if name in predictor.layers:
            mean = g.op("ReduceMean", x, g.ints(2, 3), keepdims=1)
            away = g.op("Sub", x, mean)
            variance = g.op("ReduceMean", g.op("Mul", away, away), g.ints(2, 3), keepdims=0)
            yield g.op("Sqrt", g.op("Add", variance, g.constant(TINY)))
            yield g.op("Squeeze", mean, g.ints(2, 3))
        if name == predictor.layers[-1]:
            return


def _layer(g: _HalfWeights, x: str, layer: nn.Module) -> str:
    if isinstance(layer, nn.Conv2d):
        assert layer.bias is not None
        rim = int(layer.padding[0])
        padded = g.op("Pad", x, g.ints(0, 0, rim, rim, 0, 0, rim, rim), mode="reflect") if rim else x
        return g.op("Conv", padded, g.half(layer.weight), g.constant(layer.bias.detach().numpy()))
    if isinstance(layer, nn.MaxPool2d):
        return g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return g.op("Relu", x)


def _linear_layers(predictor: StylePredictor, trained: TrainedPredictor) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases; the last one's with all that follows it, which is linear."""
    layers = [layer for layer in predictor.perceptron if isinstance(layer, nn.Linear)]
    found: list[tuple[Tensor, Tensor]] = [(layer.weight, layer.bias) for layer in layers]
    net = frozen_net(trained.file)
    weight, bias = found.pop()
    with torch.no_grad():
        even_weight = net.levelled((predictor.spread[:, None] * weight).T).T
        even_bias = net.levelled((predictor.middle + predictor.spread * bias)[None])[0]
    return [*found, (even_weight, even_bias)]


def _row(g: Graph, values: Any) -> str:
    return g.constant(values.detach().numpy()[None])
