"""How a style file paints: every style on every photo, as a user gets it, with flicker and speed.

The noise pair is what the grain of a camera does to a still picture: two paintings of one photo, each with its own draw
of sensor noise (σ 2 of 255, rounded to bytes), and their mean absolute difference in 255ths.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, product
from statistics import mean, median

import numpy as np

from engines.loading.engine import Controls, EngineChoice
from engines.style.styles import StyleFile
from realtime.bench.inputs.clips import Allowance
from realtime.bench.rows.rows import each_ms
from realtime.bench.rows.stability import Stability, measure_stability
from realtime.evaluation.options import EvaluateOptions
from realtime.evaluation.photos import Photo
from realtime.evaluation.subjects import Subject
from realtime.frames.frame import Frame, Pixels
from realtime.painting.notes import EngineFacts
from realtime.painting.opening import engine_for
from realtime.painting.stylizer import Stylizer
from realtime.scene import Scene

SENSOR_NOISE = 2.0  # deviation in 255ths
TIMED_FRAMES, TIMED_SECONDS = 30, 5.0
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """A photo painted, and how it differs under sensor noise."""

    picture: Pixels
    noise_pair: float

    @classmethod
    def of(cls, stylizer: Stylizer, photo: Pixels, seed: int) -> "_Try":
        return cls(_paint(stylizer, photo), noise_pair(stylizer, photo, seed))


@dataclass(frozen=True, slots=True, eq=False)
class PaintedStyle:
    """What one style made of the photos, in their order, and how it behaves on a still and on a moving picture."""

    pictures: Sequence[Pixels]
    noise_pair: float
    stability: Stability
    ms: float
    engine: EngineFacts


def paint_photos(
    subjects: Sequence[Subject], photos: Sequence[Photo], scene: Scene, options: EvaluateOptions, report: Report
) -> Iterator[tuple[Subject, PaintedStyle]]:
    """Each subject with its pictures. One engine is open at a time: those of one file share them, size by size."""
    for _, of_one_file in groupby(subjects, key=lambda subject: subject.file.sha256):
        yield from _paint_file(list(of_one_file), photos, scene, options, report)


def _paint_file(
    subjects: Sequence[Subject], photos: Sequence[Photo], scene: Scene, options: EvaluateOptions, report: Report
) -> Iterator[tuple[Subject, PaintedStyle]]:
    file = subjects[0].file
    tries: dict[tuple[str, int], _Try] = {}
    for size, numbers in _by_size(photos).items():
        with opened(file, size, options, report) as stylizer:
            for subject, number in product(subjects, numbers):
                stylizer.controls = Controls(file.vector(subject.name))
                tries[subject.name, number] = _Try.of(stylizer, photos[number].pixels, seed=number)
    with opened(file, (scene.width, scene.height), options, report) as stylizer:
        ms, facts = _median_ms(stylizer, scene), stylizer.facts
        for subject in subjects:
            stylizer.controls = Controls(file.vector(subject.name))
            mine = [tries[subject.name, number] for number in range(len(photos))]
            pair = mean(each.noise_pair for each in mine)
            stability = measure_stability(stylizer, scene)
            yield subject, PaintedStyle([each.picture for each in mine], pair, stability, ms, facts)


@contextmanager
def opened(file: StyleFile, size: tuple[int, int], options: EvaluateOptions, report: Report) -> Iterator[Stylizer]:
    """An engine for frames of `size` (width, height)."""
    choice = EngineChoice(options.engine, options.precision, options.strict, requests=1)
    engine = engine_for(file, size, choice, report=report)
    try:
        yield Stylizer(engine, Controls(file.vector(file.default)), style=file)
    finally:
        engine.close()


def noise_pair(stylizer: Stylizer, photo: Pixels, seed: int = 0) -> float:
    """Mean absolute difference, in 255ths, of two paintings of a photo with two draws of sensor noise."""
    rng = np.random.default_rng(seed)
    first, second = (_paint(stylizer, with_sensor_noise(photo, rng)).astype(np.int16) for _ in range(2))
    return float(np.abs(first - second).mean())


def with_sensor_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """As a sensor would give it another time, in bytes."""
    noisy = photo + rng.normal(0, SENSOR_NOISE, photo.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _paint(stylizer: Stylizer, pixels: Pixels) -> Pixels:
    stylizer.begin_anew()
    return stylizer(Frame(pixels, 0.0, time.perf_counter())).data


def _median_ms(stylizer: Stylizer, scene: Scene) -> float:
    """Median milliseconds of a frame of the scene, one after the other, as `impasto bench` measures the net alone."""
    frames = [Frame(scene.frame(number), scene.seconds(number), 0.0) for number in range(4)]
    for frame in frames[:2]:
        stylizer(frame)
    return median(each_ms(stylizer, frames, Allowance(TIMED_FRAMES, TIMED_SECONDS)))


def _by_size(photos: Sequence[Photo]) -> Mapping[tuple[int, int], list[int]]:
    """Numbers of the photos by (width, height)."""
    found: dict[tuple[int, int], list[int]] = {}
    for number, photo in enumerate(photos):
        height, width = photo.pixels.shape[:2]
        found.setdefault((width, height), []).append(number)
    return found
