"""Training pictures: folders of any pictures in, random crops out.

A sample depends on (seed, its number) alone. So a run resumes exactly, whatever its workers and processes.
"""

import signal
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engines.errors import BadFile, BadValue, FileMissing, in_one_line
from engines.failures import any_failure_as
from engines.style.card import style_name
from engines.style.picture_name import PICTURES

# Loss networks halve a picture three times, and octaves twice more.
LEAST_STYLE_PX = 64
COLOUR_JITTER = 0.15
DISPLAY_GAMMA = 2.2
TOO_BRIGHT_SHARE, TOO_BRIGHT_STOPS, TOO_DARK_STOPS = 1 / 3, (0.5, 1.0), (-4.0, -0.5)
RUN_SUFFIX = ".run"
SUFFIXES = {*PICTURES, ".gif", ".avif"}  # which Pillow reads too

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class CropOptions:
    """Square random crops from pictures whose short side is `min_scale` to `max_scale` times theirs.

    Each step's crops have one of the `sizes`, in pixels, drawn by chance. Light, contrast and colour are more or less
    by up to the share `jitter`. The share `misexposed` is as cameras take it at night or against the light: too dark by
    half a stop to four, or, one in three, too bright by up to one.
    """

    sizes: tuple[int, ...] = (256,)
    max_scale: float = 1.6
    misexposed: float = 0.0
    min_scale: float = 1.0
    jitter: float = COLOUR_JITTER

    def __post_init__(self) -> None:
        if self.max_scale < self.min_scale or self.min_scale < 1:
            raise BadValue(f"max_scale is {self.max_scale}; give {max(1.0, self.min_scale):g} or more")


def find_pictures(folders: Sequence[Path]) -> list[Path]:
    """All files in the folders and below that are named like pictures, sorted; not the sheets of runs there."""
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise FileMissing(f"no folder {folder}; give a folder of pictures")
        named = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        found += sorted(path for path in named if path.is_file() and not _of_a_run(path.relative_to(folder)))
    return found


def by_style_name(pictures: Iterable[Path]) -> dict[str, Path]:
    """The pictures by the names of their styles; BadValue where two would be called the same."""
    found: dict[str, Path] = {}
    for picture in pictures:
        other = found.setdefault(style_name(picture), picture)
        if other is not picture:
            raise BadValue(
                f"several pictures are called {style_name(picture)} ({other} and {picture}); styles are called like "
                "their files: rename one"
            )
    return found


