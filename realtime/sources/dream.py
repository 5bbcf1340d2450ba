"""What an autoencoder dreams, as a source: a walk through its latent space that returns to where it began."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from urllib.parse import parse_qsl

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.errors import BadValue
from engines.loading.further_graphs import open_dream
from engines.style.styles import load_style
from realtime.frames.frame import Frame, Pixels, Source
from realtime.frames.pacing import MOST_RATE, Ticker
from realtime.frames.request import SourceRequest

WRITTEN = "dream:FILE?seed=3&seconds=20&speed=0.25&temperature=0.6&size=640x360&rate=15"
SIZE = re.compile(r"(\d+)x(\d+)")
SIDES_PX = (64, 4096)
LONGEST_SECONDS, FASTEST, HOTTEST = 3600.0, 10.0, 2.0
# Forms of these sizes, in places of the latent, each as strong: a picture varies as much in every octave (Field 1987),
# and noise of one place alone would be a texture.
CELLS = (1, 2, 4, 8, 16, 32, 64)
# So near to one direction, or to its opposite, a straight line is as good as an arc.
LEAST_SINE = 1e-4
Latent = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A closed walk between draws from the seed: `seconds` long, past `speed` of them a second.

    `temperature` is the deviation of the draws (Kingma and Dhariwal 2018, arXiv 1807.03039, section 6): 1 is the
    prior's, less is calmer. `size` (width, height) and `rate` are those of the pictures.
    """

    file: str
    seed: int = 0
    seconds: float = 20.0
    speed: float = 0.25
    temperature: float = 0.6
    size: tuple[int, int] = (640, 360)
    rate: Fraction = Fraction(15)

    def __post_init__(self) -> None:
        least, most = SIDES_PX
        if not all(least <= side <= most for side in self.size):
            raise BadValue(f"size is {self.size[0]}x{self.size[1]}; give sides from {least} to {most}")
        bounds = {"seconds": LONGEST_SECONDS, "speed": FASTEST, "temperature": HOTTEST, "rate": MOST_RATE}
        for name, most_of_it in bounds.items():
            if not 0 < getattr(self, name) <= most_of_it:
                given = float(getattr(self, name))
                raise BadValue(f"{name} is {given:g}; give a number above 0, {most_of_it:g} at most")
        if self.seed < 0:
            raise BadValue(f"seed is {self.seed}; give a number from 0 on")

    @classmethod
    def from_text(cls, text: str, request: SourceRequest) -> "Walk":
        """As a person wrote it, and what the address leaves open as asked for; BadValue where it is no dream."""
        file, _, settings = text.removeprefix("dream:").partition("?")
        asked = {"size": request.size, "rate": request.frame_rate}
        found: dict[str, object] = {name: value for name, value in asked.items() if value}
        try:
            if not file:
                raise BadValue("no style file is named")
            for name, value in parse_qsl(settings, keep_blank_values=True, strict_parsing=bool(settings)):
                if name not in READ:
                    raise BadValue(f"there is no {name!r}, only {', '.join(READ)}")
                found[name] = READ[name](value)
            return cls(file=file, **found)  # type: ignore[arg-type]
        except (ValueError, ZeroDivisionError) as error:
            raise BadValue(f"{text!r} is no dream: {error}; write {WRITTEN}") from error

    @property
    def draws(self) -> int:
        """How many the walk passes before it is where it began."""
        return max(2, round(self.seconds * self.speed))

    def latent(self, seconds: float, channels: int, height: int, width: int) -> Latent:
        """float32 [channels, height, width]: where the walk is then."""
        place = (seconds / self.seconds) % 1 * self.draws
        before, share = int(place) % self.draws, place % 1
        shape = channels, height, width
        draws = _draw(self.seed, before, *shape), _draw(self.seed, (before + 1) % self.draws, *shape)
        return np.asarray(self.temperature * spherical(*draws, share), np.float32)


