"""One style file: reading it, its vectors and weights, writing it. Nothing here needs torch."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import BadFile, BadValue, FileMissing, ImpastoError, UnknownStyle, in_one_line
from engines.failures import any_failure_as, failure_as
from engines.style.card import StyleCard
from engines.style.metadata import graph_sha256, read_metadata
from engines.style.picture_name import STYLE_FILE
from engines.whole_file import part_of, write_whole

if TYPE_CHECKING:
    import onnx

CARD_KEY = "impasto.style_card"
CHECKSUM_KEY = "impasto.sha256"
MAX_STYLE_BYTES = 256 * 2**20
WEIGHT_PREFIX = "net."
WHENCE = "train one, or use `impasto import` for a net from elsewhere"
EXTERNAL_DATA_KEY = b"location"  # a tensor that lies in another file must spell this word


class StyleFile:
    """A style file in memory. The card is read at once, the graph when it is first asked for.

    `further` are vectors by name beside those of the card, of pictures that were made styles.
    """

    def __init__(self, path: Path, data: bytes, further: Mapping[str, np.ndarray] | None = None) -> None:
        self.path = path
        self.data = data
        self.further = dict(further or {})
        self.card = _read_card(path, data)
        if EXTERNAL_DATA_KEY in data:
            self.model  # noqa: B018 - reading it is the check

    def __repr__(self) -> str:
        return f"StyleFile({str(self.path)!r}, styles={list(self.card.names)})"

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def graph_sha256(self) -> str:
        """Of the graph alone: style files that were learnt with one net share it."""
        return graph_sha256(self.data)

    @cached_property
    def model(self) -> "onnx.ModelProto":
        """The graph, checked to have the inputs and the output of a style file and to refer to no other file."""
        from engines.style.graph import parse_style_graph

        with failure_as(BadFile, lambda error: f"{self.path} cannot be used as a style: {error}", ValueError):
            return parse_style_graph(self.data, self.card.style_size, self.card.state)

    @property
    def default(self) -> str:
        """The name of the style that is taken where none is chosen."""
        return self.card.names[0]

    def vector(self, name: str) -> np.ndarray:
        """The style vector of that name, float32 [S]; ImpastoError where the file has no such style."""
        if name in self.further:
            return self.further[name]
        for style in self.card.styles:
            if style.name == name:
                return style.vector
        raise UnknownStyle(f"{self.path.name} has no style {name!r}; choose one of {', '.join(self.card.names)}")

    def mix(self, weights: Mapping[str, float]) -> np.ndarray:
        """The average of style vectors of these names, as `mixed` has it."""
        return mixed({name: self.vector(name) for name in weights}, weights)

    def weights(self) -> dict[str, np.ndarray]:
        """The net's weights as float32, named as in the torch net's state_dict (which also has `styles`)."""
        from onnx import numpy_helper

        kept = [tensor for tensor in self.model.graph.initializer if tensor.name.startswith(WEIGHT_PREFIX)]
        with any_failure_as(BadFile, self._damaged):
            return {
                tensor.name.removeprefix(WEIGHT_PREFIX): numpy_helper.to_array(tensor).astype(np.float32)
                for tensor in kept
            }

    def _damaged(self, error: Exception) -> str:
        return f"{self.path} is damaged: its weights cannot be read ({in_one_line(error)}); get the style file again"


def mixed(vectors: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """The average of style vectors, float32 [S] (arXiv 1610.07629, section 3.3); weights are scaled to sum to 1.

    Both are by the same names.
    """
    amounts = np.array(list(weights.values()), dtype=np.float64)
    if not (np.isfinite(amounts).all() and (amounts >= 0).all() and amounts.sum() > 0):
        mix = ",".join(f"{name}={weight:g}" for name, weight in weights.items())
        raise BadValue(f"cannot mix {mix}; give weights of 0 or more, one of them above 0")
    rows = np.stack([vectors[name] for name in weights]).astype(np.float64)
    average: np.ndarray = (amounts / amounts.sum()) @ rows
    return average.astype(np.float32)


def read_style_file(path: Path) -> StyleFile:
    """The style file at this path."""
    if path.is_dir():
        raise BadFile(f"{path} is a folder; give the path of a style file (.onnx) in it")
    if not path.exists():
        raise FileMissing(f"there is no style file {path}; `impasto styles` lists the bundled styles")
    if not path.is_file() or path.stat().st_size > MAX_STYLE_BYTES:
        raise BadFile(f"{path} is not a style file: those are plain files of at most {MAX_STYLE_BYTES >> 20} MiB")
    return StyleFile(path, path.read_bytes())


def save_style(path: Path | str, model: "onnx.ModelProto", card: StyleCard) -> None:
    """Writes the graph with its card. The file appears under its name only when it is complete; OSError names it."""
    import onnx

    path = Path(path)
    complete = onnx.ModelProto()
    complete.CopyFrom(model)
    text = card.to_json()
    written = {CARD_KEY: text, CHECKSUM_KEY: _checksum(model.SerializeToString(), text)}
    kept = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(complete, {**kept, **written})
    write_whole(path, complete.SerializeToString())


def check_writable(path: Path) -> None:
    """An error now where `write_whole` would have one after hours of work, or nobody would take it for a style file."""
    if path.is_dir():
        raise BadFile(f"{path} is a folder; give the path of a file in it")
    if path.suffix != STYLE_FILE:
        raise BadValue(f"{path} is no name for a style file; call it {path.name}{STYLE_FILE}")
    if not path.parent.is_dir():
        raise FileMissing(f"there is no folder {path.parent} to write {path.name} into; make it first")
    with part_of(path) as beside:
        beside.touch()


def _read_card(path: Path, data: bytes) -> StyleCard:
    """The card, after the checks that need no graph."""
    with failure_as(
        BadFile, lambda error: f"{path} is not a style file: it is no ONNX ({error}); {WHENCE}", ValueError
    ):
        metadata = read_metadata(data)
    if CARD_KEY not in metadata:
        raise BadFile(f"{path} is not an impasto style file: no style card; {WHENCE}")
    if metadata.get(CHECKSUM_KEY, checksum := _checksum(data, metadata[CARD_KEY])) != checksum:
        raise BadFile(f"{path} is damaged, its checksum is not that of its contents; get the style file again")
    with failure_as(BadFile, lambda error: f"{path}: {error}", ImpastoError):
        return StyleCard.from_json(metadata[CARD_KEY])


def _checksum(data: bytes, card: str) -> str:
    """Over graph and card; files of other tools need not carry one."""
    return hashlib.sha256(f"{graph_sha256(data)} {card}".encode()).hexdigest()
