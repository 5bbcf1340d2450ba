"""One film, and how steadily it is painted: all that is known of it beforehand, and what is found in its paintings."""

from collections.abc import Sequence

import numpy as np

from realtime.evaluation.jury import Figures
from realtime.evaluation.painted import with_sensor_noise
from realtime.evaluation.steadiness.figures import (
    NOISY_FRAMES,
    breathing,
    contrast,
    e_warp,
    flicker_gain,
    noise_gain,
    warping_pairs,
)
from realtime.evaluation.steadiness.film import Film
from realtime.evaluation.steadiness.hands import Hands
from realtime.evaluation.steadiness.report import Slices, SteadyRow
from realtime.evaluation.steadiness.stillness import changes_of, freeze, still_column, still_half
from realtime.frames.frame import Pixels


class FilmJudge:
    """Studies a film once, some seconds long, and judges any number of styles on it."""

    def __init__(self, film: Film) -> None:
        self.name, self._frames = film.name, film.frames
        changes = changes_of(film.frames)
        self._still = still_half(changes)
        self._frozen = freeze(film.frames, changes)
        self._pairs = warping_pairs(film.frames)
        self._own_error = e_warp(film.frames, self._pairs)
        rng, middle = np.random.default_rng(0), film.frames[len(film.frames) // 2]
        self._noisy = [with_sensor_noise(middle, rng) for _ in range(NOISY_FRAMES)]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self._frames[0].shape[:2]
        return width, height

    def __call__(self, hands: Hands, label: str) -> SteadyRow:
        """The row of the style that the hands paint."""
        film, noisy = hands(self._frames), hands(self._noisy)
        frozen = hands(self._frozen.frames(self._frames))
        moving = ~self._still
        return SteadyRow(
            label=label,
            film=self.name,
            plain=self._figures(film.plain, noisy.plain, frozen.plain),
            held=self._figures(film.held, noisy.held, frozen.held),
            contrast_kept=contrast(film.held, moving) / contrast(film.plain, moving),
            slices=Slices(*(self._slice(each) for each in (self._frames, film.plain, film.held))),
        )

    def _figures(self, painted: Sequence[Pixels], noisy: Sequence[Pixels], frozen: Sequence[Pixels]) -> Figures:
        error = e_warp(painted, self._pairs)
        return {
            "flicker_gain": flicker_gain(painted, self._frames, self._still),
            "noise_gain": noise_gain(noisy, self._noisy),
            "breathing": breathing(frozen, self._frozen.behind),
            "e_warp": error,
            "e_warp_ratio": error / self._own_error if self._own_error else float("nan"),
        }

    def _slice(self, frames: Sequence[Pixels]) -> Pixels:
        """[H, T, 3]: a column over time."""
        column = still_column(self._still)
        return np.stack([frame[:, column] for frame in frames], axis=1)
