"""The style predictor beside a style file: a graph that reads a picture and tells the vector by which to paint like it.

It belongs to one net, whose weights its metadata names by their checksum: `mine.predictor.onnx` beside `mine.onnx`.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import BadFile, in_one_line
from engines.failures import any_failure_as
from engines.style.file import MAX_STYLE_BYTES, StyleFile
from engines.style.picture_name import PREDICTOR

if TYPE_CHECKING:
    import onnx

NET_KEY = "impasto.predicts_for"


def predictor_path(style: StyleFile) -> Path:
    """Where the predictor of a style file lies, if it has one."""
    return style.path.with_name(style.path.stem + PREDICTOR)


def has_predictor(style: StyleFile) -> bool:
    return predictor_path(style).is_file()


def net_checksum(style: StyleFile) -> str:
    """Of the net's weights, in the order of their names; its styles may change without it."""
    found = hashlib.sha256()
    for name, values in sorted(style.weights().items()):
        found.update(name.encode())
        found.update(values.astype("<f4").tobytes())
    return found.hexdigest()


def read_predictor(style: StyleFile) -> "onnx.ModelProto":
    """frame uint8 [1, H, W, 3] → style float32 [S]; BadFile where it is damaged, or another net's."""
    import onnx

    path = predictor_path(style)
    if path.stat().st_size > MAX_STYLE_BYTES:
        raise BadFile(f"{path} is too large for a predictor; train it again: impasto train predictor")
    with any_failure_as(BadFile, lambda error: f"{path} is damaged ({in_one_line(error)}); train it again"):
        model = onnx.load_model_from_string(path.read_bytes())
        onnx.checker.check_model(model)
    told = {entry.key: entry.value for entry in model.metadata_props}
    if told.get(NET_KEY) != net_checksum(style):
        raise BadFile(f"{path} was made for another net than {style.path.name} has; impasto train predictor makes one")
    return model
