"""A style file in use in a live picture: what it paints glides from one look to the next."""

from dataclasses import dataclass

import numpy as np

from engines.loading.engine import Controls
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame, Pixels
from realtime.painting.cross_fade import Vector, resting
from realtime.painting.engine_loader import LoadedEngine
from realtime.painting.full_size.join import Painted
from realtime.painting.options import OWN
from realtime.painting.steady.hand import Watched
from realtime.painting.steady.texture import Levels
from realtime.painting.stylizer import Stylizer


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How pictures are to look: a style file, a style vector of it (float32 [S]), strength and keep_colour (0..1).

    `texture` says for the report what strokes grow from, which the vector tells the net.
    """

    file: StyleFile
    vector: Vector
    strength: float = 1.0
    keep_colour: float = 0.0
    texture: str = OWN

    @property
    def as_vector(self) -> Vector:
        """The style vector, then strength and keep_colour: what glides together."""
        return np.concatenate([self.vector, np.array([self.strength, self.keep_colour])]).astype(np.float32)


class GlidingStylizer:
    """One style file's engine, and the look that it paints.

    What the style carries from frame to frame goes on through every change of the look, and begins anew with another
    engine, which has a size or a backend of its own.
    """

    def __init__(self, loaded: LoadedEngine, look: Look, fade_seconds: float) -> None:
        self.loaded, self.texture = loaded, look.texture
        self._glide = resting(look.as_vector, fade_seconds)
        self._stylizer = Stylizer(loaded.engine, Controls(look.vector), style=loaded.wanted.file)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames that it takes."""
        return self._stylizer.size

    def levels_at(self, now: float) -> Levels:
        """Of the style's textures, as in Stylizer."""
        return self._stylizer.levels_for(self._glide.at(now)[:-2])

    def is_of(self, file: StyleFile) -> bool:
        return self.loaded.wanted.file.sha256 == file.sha256

    def change_engine(self, loaded: LoadedEngine) -> None:
        """To another one of the same file; the look goes on."""
        self.loaded = loaded
        self._stylizer = Stylizer(loaded.engine, self._stylizer.controls, style=loaded.wanted.file)

    def begin_anew(self) -> None:
        """The next frame does not go on from the last one."""
        self._stylizer.begin_anew()

    def steer(self, look: Look, now: float) -> None:
        """Towards the look; where that is of another file, its strength and keep_colour alone."""
        target = look.as_vector
        if self.is_of(look.file):
            self.texture = look.texture
        else:
            target = np.concatenate([self._glide.target[:-2], target[-2:]])
        if not np.array_equal(target, self._glide.target):
            self._glide = self._glide.towards(target, now)

    def start_from_plain(self, now: float) -> None:
        """Strength 0, which is the picture as it came, and from there to where it was to be."""
        target = self._glide.target
        plain = target.copy()
        plain[-2] = 0
        self._glide = resting(plain, self._glide.fade.duration_seconds).towards(target, now)

    def paint(self, frame: Frame, small: Pixels, watched: Watched | None, now: float) -> Painted:
        """`small` is a copy of the frame at our size."""
        look = self._glide.at(now)
        strength, keep_colour = (float(value) for value in np.clip(look[-2:], 0, 1))
        self._stylizer.controls = Controls(look[:-2], strength, keep_colour)
        return self._stylizer.paint(frame, small, watched)
