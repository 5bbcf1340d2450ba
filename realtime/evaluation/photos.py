"""What is painted: photos, frames of videos and frames of the built-in scene, all with the same long side."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from engines.errors import BadFile, FileMissing
from realtime.frames.frame import Pixels
from realtime.media.picture_file import PICTURE_SUFFIXES, read_picture, resize
from realtime.scene import Scene
from realtime.sources.file import FileSource
from realtime.sources.pictures import pictures_named

# Sides are a multiple of this, so that every pool of a loss network divides them.
MULTIPLE_PX = 16
LEAST_SIDE_PX = 48
# A video gives its middle frame, and one more for every so many seconds beyond.
SECONDS_OF_A_MOMENT = 10
UNKNOWN_RATE = 25
SCENE_FRAMES = 2
FRAMES_BETWEEN = 90


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A picture (H, W, 3) uint8 at the size in which it is painted; `of_scene` where nobody photographed it."""

    name: str
    pixels: Pixels
    of_scene: bool = False


Opener = Callable[[int], Photo]
Item = TypeVar("Item")


def gather_photos(content: Sequence[Path], count: int, size: int) -> list[Photo]:
    """`count` photos with a long side of `size` pixels; as few as there are.

    Every path gives as many as the others, as long as it has any. ImpastoError or FileNotFoundError in one line.
    """
    offered = [_offered_by(path) for path in content]
    shares = fair_shares([len(openers) for openers in offered], count)
    chosen = [opener for openers, share in zip(offered, shares, strict=True) for opener in evenly(openers, share)]
    return [opener(size) for opener in chosen]


def scene_photos(scene: Scene, count: int = SCENE_FRAMES) -> list[Photo]:
    """Frames of the scene, seconds apart."""
    numbers = range(0, count * FRAMES_BETWEEN, FRAMES_BETWEEN)
    return [Photo(f"scene at {scene.seconds(number):g} s", scene.frame(number), True) for number in numbers]


def fair_shares(capacities: Sequence[int], count: int) -> list[int]:
    """How many each gives, so that they give `count` together: one each in turn, as long as each has any."""
    shares = [0] * len(capacities)
    while sum(shares) < min(count, sum(capacities)):
        for place, capacity in enumerate(capacities):
            if shares[place] < capacity and sum(shares) < count:
                shares[place] += 1
    return shares


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """`count` of the items, the middles of as many equal parts."""
    return [items[int((place + 0.5) * len(items) / count)] for place in range(count)]


def scaled_to(pixels: Pixels, long_side: int) -> Pixels:
    """The picture with that long side, both sides rounded to MULTIPLE_PX; ImpastoError where it is too narrow."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    rows, columns = (MULTIPLE_PX * round(side * scale / MULTIPLE_PX) for side in (height, width))
    if min(rows, columns) < LEAST_SIDE_PX:
        raise BadFile(f"a picture of {width}x{height} pixels is too narrow to be judged; crop it")
    return pixels if (rows, columns) == (height, width) else resize(pixels, (columns, rows))


def _offered_by(path: Path) -> list[Opener]:
    """What a path has to give, each opened when it is chosen."""
    if path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES:
        return [partial(_picture, path)]
    pictures = pictures_named(str(path))
    if pictures is not None:
        return [partial(_picture, found) for found in pictures]
    if not path.exists():
        raise FileMissing(f"there is no file {path}")
    return [partial(_moment, path, number) for number in _moments(path)]


def _picture(path: Path, size: int) -> Photo:
    return Photo(path.stem, scaled_to(read_picture(path).rgb, size))


def _moments(path: Path) -> Iterator[int]:
    """Numbers of frames: the middles of equal parts of the video, about SECONDS_OF_A_MOMENT long."""
    source = FileSource(path)
    source.close()
    frames = source.clip.frames or 1
    seconds = frames / float(source.frame_rate or UNKNOWN_RATE)
    parts = max(1, int(seconds / SECONDS_OF_A_MOMENT))
    return (int((part + 0.5) * frames / parts) for part in range(parts))


def _moment(path: Path, number: int, size: int) -> Photo:
    """Frame `number` of a video, as it is seen; the last one where the video ends before."""
    source = FileSource(path, square_pixels=True)
    try:
        grabbed = deque(islice(iter(source.grab, None), number + 1), maxlen=1)
        if not grabbed:
            raise BadFile(f"{path} has no frame that can be decoded")
        return Photo(f"{path.stem} #{number}", scaled_to(source.retrieve(grabbed[0]).data, size))
    finally:
        source.close()
