"""The styles of an evaluation on its films, and on the built-in scene, held by a steady hand.

All that is known of a film beforehand is found once, and what is found in its paintings for every style.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np

from engines.loading.engine import Controls
from realtime.bench.rows.stability import Stability, measure_stability
from realtime.evaluation.jury import Figures
from realtime.evaluation.options import EvaluateOptions
from realtime.evaluation.painted import opened, with_sensor_noise
from realtime.evaluation.steadiness.figures import (
    NOISY_FRAMES,
    breathing,
    changes_of,
    contrast,
    e_warp,
    flicker_gain,
    freeze,
    noise_gain,
    still_column,
    still_half,
    warping_pairs,
)
from realtime.evaluation.steadiness.film import Film, Hands
from realtime.evaluation.steadiness.report import SCENE, Slices, SteadyRow
from realtime.evaluation.subjects import Subject
from realtime.frames.frame import Pixels
from realtime.painting.stylizer import Stylizer
from realtime.scene import Scene

SCENE_RUN_UP = 6  # frames before each pair of which the warping error is told
Report = Callable[[str], None]


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


def judge_steadiness(
    subjects: Sequence[Subject],
    plain: Mapping[str, Stability],
    films: Sequence[FilmJudge],
    scene: Scene,
    options: EvaluateOptions,
    report: Report,
) -> Iterator[SteadyRow]:
    """The rows, file by file and film by film: so each engine is opened once, and one at a time.

    `plain` says by label how steady a style paints the scene without a hand.
    """
    for _, of_one_file in groupby(subjects, key=lambda subject: subject.file.sha256):
        some = list(of_one_file)
        for film in films:
            report(f"judging how steadily {film.name} is painted")
            yield from _on_film(some, film, options, report)
        yield from _on_scene(some, plain, scene, options, report)


def _on_film(
    subjects: Sequence[Subject], film: FilmJudge, options: EvaluateOptions, report: Report
) -> Iterator[SteadyRow]:
    file = subjects[0].file
    with opened(file, film.size, options, report) as stylizer:
        for subject in subjects:
            hands = Hands(stylizer.engine, Controls(file.vector(subject.name)), options.steady, file)
            yield film(hands, subject.label)


def _on_scene(
    subjects: Sequence[Subject],
    plain: Mapping[str, Stability],
    scene: Scene,
    options: EvaluateOptions,
    report: Report,
) -> Iterator[SteadyRow]:
    file = subjects[0].file
    with opened(file, (scene.width, scene.height), options, report) as stylizer:
        for subject in subjects:
            controls = Controls(file.vector(subject.name))
            steady = Stylizer(stylizer.engine, controls, options.steady, style=file)
            held = measure_stability(steady, scene, run_up=SCENE_RUN_UP)
            yield SteadyRow(subject.label, SCENE, _figures(plain[subject.label]), _figures(held))


def _figures(stability: Stability) -> dict[str, float]:
    return {"e_warp": stability.e_warp, "e_warp_ratio": stability.ratio}
