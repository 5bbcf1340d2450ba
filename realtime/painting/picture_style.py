"""What a person typed after --style, a picture among it: `PICTURE.jpg` and `FILE:PICTURE.jpg` paint like that picture.

The gallery's net can, by the predictor beside it, and nets whose family takes statistics of pictures
(NetworkFamily.further_graphs). The picture is seen at 512 pixels.

The style vectors that were read are kept on disk by the hash of the picture and of what read it. They are numbers and
no code: one that is damaged, or of another length, is read from its picture anew.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.cache.folder import default_cache_folder
from engines.errors import BadValue
from engines.loading.further_graphs import STATISTICS, offers, open_statistics, reader_of
from engines.networks.family import STATISTICS_PX, network_name
from engines.style.file import StyleFile, read_style_file
from engines.style.picture_name import name_of, picture_in
from engines.style.styles import resolve as resolve_named
from engines.whole_file import remove_left_parts, write_whole
from realtime.frames.frame import scaled_size
from realtime.media.colour.paper import on_white
from realtime.media.picture_file import read_picture, resize

# Nets see nothing in less.
LEAST_PX = 64
KEPT_VECTORS = 64
MOST_KEPT = 512
SUFFIX = ".vector"
SEEN = "on white"  # as pictures are; another word makes what was kept before unknown


def resolve(text: str) -> tuple[StyleFile, str]:
    """The style file and the name of the style in it; a picture's is that of `name_of`, which the file then knows.

    Errors are those of engines.style.styles.resolve; BadValue where the net takes no pictures, and those of
    read_picture where there is none.
    """
    found = picture_in(text)
    if found is None:
        return resolve_named(text)
    head, picture = found
    file, _ = resolve_named(head)
    if picture.name in file.card.names:
        return file, picture.name
    if not offers(file, STATISTICS):
        raise BadValue(
            f"{file.path.name} ({network_name(file) or 'of an unknown network'}) takes no pictures as styles; choose "
            f"one of {', '.join(file.card.names)}, or train what reads them: impasto train predictor, or train vae"
        )
    vector = vector_read(file, picture)
    name = name_of(picture, file.card.names)
    return StyleFile(file.path, file.data, {name: vector}), name


def vector_read(file: StyleFile, picture: Path) -> NDArray[np.float32]:
    """float32 [S], not to be written to: what the net of the file paints by to paint like the picture."""
    return _vector(file.path, file.sha256, picture, picture.stat().st_mtime_ns if picture.is_file() else 0)


@lru_cache(maxsize=KEPT_VECTORS)
def _vector(path: Path, sha256: str, picture: Path, changed: int) -> NDArray[np.float32]:
    """float32 [S]; kept, since a live picture asks again on the thread that paints."""
    file = read_style_file(path)

    def read() -> NDArray[np.float32]:
        return open_statistics(file)(_seen(picture))

    # A picture that cannot be read has an error of its own.
    known = picture.read_bytes() if picture.is_file() else None
    vector = kept_vector(known, reader_of(file), file.card.style_size, read) if known else read()
    vector.setflags(write=False)
    return vector


def _seen(path: Path) -> NDArray[np.uint8]:
    """The picture at the size at which its statistics are taken, on white paper where it is transparent."""
    picture = read_picture(path)
    pixels = on_white(picture.rgb, picture.alpha)
    height, width = pixels.shape[:2]
    scale = STATISTICS_PX / max(height, width)
    return resize(pixels, scaled_size((width, height), scale, least=LEAST_PX))


def kept_vector(picture: bytes, reader: str, size: int, read: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """float32 [size] of the picture's bytes, by what has the hash `reader`; `read` where it is not kept yet.

    Where it cannot be kept it is read every time.
    """
    path = _folder() / (hashlib.sha256(SEEN.encode() + reader.encode() + picture).hexdigest() + SUFFIX)
    found = _of_file(path, size)
    if found is None:
        found = read()
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, found.astype("<f4").tobytes())
            _remove_surplus(path.parent)
    return found


def _folder() -> Path:
    return default_cache_folder().with_name("vectors")


def _of_file(path: Path, size: int) -> NDArray[np.float32] | None:
    try:
        values = np.frombuffer(path.read_bytes(), "<f4").astype(np.float32)
    except (OSError, ValueError):
        return None
    return values if values.shape == (size,) and np.isfinite(values).all() else None


def _remove_surplus(folder: Path) -> None:
    """The oldest go, and what a writer left that was killed."""
    oldest = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for path in oldest[:-MOST_KEPT]:
        path.unlink(missing_ok=True)
    remove_left_parts(folder)
