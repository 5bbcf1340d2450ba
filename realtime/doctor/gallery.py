"""The styles that can be painted without training any."""

from engines.style import GalleryItem, gallery_items
from engines.style_file import StyleFile
from realtime.doctor.finding import Finding, State, in_few_words

NO_STYLES = "no style file is bundled"
REINSTALL = "install impasto again: pip install --force-reinstall impasto"


def look_at_gallery() -> list[Finding]:
    """The bundled style files and those of other packages, each read and checked."""
    found = [_look_at(item) for item in gallery_items()]
    return found or [Finding("gallery", State.NO, NO_STYLES, REINSTALL)]


def _look_at(item: GalleryItem) -> Finding:
    try:
        return _described(item.read())
    except Exception as error:  # a damaged disk, or another package's code: the other files still work
        remedy = f"ask the makers of the package that brings {item.origin}" if item.origin else REINSTALL
        return Finding(item.name, State.NO, in_few_words(error), remedy)


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