def _of_a_run(path: Path) -> bool:
    return any(parent.suffix == RUN_SUFFIX for parent in path.parents)


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """So many of the items, or all where there are fewer: the middles of as many equal parts."""
    count = min(most, len(items))
    return [items[(2 * part + 1) * len(items) // (2 * count)] for part in range(count)]


def open_picture(path: Path, under: str = "white") -> Image.Image:
    """RGB, upright, over a ground of the colour `under` where it is transparent.

    Raises BadFile where the file is damaged or no picture, OSError where there is none to be read.
    """

    def told(error: Exception) -> str:
        return f"{path} is no readable picture: {in_one_line(error)}"

    with warnings.catch_warnings(), any_failure_as(BadFile, told, but=(FileNotFoundError, PermissionError)):
        warnings.simplefilter("ignore")
        with Image.open(path) as picture:
            return _opaque(_in_8_bits(ImageOps.exif_transpose(picture)), under)


def _opaque(picture: Image.Image, under: str) -> Image.Image:
    """RGB; what a picture hides where it is transparent, often black, is nothing to learn from."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, under)
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def _in_8_bits(picture: Image.Image) -> Image.Image:
    """Of 16 bits the higher ones, and of floats 0..1: Pillow would take all above 255 for white, and 1 for black."""
    if picture.mode == "F":
        return Image.fromarray((np.nan_to_num(np.asarray(picture)).clip(0, 1) * 255).round().astype(np.uint8))
    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture).clip(0, 65_535) >> 8).astype(np.uint8))


def readable_pictures(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """(those that decode whole, those that do not)."""
    with ThreadPoolExecutor() as pool:
        readable = list(pool.map(_is_readable, paths))
    good = [path for path, is_good in zip(paths, readable, strict=True) if is_good]
    bad = [path for path, is_good in zip(paths, readable, strict=True) if not is_good]
    return good, bad


def _is_readable(path: Path) -> bool:
    try:
        open_picture(path)
    except (OSError, ValueError):
        return False
    return True


def to_tensor(picture: Image.Image) -> Tensor:
    """[3, H, W], 0..1."""
    return torch.from_numpy(np.array(picture, dtype=np.float32)).permute(2, 0, 1).contiguous() / 255


def style_picture(path: Path, long_side: int) -> Tensor:
    """[1, 3, H, W], 0..1, scaled to the long side, which sets the size of the strokes."""
    picture = open_picture(path)
    scale = long_side / max(picture.size)
    size = (max(LEAST_STYLE_PX, round(picture.width * scale)), max(LEAST_STYLE_PX, round(picture.height * scale)))
    return to_tensor(picture.resize(size, Image.Resampling.LANCZOS))[None]


def random_crop(picture: Image.Image, size: int, options: CropOptions, rng: np.random.Generator) -> Image.Image:
    """A square crop of `size` pixels after a random scale, flip and jitter."""
    short = size * rng.uniform(options.min_scale, options.max_scale)
    scale = max(short, size) / min(picture.size)
    visible = min(size / scale, *picture.size)  # rounding may put it a hair beyond the picture
    left = rng.uniform(0, picture.width - visible)
    top = rng.uniform(0, picture.height - visible)
    box = (left, top, left + visible, top + visible)
    crop = picture.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    if rng.random() < 0.5:
        crop = ImageOps.mirror(crop)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color) if options.jitter else ():
        crop = enhance(crop).enhance(1 + rng.uniform(-1, 1) * options.jitter)
    return crop


def misexposed(picture: Tensor, stops: float) -> Tensor:
    """The picture [3, H, W], 0..1 in sRGB, with 2**stops the light; what is brighter than white is white."""
    return (picture**DISPLAY_GAMMA * 2**stops).clamp(0, 1) ** (1 / DISPLAY_GAMMA)


class Crops(Dataset[Tensor | BadFile]):
    """Sample (n, size) is a crop of one picture; every picture comes once in each round of len(paths) samples.

    A picture that cannot be read any more is given as the error: workers would raise it with their own traceback.
    """

    def __init__(self, paths: Sequence[Path], options: CropOptions, seed: int, length: int) -> None:
        self.paths = list(paths)
        self.options = options
        self.seed = seed
        self.length = length

    def __len__(self) -> int:
        return self.length

    def size_in(self, step: int) -> int:
        """The side of a step's crops, the same in all processes."""
        if len(self.options.sizes) == 1:
            return self.options.sizes[0]
        return int(np.random.default_rng((self.seed, 6, step)).choice(self.options.sizes))

    def path_of(self, number: int) -> Path:
        """The picture that a sample is of."""
        turn, place = divmod(number, len(self.paths))
        order = np.random.default_rng((self.seed, 1, turn)).permutation(len(self.paths))
        return self.paths[int(order[place])]

    def __getitem__(self, sample: tuple[int, int]) -> Tensor | BadFile:
        """[3, size, size], 0..1."""
        try:
            return self.crop(*sample)
        except (BadFile, OSError) as error:
            return BadFile(f"{in_one_line(error)}; it was whole when the run began: bring it back, then --resume")

    def crop(self, number: int, size: int) -> Tensor:
        """[3, size, size], 0..1; BadFile or OSError where the picture cannot be read any more."""
        rng = np.random.default_rng((self.seed, 2, number))
        crop = to_tensor(random_crop(open_picture(self.path_of(number)), size, self.options, rng))
        if rng.random() >= self.options.misexposed:
            return crop
        too_bright = rng.random() < TOO_BRIGHT_SHARE
        return misexposed(crop, rng.uniform(*(TOO_BRIGHT_STOPS if too_bright else TOO_DARK_STOPS)))


def batches(
    crops: Crops, batch: int, *, start: int, stop: int, rank: int = 0, processes: int = 1, workers: int = 2
) -> Iterator[Tensor]:
    """Batches [B, 3, size, size] of steps start..stop − 1 for one of several processes, decoded by `workers`."""
    loader: DataLoader[Tensor | BadFile] = DataLoader(
        crops,
        batch_sampler=_StepSamples(crops, range(start, stop), batch, rank, processes),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_ctrl_c_to_the_trainer,
        collate_fn=_stacked,
    )
    for crops_of_step in loader:
        if isinstance(crops_of_step, BadFile):
            raise crops_of_step
        yield crops_of_step


@dataclass(frozen=True, slots=True)
class _StepSamples:
    """The samples of each step of one process, as they are asked for."""

    crops: Crops
    steps: range
    batch: int
    rank: int
    processes: int

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in self.steps:
            size, first = self.crops.size_in(step), (step * self.processes + self.rank) * self.batch
            yield [(number, size) for number in range(first, first + self.batch)]


def _stacked(crops: Sequence[Tensor | BadFile]) -> Tensor | BadFile:
    bad = next((crop for crop in crops if isinstance(crop, BadFile)), None)
    return bad or torch.stack([crop for crop in crops if isinstance(crop, Tensor)])


def _leave_ctrl_c_to_the_trainer(_worker: int) -> None:
    """A worker that Ctrl-C ends would break off the step that the trainer still finishes and saves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
