"""Reading an ONNX file of another program: one picture in, one out, in operators of ONNX alone, in one file.

Nothing in it is run here, and nothing is read that does not lie in the file's own folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, ValueInfoProto, helper
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

from engines.errors import BadFile, FileMissing, in_one_line
from engines.failures import any_failure_as
from engines.networks.graph import IR_VERSION, OPSET
from engines.style.file import CARD_KEY, MAX_STYLE_BYTES
from engines.style.graph import tensors_of_graph

SUFFIX = ".onnx"
STANDARD_DOMAINS = ("", "ai.onnx")
KINDS: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.DOUBLE: "float64",
    TensorProto.UINT8: "uint8",
}
COLOURS = 3
LEAST_SIDE, MOST_SIDE = 16, 4096  # pixels
LAYOUTS_BY_RANK = {4: ("nchw", "nhwc"), 3: ("chw", "hwc")}
MOST_NAMED = 4
Sides = tuple[int | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ForeignNet:
    """A graph from a picture to a picture, weights included: as its file has it, and at our operator set or newer.

    `kind_in` and `kind_out` are NumPy's names of their types; `sides` are those that it declares, None where free.
    """

    path: Path
    original: onnx.ModelProto
    model: onnx.ModelProto
    input: str
    output: str
    kind_in: str
    kind_out: str
    sides: Sides

    @property
    def opset(self) -> int:
        return _opset(self.model)

    @property
    def layouts(self) -> tuple[str, ...]:
        """Those that the declared sides allow."""
        return tuple(layout for layout in LAYOUTS_BY_RANK[len(self.sides)] if self._may_be(layout))

    def size_in(self, layout: str) -> tuple[int | None, int | None]:
        """The declared height and width."""
        return self.sides[layout.index("h")], self.sides[layout.index("w")]

    def _may_be(self, layout: str) -> bool:
        batch = self.sides[layout.index("n")] if "n" in layout else 1
        sides = (side is None or LEAST_SIDE <= side <= MOST_SIDE for side in self.size_in(layout))
        return self.sides[layout.index("c")] in (None, COLOURS) and batch in (None, 1) and all(sides)


def read_foreign(path: Path) -> ForeignNet:
    """The net in the file; BadFile, in one line, where it is not one that can be used."""
    model = _parse(path)
    if any(entry.key == CARD_KEY for entry in model.metadata_props):
        raise BadFile(f"{path} is a style file already; paint with it by --style {path}")
    _take_in_external_data(model, path)
    model = _without_functions(model, path)
    _check_operators(model, path)
    with any_failure_as(BadFile, lambda error: f"{path} is damaged ({in_one_line(error)}); get the file again"):
        onnx.checker.check_model(model)
    taken, given = _input(model, path), _output(model, path)
    upgraded = _at_our_opset(model, path)
    net = ForeignNet(
        path, model, upgraded, taken.name, given.name, _kind(taken, path), _kind(given, path), sides_of(taken) or ()
    )
    if not net.layouts:
        raise BadFile(
            f"{path} takes {_spelled(net.sides)}, which is no single picture of {COLOURS} colours "
            f"and sides from {LEAST_SIDE} to {MOST_SIDE}"
        )
    return net


def is_onnx(path: Path) -> bool:
    """By its name; checkpoints are told from each other by what is in them."""
    return path.suffix.lower() == SUFFIX


def sides_of(value: ValueInfoProto) -> Sides | None:
    """The declared sides, None where one is free; None where not even their number is declared."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(side.dim_value if side.HasField("dim_value") else None for side in kind.shape.dim)


def _parse(path: Path) -> onnx.ModelProto:
    if not path.exists():
        raise FileMissing(f"there is no file {path}")
    if not path.is_file():
        raise BadFile(f"{path} is no file; give an ONNX file")
    if path.stat().st_size > MAX_STYLE_BYTES:
        raise BadFile(f"{path} has {path.stat().st_size >> 20} MiB; a style has at most {MAX_STYLE_BYTES >> 20}")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node or not model.opset_import:
        raise BadFile(f"{path} is no ONNX file, or cut short; get the file again")
    return model


