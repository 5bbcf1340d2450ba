"""What styles are called: like the files of their pictures, as far as a style's name may hold it."""

from collections.abc import Iterable
from pathlib import Path

from engines.errors import BadValue
from engines.style.card import as_name


def style_name(path: Path) -> str:
    """Like the file, a picture or the style file of one style."""
    return as_name(path.stem)


def by_style_name(pictures: Iterable[Path]) -> dict[str, Path]:
    """The pictures by the names of their styles; BadValue where two would be called the same."""
    found: dict[str, Path] = {}
    for picture in pictures:
        other = found.setdefault(style_name(picture), picture)
        if other is not picture:
            raise BadValue(
                f"several pictures are called {style_name(picture)} ({other} and {picture}); styles are called like "
                "their files: rename one"
            )
    return found
