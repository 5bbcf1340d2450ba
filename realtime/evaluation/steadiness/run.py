"""The styles of an evaluation on its films, and on the built-in scene, held by a steady hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from engines.loading.engine import Controls
from realtime.bench.rows.stability import Stability, measure_stability
from realtime.evaluation.options import EvaluateOptions
from realtime.evaluation.painted import opened
from realtime.evaluation.steadiness.hands import Hands
from realtime.evaluation.steadiness.judge import FilmJudge
from realtime.evaluation.steadiness.report import SCENE, SteadyRow
from realtime.evaluation.subjects import Subject
from realtime.painting.stylizer import Stylizer
from realtime.scene import Scene

SCENE_RUN_UP = 6  # frames before each pair of which the warping error is told
Report = Callable[[str], None]


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
            hands = Hands(stylizer.engine, Controls(file.vector(subject.name)), options.steady)
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
            steady = Stylizer(stylizer.engine, Controls(file.vector(subject.name)), options.steady)
            held = measure_stability(steady, scene, run_up=SCENE_RUN_UP)
            yield SteadyRow(subject.label, SCENE, _figures(plain[subject.label]), _figures(held))


def _figures(stability: Stability) -> dict[str, float]:
    return {"e_warp": stability.e_warp, "e_warp_ratio": stability.ratio}
