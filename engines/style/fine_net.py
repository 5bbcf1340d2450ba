"""The fine net beside a style file: a larger net of the same styles, `mine.fine.onnx` beside `mine.onnx`."""

from pathlib import Path

from engines.style.file import StyleFile, read_style_file
from engines.style.picture_name import FINE, STYLE_FILE


def is_fine(style: StyleFile) -> bool:
    """Whether the file is itself a fine net, by its name."""
    return style.path.name.endswith(FINE)


def fine_net_path(style: StyleFile) -> Path | None:
    """Where the fine net of a style file would lie; None where it is one, or is called otherwise than .onnx."""
    path = style.path
    return None if path.suffix != STYLE_FILE or is_fine(style) else path.with_name(path.stem + FINE)


def fine_net_of(style: StyleFile) -> StyleFile | None:
    """None where there is none; errors as in read_style_file where it is damaged."""
    path = fine_net_path(style)
    return read_style_file(path) if path is not None and path.is_file() else None


def holds(fine: StyleFile, style: StyleFile, name: str) -> bool:
    """Whether the fine net of a style file has this one of its styles; it never has a picture that was made one."""
    return name in fine.card.names and name not in style.further
