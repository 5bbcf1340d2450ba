"""The settings of `impasto evaluate`; nothing heavy is loaded here, so that the command line can show the defaults."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """What is judged, by which paintings, on which photos.

    A style is what `--style` takes elsewhere; a file without a name stands for all its styles. `paintings` are folders
    with a picture for every style, called like it. `content` are pictures, folders of pictures and videos, of which
    `photos` are taken, spread evenly; where there are none, frames of the built-in scene take their place. `size` is
    the long side of all of them in pixels; a painting's is 1.4 times that.
    `check` is the file of another loss network that judges too. `optimiser` are numbers of iterations for which pixels
    are optimised on the same photos, as what could be reached at most.
    """

    styles: tuple[str, ...]
    paintings: tuple[Path, ...]
    content: tuple[Path, ...] = ()
    photos: int = 8
    size: int = 640
    check: Path | None = None
    optimiser: tuple[int, ...] = ()
    engine: str = "auto"
    precision: str = "fp32"
    strict: bool = False
