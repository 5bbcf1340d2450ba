"""Who painted a style: `credits.toml` beside the pictures, one table for each style's name."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CREDITS_FILE = "credits.toml"
FIELDS = ("title", "artist", "year", "source", "licence")


@dataclass(frozen=True, slots=True)
class Credit:
    """What a style card says of one picture; empty where nobody has said it."""

    title: str = ""
    artist: str = ""
    year: str = ""
    source: str = ""
    licence: str = ""


def read_credits(folder: Path) -> dict[str, Credit]:
    """The credits by style name; no file means no credits. Raises ValueError when the file is malformed."""
    path = folder / CREDITS_FILE
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error
    return {name: _credit(path, name, table) for name, table in tables.items()}


def _credit(path: Path, name: str, table: Any) -> Credit:
    if not isinstance(table, Mapping) or not set(table) <= set(FIELDS):
        raise ValueError(f"{path}: [{name}] may hold {', '.join(FIELDS)} and nothing else")
    return Credit(**{field: str(value) for field, value in table.items()})
