"""A picture in the place of a style's name, as a person types it; nothing heavy is loaded here."""

import re
from collections.abc import Sequence
from pathlib import Path

STYLE_FILE = ".onnx"
GALLERY = "gallery"
# Of what reads pictures for the net in the style file beside it.
PREDICTOR = ".predictor.onnx"
# Of a larger net of the same styles, for whoever has the time, in the style file beside it.
FINE = ".fine.onnx"
DRIVE = re.compile(r"[A-Za-z]:[\\/]")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm")


def name_of(picture: Path, names: Sequence[str]) -> str:
    """What a picture is called beside the styles `names` of a file: its stem, or all of it where a style has that."""
    return picture.name if picture.name in names or picture.stem in names else picture.stem


def picture_in(text: str) -> tuple[str, Path] | None:
    """The style file and the picture in `FILE:PICTURE.jpg`, the gallery's for a picture alone.

    None where a person means anything else.
    """
    if text.lower().endswith(PICTURES) and (":" not in text or DRIVE.match(text) or Path(text).is_file()):
        return GALLERY, Path(text)
    file, colon, rest = text.partition(f"{STYLE_FILE}:")
    head, tail = (f"{file}{STYLE_FILE}", rest) if colon else text.partition(":")[::2]
    return (head, Path(tail)) if head and tail.lower().endswith(PICTURES) else None