def _size(text: str) -> tuple[int, int]:
    written = SIZE.fullmatch(text)
    if written is None:
        raise BadValue(f"{text!r} is no size")
    return int(written[1]), int(written[2])


READ: dict[str, Callable[[str], object]] = {
    "seed": int,
    "seconds": float,
    "speed": float,
    "temperature": float,
    "size": _size,
    "rate": Fraction,
}


def spherical(one: Latent, other: Latent, share: float) -> Latent:
    """From one (share 0) to the other (1) along an arc, at a steady pace: on the way the numbers stay as large.

    Shoemake's (1985), as White (2016, arXiv 1609.04468) has it for latents.
    """
    lengths = np.linalg.norm(one), np.linalg.norm(other)
    cosine = np.clip(np.vdot(one, other) / (lengths[0] * lengths[1]), -1, 1)
    angle = np.arccos(cosine)
    if np.sin(angle) < LEAST_SINE:
        return np.asarray((1 - share) * one + share * other, np.float32)
    weights = np.sin((1 - share) * angle) / np.sin(angle), np.sin(share * angle) / np.sin(angle)
    return np.asarray(weights[0] * one + weights[1] * other, np.float32)


@lru_cache(maxsize=2)  # the two that a walk is between
def _draw(seed: int, number: int, channels: int, height: int, width: int) -> Latent:
    """Normal numbers of deviation 1 in forms of every size of CELLS, from the seed and the number alone."""
    rng = np.random.default_rng((seed, number))
    total = np.sum([_forms(rng, channels, height, width, cell) for cell in CELLS], axis=0)
    return np.asarray(total / total.std(), np.float32)


def _forms(rng: np.random.Generator, channels: int, height: int, width: int, cell: int) -> Latent:
    """[channels, height, width]: normal numbers every so many places, interpolated, of deviation 1 all together."""
    rows, columns = (max(2, -(-side // cell)) for side in (height, width))
    lattice = rng.standard_normal((channels, rows, columns)).astype(np.float32)
    grown = np.stack([cv2.resize(each, (width, height), interpolation=cv2.INTER_CUBIC) for each in lattice])
    return np.asarray(grown / grown.std(), np.float32)


def open_dreams(address: str, request: SourceRequest) -> Source:
    """The dreams of the net in a style file; EngineRefused where it has none."""
    return DreamSource(Walk.from_text(address, request), request)


class DreamSource:
    """Each picture is drawn before it is due, and given when it is; what could not be drawn in time is left out."""

    live = True

    def __init__(self, walk: Walk, request: SourceRequest) -> None:
        self.size = walk.size
        self.frame_rate: Fraction | None = walk.rate
        self._walk, self._stop = walk, request.stop
        self._dream = open_dream(load_style(walk.file))
        self._ticker: Ticker | None = None
        self._next = 0

    def read(self) -> Frame | None:
        """The next frame, when it is due; None once everything is to stop."""
        frame = self.picture(self._next)
        now = time.perf_counter()
        if self._ticker is None:
            self._ticker = Ticker(self._walk.rate, now)
        if self._stop.wait(self._ticker.wait_seconds(now, self._next)):
            return None
        captured_at = time.perf_counter()
        self._next = max(self._next, self._ticker.newest_tick(captured_at)) + 1
        return replace(frame, captured_at=captured_at)

    def picture(self, number: int) -> Frame:
        """The frame of that number; the same whenever it is asked for."""
        (width, height), factor = self.size, self._dream.factor
        seconds = number / self._walk.rate
        rows, columns = (-(-side // factor) for side in (height, width))
        drawn = self._dream.draw(self._walk.latent(float(seconds), self._dream.channels, rows, columns))
        pixels: Pixels = np.ascontiguousarray(drawn[:height, :width])
        return Frame(pixels, float(seconds), time.perf_counter(), number, 1 / self._walk.rate, 1)

    def close(self) -> None:
        """Nothing is held but memory."""