def _take_in_external_data(model: onnx.ModelProto, path: Path) -> None:
    """Weights that lie in other files of the same folder; BadFile for any other place."""
    folder, taken = path.parent.resolve(), 0
    for tensor in tensors_of_graph(model.graph):
        if not uses_external_data(tensor):
            continue
        told = {entry.key: entry.value for entry in tensor.external_data}
        place = folder / told.get("location", "")
        if folder not in place.resolve().parents:
            raise BadFile(f"{path} keeps its weights in {told.get('location')}, outside its own folder; save it whole")
        if not place.is_file():
            raise FileMissing(f"{path} keeps its weights in {place.name}, which is not beside it; get that file too")
        taken += int(told.get("length") or place.stat().st_size)
        if taken > MAX_STYLE_BYTES:
            raise BadFile(f"{path} has weights of more than {MAX_STYLE_BYTES >> 20} MiB, more than a style may have")
        with any_failure_as(BadFile, lambda error: f"{path}: its weights cannot be read ({in_one_line(error)})"):
            load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]


def _without_functions(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """With the functions that exporters write put in where they are called."""
    if not model.functions:
        return model
    import onnx.inliner

    with any_failure_as(BadFile, lambda error: f"{path}: its functions cannot be put in ({in_one_line(error)})"):
        return onnx.inliner.inline_local_functions(model)


def _check_operators(model: onnx.ModelProto, path: Path) -> None:
    strange = sorted({f"{node.domain}.{node.op_type}" for node in _nodes(model.graph) if _is_strange(node)})
    if strange:
        raise BadFile(f"{path} has operators that are not ONNX's own: {_some(strange)}; export it without them")


def _is_strange(node: onnx.NodeProto) -> bool:
    return node.domain not in STANDARD_DOMAINS


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Down to those of inner graphs."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _input(model: onnx.ModelProto, path: Path) -> ValueInfoProto:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs: list[ValueInfoProto] = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = _some([value.name for value in inputs]) or "none"
        raise BadFile(f"{path} has {len(inputs)} inputs ({names}); a net that can be imported takes a picture alone")
    sides = sides_of(inputs[0])
    if sides is None or len(sides) not in LAYOUTS_BY_RANK:
        raise BadFile(f"{path} takes {_spelled(sides)}, which is no picture")
    return inputs[0]


def _output(model: onnx.ModelProto, path: Path) -> ValueInfoProto:
    """The first that may be a picture."""
    outputs: list[ValueInfoProto] = list(model.graph.output)
    for value in outputs:
        sides = sides_of(value)
        if sides is None or (len(sides) in LAYOUTS_BY_RANK and any(side in (None, COLOURS) for side in sides)):
            return value
    given = "; ".join(_spelled(sides_of(value)) for value in outputs[:MOST_NAMED])
    raise BadFile(f"{path} gives {given}, which is no picture of {COLOURS} colours")


def _kind(value: ValueInfoProto, path: Path) -> str:
    kind = KINDS.get(value.type.tensor_type.elem_type)
    if kind is None:
        raise BadFile(f"{path} has {value.name} of another type than {', '.join(KINDS.values())}; it is no picture")
    return kind


def _at_our_opset(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The same in our set of operators, or a newer one as it is."""
    version = _opset(model)
    del model.graph.value_info[:]
    if version >= OPSET:
        return model
    import onnx.version_converter

    def told(error: Exception) -> str:
        remedy = f"export it again with opset {OPSET}"
        return f"{path} is of opset {version} and cannot be brought to {OPSET} ({in_one_line(error)}); {remedy}"

    with any_failure_as(BadFile, told):
        upgraded = onnx.version_converter.convert_version(model, OPSET)
        upgraded.ir_version = IR_VERSION  # an old one wants every weight to be an input too
        onnx.checker.check_model(upgraded)
    helper.set_model_props(upgraded, {entry.key: entry.value for entry in model.metadata_props})
    return upgraded


def _opset(model: onnx.ModelProto) -> int:
    return max((int(each.version) for each in model.opset_import if each.domain in STANDARD_DOMAINS), default=0)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _spelled(sides: Sides | None) -> str:
    return "something of any shape" if sides is None else f"[{', '.join('?' if s is None else str(s) for s in sides)}]"
