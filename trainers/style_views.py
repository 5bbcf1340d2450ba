"""What a picture's style is learnt on and judged by: photos, and views of the place where the style is used.

Those views may come while it is learnt. What judges is fixed at the beginning, or what was judged before and after one
came could not be compared.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engines.errors import BadFile
from trainers.data import CropOptions, find_pictures, open_picture, random_crop, readable_pictures, to_tensor
from trainers.settings.options import JohnsonOptions

MOST_PHOTOS, MOST_PHOTO_PX = 96, 768
HELD_BACK = 4
TURNS = 2  # every so many-th step is learnt on views that joined, however few they are: there the style is used

Photos = Sequence[Image.Image]
Pixels = NDArray[np.uint8]
Arriving = Callable[[], Sequence[Pixels]]


class StyleViews:
    """Gives the crops of each step; `held_back` are views [1, 3, H, W] that judge.

    A quarter of the photos are held back, and no more than HELD_BACK; of fewer than four none is, and all of them judge
    too. `arriving` gives the views uint8 [H, W, 3] that came since it was asked last: before the first step, and at
    each. The first of those that are there at the beginning judges as well. It is learnt on all the same: a still
    camera may never show another, and a vector has too few numbers to learn one view by heart.
    """

    def __init__(self, photos: Photos, judged: JohnsonOptions, arriving: Arriving = lambda: ()) -> None:
        self._judged, self._arriving = judged, arriving
        self._joined: list[Image.Image] = []
        self._join()
        count = min(HELD_BACK, len(photos) // 4)
        apart = set(range(0, len(photos), len(photos) // count)[:count]) if count else set()
        kept = [photo for at, photo in enumerate(photos) if at in apart] or list(photos)
        self._photos = [photo for at, photo in enumerate(photos) if at not in apart]
        judging = [*kept, *self._joined[:1]]
        self.held_back = tuple(self._crop(photo, (judged.seed, 7, at))[None] for at, photo in enumerate(judging))

    @property
    def joined(self) -> int:
        """How many views have joined the photos so far."""
        return len(self._joined)

    def of_step(self, step: int, rng: np.random.Generator) -> Tensor:
        """[B, 3, H, W], 0..1: decided by the step, its `rng` and what has joined."""
        self._join()
        photos = self._joined if self._joined and step % TURNS else self._photos
        chosen = rng.integers(len(photos), size=self._judged.batch)
        seed = self._judged.seed
        return torch.stack([self._crop(photos[photo], (seed, 8, step, at)) for at, photo in enumerate(chosen)])

    def _join(self) -> None:
        self._joined += [reduced(Image.fromarray(view)) for view in self._arriving()]

    def _crop(self, photo: Image.Image, chance: tuple[int, ...]) -> Tensor:
        options = CropOptions(self._judged.sizes, self._judged.max_scale)
        return to_tensor(random_crop(photo, self._judged.size, options, np.random.default_rng(chance)))


def photos_in(folders: Sequence[Path], seed: int) -> list[Image.Image]:
    """Some of the readable pictures in the folders, by chance, and no larger than is of use; none of no folders.

    BadValue where there are folders and no picture in them.
    """
    paths = find_pictures(folders)
    np.random.default_rng((seed, 9)).shuffle(paths)
    good, _ = readable_pictures(paths[:MOST_PHOTOS])
    if folders and not good:
        raise BadFile(f"no readable picture in {', '.join(map(str, folders))}; give folders of photos")
    return [reduced(open_picture(path)) for path in good]


def reduced(photo: Image.Image) -> Image.Image:
    """The photo itself, made no larger than is of use."""
    photo.thumbnail((MOST_PHOTO_PX, MOST_PHOTO_PX))
    return photo
