"""A small builder of ONNX graphs: values are names, every call adds one node."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
IR_VERSION = 10


class Graph:
    """Collects nodes and initialisers; methods that add a node return the name of its output."""

    def __init__(self, name: str, opset: int = OPSET) -> None:
        self.name = name
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def input(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, kind: int, shape: Sequence[int | str]) -> None:
        """Gives the value of the last node the name under which the graph hands it out."""
        self.nodes[-1].output[list(self.nodes[-1].output).index(value)] = name
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def weight(self, name: str, array: np.ndarray) -> str:
        """An initialiser under a name that is part of the file format."""
        self.initialisers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def constant(self, value: object, dtype: type[np.generic] = np.float32) -> str:
        """An initialiser; equal ones are kept once."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.weight(f"constant_{len(self._constants)}", array)
        return self._constants[key]

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def split(self, value: str, parts: int, axis: int) -> list[str]:
        """Equal parts along an axis."""
        name = f"split_{len(self.nodes)}"
        outputs = [f"{name}_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [value], outputs, name=name, axis=axis, num_outputs=parts))
        return outputs

    def cast(self, value: str, kind: int = TensorProto.FLOAT) -> str:
        return self.op("Cast", value, to=kind)

    def slice(self, value: str, start: int, stop: int, axis: int) -> str:
        return self.op("Slice", value, self.ints(start), self.ints(stop), self.ints(axis))

    def model(self) -> onnx.ModelProto:
        """The checked model."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initialisers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=IR_VERSION, producer_name="impasto"
        )
        onnx.checker.check_model(model)
        return model
