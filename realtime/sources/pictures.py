"""Pictures in order as frames: a folder, a glob, or a numbered sequence."""

import glob
import re
import threading
import time
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from pathlib import Path

from engines.errors import BadFile, BadValue, FileMissing
from realtime.frames.frame import Frame, SplitSource
from realtime.media.animation import is_animation
from realtime.media.clip import Clip
from realtime.media.colour.paper import on_white
from realtime.media.colour.rgb import SDR_TAGS
from realtime.media.framing import fit
from realtime.media.picture_file import NUMBERED, PICTURE_SUFFIXES, Picture, resize
from realtime.media.picture_reader import PictureReader

ON_WHITE = "transparency: shown on white, video is written without alpha"
WILDCARDS = re.compile(r"[*?\[]")


class PictureSource(SplitSource):
    """Each picture is a frame of 1/`frame_rate` seconds. The first one's size holds; others are fitted into it.

    Where a picture cannot be read the one before stands for its time, or else the one after; that is told, and
    `broke_off` from then on. A `strict` source raises what the picture's reader did.
    """

    live = False

    def __init__(
        self,
        paths: Sequence[Path],
        frame_rate: Fraction,
        *,
        height: int | None = None,
        report: Callable[[str], None] | None = None,
        strict: bool = False,
    ) -> None:
        if not paths:
            raise BadValue("there are no pictures to read")
        self._paths = tuple(paths)
        self._listener = report or (lambda line: None)
        self._told: set[str] = set()
        self._telling = threading.Lock()
        self._reader = PictureReader(
            self._report,
            needed=strict or len(self._paths) == 1,
            instead=", the picture beside it stands for its time",
        )
        self._next = 0
        self._told_of_sizes = False
        first = self._nearest(0)
        size = (first.rgb.shape[1], first.rgb.shape[0])
        self.clip = Clip(size, 1 / frame_rate, frame_rate, SDR_TAGS, frames=len(self._paths)).scaled(height)
        self.size = self.clip.size
        self.frame_rate: Fraction | None = frame_rate
        self._original_size = size

    def grab(self) -> int | None:
        """The number of the next picture; None at the end."""
        if self._next == len(self._paths):
            return None
        self._next += 1
        return self._next - 1

    def retrieve(self, grabbed: int) -> Frame:
        """The picture as a frame."""
        started = time.perf_counter()
        path, picture = self._paths[grabbed], self._nearest(grabbed)
        for note in picture.notes:
            self._report(f"{path.name}: {note}", about=note)
        if picture.alpha is not None:
            self._report(ON_WHITE)
        rgb = on_white(picture.rgb, picture.alpha)
        size = (rgb.shape[1], rgb.shape[0])
        if size != self._original_size and not self._told_of_sizes:
            self._told_of_sizes = True
            width, height = self.size
            self._report(
                f"{path.name} is {size[0]}x{size[1]}: all are fitted into {width}x{height} as the first is, "
                "with black bars where their shape is another"
            )
        rgb = resize(rgb, self.size) if size == self._original_size else fit(rgb, self.size)
        time_base = self.clip.time_base
        return Frame(rgb, float(grabbed * time_base), started, grabbed, time_base, 1)

    def seconds_of(self, grabbed: int) -> float:
        """When the picture is shown."""
        return float(grabbed * self.clip.time_base)

    def close(self) -> None:
        """Nothing stays open between pictures."""

    @property
    def broke_off(self) -> bool:
        """Whether a picture could not be read."""
        return bool(self._reader.left_out)

    def _nearest(self, number: int) -> Picture:
        """The picture of this number; where it cannot be read, one before it, or else one after it."""
        for path in (*self._paths[number::-1], *self._paths[number + 1 :]):
            if path not in self._reader.left_out and (picture := self._reader.read(path)) is not None:
                return picture
        raise BadFile(f"none of the {len(self._paths)} pictures can be read")

    def _report(self, line: str, *, about: str = "") -> None:
        """Tell a line, or what it is about, once, whichever thread met it first."""
        with self._telling:
            told, self._told = (about or line) in self._told, self._told | {about or line}
        if not told:
            self._listener(line)


def find_pictures(text: str, suffixes: Collection[str] = PICTURE_SUFFIXES) -> list[Path]:
    """The pictures that a folder, a glob such as "shots/*.png" or a pattern such as "shot_%04d.png" names, in order.

    They are known by their `suffixes`. Numbers in names count as numbers: shot_2 comes before shot_10. ImpastoError
    where there are none.
    """
    path = Path(text)
    if path.is_dir():
        found, where = list(path.iterdir()), f"the folder {path}"
    elif NUMBERED.search(path.name):
        found, where = numbered(path), f"the sequence {text}"
    else:
        found, where = [Path(name) for name in glob.glob(text)], text
    pictures = [file for file in found if file.suffix.lower() in suffixes and not file.name.startswith(".")]
    if not pictures:
        raise FileMissing(f"there are no pictures in {where} (looked for {', '.join(sorted(suffixes))})")
    return sorted(pictures, key=lambda file: _natural(str(file)))


def names_pictures(text: str) -> bool:
    """Whether a person means pictures by this text, and not one video or animation."""
    path = Path(text)
    if path.is_file():
        return path.suffix.lower() in PICTURE_SUFFIXES and not is_animation(path)
    return path.is_dir() or bool(NUMBERED.search(path.name)) or bool(WILDCARDS.search(text))


def pictures_named(text: str) -> list[Path] | None:
    """The pictures, as `find_pictures` finds them; None where one video file is meant."""
    return find_pictures(text) if names_pictures(text) else None


def numbered(path: Path) -> list[Path]:
    """The files that a pattern such as shot_%04d.png matches, in no order."""
    name, folder = _numbered_name(path), path.parent
    return [file for file in folder.iterdir() if name.fullmatch(file.name)] if folder.is_dir() else []


def number_in(pattern: Path, path: Path) -> int:
    """The number of a file that the pattern matches."""
    found = _numbered_name(pattern).fullmatch(path.name)
    assert found is not None
    return int(found[1])


def _numbered_name(pattern: Path) -> re.Pattern[str]:
    before, after = NUMBERED.split(pattern.name, maxsplit=1)
    return re.compile(re.escape(before) + r"(\d+)" + re.escape(after))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts digits by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
