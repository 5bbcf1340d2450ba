"""A picture in the place of a style's name, as a person types it; nothing heavy is loaded here."""

from pathlib import Path

STYLE_FILE = ".onnx"
GALLERY = "gallery"
# Of what reads pictures for the net in the style file beside it.
PREDICTOR = ".predictor.onnx"
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm")


def picture_in(text: str) -> tuple[str, Path] | None:
    """The style file and the picture in `FILE:PICTURE.jpg`, the gallery's for a picture alone.

    None where a person means anything else.
    """
    if ":" not in text and text.lower().endswith(PICTURES):
        return GALLERY, Path(text)
    file, colon, rest = text.partition(f"{STYLE_FILE}:")
    head, tail = (f"{file}{STYLE_FILE}", rest) if colon else text.partition(":")[::2]
    return (head, Path(tail)) if head and tail.lower().endswith(PICTURES) else None
