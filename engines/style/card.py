"""The style card: what a style file says about itself, as JSON in the file's ONNX metadata."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from engines.errors import BadFile, in_one_line
from engines.failures import failure_as
from engines.finite_json import finite_json
from engines.style.state import StateInput, check_names

# Cards without state are written as format 1, which every impasto reads.
FORMAT_VERSION = 2
FORBIDDEN_IN_NAMES = set(":=,/\\\"'")
CARD_FIELDS = {
    "name": str,
    "network": dict,
    "styles": list,
    "size_multiple": int,
    "preprocessing": dict,
    "licence": str,
    "training": dict,
    "figures": dict,
}
STYLE_TEXTS = ("name", "title", "artist", "year", "source", "licence")


def as_name(text: str) -> str:
    """The text with "_" for what no style's name may hold; a name is left as it is."""
    name = "".join("_" if sign in FORBIDDEN_IN_NAMES or not sign.isprintable() else sign for sign in text)
    return name if name.strip() else "_"


def style_name(path: Path) -> str:
    """What a style is called by itself: like the file, a picture or the style file of one style."""
    return as_name(path.stem)


@dataclass(frozen=True, slots=True, eq=False)
class NamedStyle:
    """One style of a net: its vector (float32 [S], read-only) and the picture it was learnt from, "" where unknown.

    The name is what people type after --style and in --mix, so it may not hold any of : = , / \\ or quotes.
    """

    name: str
    vector: np.ndarray
    title: str = ""
    artist: str = ""
    year: str = ""
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        for key in STYLE_TEXTS:
            _check_printable(f"the {key} of style {self.name!r:.60}", getattr(self, key))
        if not self.name.strip() or FORBIDDEN_IN_NAMES & set(self.name):
            raise ValueError(f"a style cannot be called {self.name!r}; use letters, digits, '_', '-' and '.'")
        vector = np.array(self.vector, dtype="<f4")
        if vector.ndim != 1 or not np.isfinite(vector).all():
            raise ValueError(f"the vector of style {self.name!r} must be a row of finite numbers")
        vector.setflags(write=False)
        object.__setattr__(self, "vector", vector)


@dataclass(frozen=True, slots=True)
class StyleCard:
    """What a style file says about itself.

    `network` is {"name": "transform", "config": {…}}, a family's name and enough for that family to rebuild the torch
    net; `preprocessing` documents what the graph does inside; `training` is the recipe with its data, loss network and
    steps; `figures` were measured.
    `state` is what the net carries from frame to frame (engines/style/state.py).
    """

    name: str
    network: dict[str, Any]
    styles: tuple[NamedStyle, ...]
    size_multiple: int
    preprocessing: dict[str, Any]
    licence: str
    training: dict[str, Any]
    figures: dict[str, Any]
    state: tuple[StateInput, ...] = ()

    def __post_init__(self) -> None:
        for key in ("name", "licence"):
            _check_printable(f"the {key}", getattr(self, key))
        if not self.styles:
            raise ValueError("a style card needs at least one style")
        if len({style.name for style in self.styles}) < len(self.styles):
            raise ValueError(f"style names must differ: {', '.join(self.names)}")
        if len({style.vector.size for style in self.styles}) > 1:
            raise ValueError("the style vectors have different lengths")
        check_names(self.state)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(style.name for style in self.styles)

    @property
    def style_size(self) -> int:
        """Length S of the style vectors."""
        return int(self.styles[0].vector.size)

    def to_json(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "state"}
        values |= {"styles": [_style_to_dict(style) for style in self.styles], "format_version": 1}
        if self.state:
            values |= {"state": [each.to_dict() for each in self.state], "format_version": FORMAT_VERSION}
        return finite_json(values, ascii_only=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The card that `to_json` wrote, vectors bit for bit; ImpastoError where we cannot read it."""
        values = _parse(text)
        with failure_as(BadFile, _damaged, ValueError, TypeError, KeyError, OverflowError):
            styles = tuple(_style_from_dict(style) for style in values["styles"])
            state = tuple(StateInput.from_dict(each) for each in values.get("state", ()))
            return cls(**{key: values[key] for key in CARD_FIELDS if key != "styles"}, styles=styles, state=state)


def _damaged(error: Exception) -> str:
    return f"the style card is damaged ({in_one_line(error)}); get the style file again"


def _parse(text: str) -> dict[str, Any]:
    """The card's fields, of the right kinds; a card of a newer format is told from a damaged one."""
    told = "the style card is not JSON ({}); get the style file again"
    with failure_as(BadFile, told.format, ValueError, RecursionError):
        values = json.loads(text)
    version = values.get("format_version") if isinstance(values, dict) else None
    if type(version) is not int or version < 1:
        raise BadFile("the style card has no format version; get the style file again")
    if version > FORMAT_VERSION:
        raise BadFile(
            f"the style card has format {version} and this impasto reads up to {FORMAT_VERSION}; upgrade impasto"
        )
    kinds = CARD_FIELDS | ({"state": list} if "state" in values else {})
    if wrong := _fields_of_wrong_kind(values, kinds.items()):
        raise BadFile(f"the style card is damaged (look at {', '.join(wrong)}); get the style file again")
    return dict(values)


def _fields_of_wrong_kind(values: dict[str, Any], kinds: Iterable[tuple[str, type]]) -> list[str]:
    return [key for key, kind in kinds if type(values.get(key)) is not kind]


def _style_to_dict(style: NamedStyle) -> dict[str, str]:
    texts = {key: getattr(style, key) for key in STYLE_TEXTS}
    return {**texts, "vector": base64.b64encode(style.vector.tobytes()).decode("ascii")}


def _style_from_dict(values: dict[str, Any]) -> NamedStyle:
    """Vectors are base64 of little-endian float32."""
    if not isinstance(values, dict):
        raise TypeError("a style is not an object")
    texts = {key: values.get(key, "") for key in STYLE_TEXTS}
    vector = np.frombuffer(base64.b64decode(values["vector"], validate=True), dtype="<f4")
    return NamedStyle(vector=vector, **texts)


def _check_printable(what: str, text: object) -> None:
    """A card comes from anywhere and is shown in a terminal: no control characters."""
    if not isinstance(text, str) or not text.isprintable():
        raise ValueError(f"{what} must be printable text, not {text!r:.60}")
