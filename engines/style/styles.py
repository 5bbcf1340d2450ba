"""Styles by name. A style is one file: an ONNX graph that repaints a frame, with a style card in its metadata.

What a person types is a path (`mine.onnx`), a file of the bundled gallery (`gallery`), one style in either
(`mine.onnx:waves`, `gallery:udnie`), or the bare name of a gallery style (`starry_night`). In the place of a style's
name may stand a picture (`photo.jpg`, `mine.onnx:photo.jpg`), where the net takes any
(realtime/painting/picture_style.py). Other
packages add their files to the gallery through the entry points `impasto.styles`, each a path or a function that
returns one.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

from engines.errors import BadFile, ImpastoError, UnknownStyle, in_one_line
from engines.failures import any_failure_as
from engines.packages import plugins
from engines.style.card import NamedStyle, StyleCard
from engines.style.file import StyleFile, read_style_file, save_style
from engines.style.picture_name import FINE, PREDICTOR, picture_in

__all__ = [
    "GalleryItem",
    "NamedStyle",
    "StyleCard",
    "StyleFile",
    "gallery_items",
    "list_gallery",
    "load_style",
    "names_file",
    "resolve",
    "save_style",
]

GALLERY_FOLDER = Path(__file__).parents[1] / "gallery"
ENTRY_POINTS = "impasto.styles"
SUFFIX = ".onnx"

logger = logging.getLogger("impasto")


def load_style(name_or_path: str) -> StyleFile:
    """The style file behind what a person typed; errors as in `resolve`, and BadFile for a picture in its place."""
    try:
        return resolve(name_or_path)[0]
    except ImpastoError as error:
        if picture_in(name_or_path) is None:
            raise
        raise BadFile(
            f"{name_or_path} is a picture, and here a style file is asked for; --style {name_or_path} paints like a "
            "picture, and `impasto train style` makes a style file of one"
        ) from error


def resolve(text: str) -> tuple[StyleFile, str]:
    """The style file and the name of the style in it that a person asked for.

    FileNotFoundError where a path leads nowhere; ImpastoError for an unknown name and for a file that is no style file.
    """
    if "://" in text:
        raise UnknownStyle(f"--style {text}: styles are files of this computer; save it first, and name the file")
    file_or_style, name = _split(text)
    if names_file(file_or_style):
        return _chosen(read_style_file(Path(file_or_style)), name)
    return _resolve_in_gallery(file_or_style, name)


def names_file(text: str) -> bool:
    """Whether a person means a file by this text, or a style in one, and not a bare name of the gallery."""
    return text.endswith(SUFFIX) or os.sep in text or ":" in text


def list_gallery() -> list[StyleFile]:
    """The bundled style files and those of other packages; a broken one of another package is logged and left out."""
    return [*_bundled_files(), *_files_of_other_packages()]


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """A style file that is offered by name, not read yet. `origin` is the entry point of another package, or "".

    `read` raises ImpastoError or OSError: where the file is damaged, or another package's code fails.
    """

    name: str
    origin: str
    read: Callable[[], StyleFile]


def gallery_items() -> list[GalleryItem]:
    """What is bundled, then what other packages offer."""
    return [*_bundled_items(), *_bundled_items(fine=True), *_items_of_other_packages()]


def style_file_named(path: Path) -> StyleFile | None:
    """The style file at a path, or that the gallery has by that very name; None where neither is one, as a checkpoint.

    Errors as in `load_style`, where the path ends as those of style files do.
    """
    if path.suffix == SUFFIX:
        return load_style(str(path))
    item = None if path.is_file() else gallery_item(str(path))
    return None if item is None else item.read()


def gallery_item(name: str) -> GalleryItem | None:
    """What the gallery offers by that very name."""
    return next((item for item in gallery_items() if item.name == name), None)


def _bundled_items(*, fine: bool = False) -> list[GalleryItem]:
    """The style files, or the fine nets beside them."""
    paths = sorted(path for path in GALLERY_FOLDER.glob(f"*{SUFFIX}") if not path.name.endswith(PREDICTOR))
    chosen = (path for path in paths if path.name.endswith(FINE) == fine)
    return [GalleryItem(path.stem, "", partial(read_style_file, path)) for path in chosen]


def _items_of_other_packages() -> list[GalleryItem]:
    found = plugins(ENTRY_POINTS).items()
    return [GalleryItem(name, point.value, partial(_file_of_entry_point, point)) for name, point in found]


def _split(text: str) -> tuple[str, str]:
    """(file or style, name): a path may hold colons too."""
    if text.endswith(SUFFIX) or ":" not in text or Path(text).exists():
        return text, ""
    head, _, name = text.rpartition(":")
    return head, name


def _resolve_in_gallery(file_or_style: str, name: str) -> tuple[StyleFile, str]:
    """Our files come before those of other packages, and a file's name before a style's.

    A file here that is called otherwise than .onnx is taken where the gallery knows no such name.
    """
    known: set[str] = set()
    if f"{file_or_style}{SUFFIX}".endswith(FINE):  # known by their own names alone
        for item in _bundled_items(fine=True):
            if item.name == file_or_style:
                return _chosen(item.read(), name)
    for open_files in (_bundled_files, _files_of_other_packages):
        files = list(open_files())
        known.update(known_name for file in files for known_name in (file.card.name, *file.card.names))
        for file in files:
            if file.card.name == file_or_style:
                return _chosen(file, name)
        for file in files:
            if not name and file_or_style in file.card.names:
                return file, file_or_style
    if Path(file_or_style).is_file():
        return _chosen(read_style_file(Path(file_or_style)), name)
    near = get_close_matches(file_or_style.lower().replace(" ", "_"), known, n=1)
    meant = f" (do you mean {near[0]}?)" if near else ""
    choices = f"choose one of {', '.join(sorted(known))}, or give" if known else "the gallery is empty, give"
    what = f"a picture to paint like, or the path of a style file ({SUFFIX})"
    raise UnknownStyle(f"there is no style {file_or_style!r}{meant}; {choices} {what}")


def _bundled_files() -> Iterator[StyleFile]:
    return (item.read() for item in _bundled_items())


def _chosen(file: StyleFile, name: str) -> tuple[StyleFile, str]:
    if name:
        file.vector(name)
    return file, name or file.default


def _files_of_other_packages() -> Iterator[StyleFile]:
    for item in _items_of_other_packages():
        try:
            yield item.read()
        except (ImpastoError, OSError) as error:  # the bundled styles still work
            logger.warning("the styles %r of another package are left out: %s", item.origin, error)


def _file_of_entry_point(entry_point: EntryPoint) -> StyleFile:
    with any_failure_as(ImpastoError, in_one_line, but=ImpastoError):
        found = entry_point.load()
        return read_style_file(Path(found() if callable(found) else found))
