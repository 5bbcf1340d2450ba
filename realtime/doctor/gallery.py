"""The styles that can be painted without training any."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

from engines.plugins import plugins
from engines.style import ENTRY_POINTS, GALLERY_FOLDER, SUFFIX
from engines.style_file import StyleFile, read_style_file
from realtime.doctor.finding import Finding, State, in_few_words

NO_STYLES = "no style file is bundled"
REINSTALL = "install impasto again: pip install --force-reinstall impasto"


def look_at_gallery() -> list[Finding]:
    """The bundled style files and those of other packages, each read and checked."""
    found = [*_bundled(GALLERY_FOLDER), *_of_other_packages()]
    return found or [Finding("gallery", State.NO, NO_STYLES, REINSTALL)]


def _bundled(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            yield _described(read_style_file(path))
        except Exception as error:  # a damaged disk: the other files still work
            yield Finding(path.stem, State.NO, in_few_words(error), REINSTALL)


def _of_other_packages() -> Iterator[Finding]:
    for name, entry_point in plugins(ENTRY_POINTS).items():
        try:
            yield _described(_file_of(entry_point))
        except Exception as error:  # another package's code may raise anything
            remedy = f"ask the makers of the package that brings {entry_point.value}"
            yield Finding(name, State.NO, in_few_words(error), remedy)


def _file_of(entry_point: EntryPoint) -> StyleFile:
    found = entry_point.load()
    return read_style_file(Path(found() if callable(found) else found))


def _described(file: StyleFile) -> Finding:
    card = file.card
    licences = sorted({style.licence for style in card.styles if style.licence})
    sources = f"; pictures: {', '.join(licences)}" if licences else ""
    text = f"{len(card.styles)} styles, net {card.licence}{sources}"
    facts = {
        "file": str(file.path),
        "sha256": file.sha256,
        "mib": round(len(file.data) / 2**20, 3),
        "licence": card.licence,
        "styles": {style.name: style.licence for style in card.styles},
    }
    return Finding(card.name, State.YES, text, facts=facts)
