"""Who is judged: styles by name, each with the painting that it was made after."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.errors import FileMissing
from engines.style.card import style_name
from engines.style.styles import StyleFile
from realtime.media.picture_file import PICTURE_SUFFIXES
from realtime.painting.picture_style import resolve


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One style of a file and the picture of its painting; `label` tells it from all others."""

    file: StyleFile
    name: str
    label: str
    painting: Path


def find_subjects(styles: Sequence[str], paintings: Sequence[Path]) -> list[Subject]:
    """The subjects in the order in which they were asked for, each once; ImpastoError where a painting is missing."""
    chosen = list({(file.sha256, name): (file, name) for text in styles for file, name in _styles_of(text)}.values())
    names = Counter(name for _, name in chosen)
    return [
        Subject(file, name, name if names[name] == 1 else f"{file.card.name}:{name}", find_painting(name, paintings))
        for file, name in chosen
    ]


def find_painting(name: str, folders: Sequence[Path]) -> Path:
    """The picture called like the style, as trainers name styles, in the first folder that has it."""
    for folder in folders:
        if not folder.is_dir():
            raise FileMissing(f"there is no folder {folder}; give a folder of paintings, each called like its style")
        for path in sorted(folder.iterdir()):
            if style_name(path) == name and path.suffix.lower() in PICTURE_SUFFIXES:
                return path
    where = ", ".join(str(folder) for folder in folders)
    raise FileMissing(f"there is no painting of the style {name!r} in {where}; put one there that is called {name}.jpg")


def _styles_of(text: str) -> Iterator[tuple[StyleFile, str]]:
    """The style that was named, or all of the file where only that was."""
    file, name = resolve(text)
    whole = text == file.card.name or Path(text) == file.path
    for each in file.card.names if whole else (name,):
        yield file, each
