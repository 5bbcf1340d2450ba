"""`impasto evaluate` from end to end: gather, paint, judge."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from realtime.evaluation.jury import Jury, Optimise
from realtime.evaluation.options import EvaluateOptions
from realtime.evaluation.painted import PaintedStyle, paint_photos
from realtime.evaluation.photos import SCENE_FRAMES, Photo, gather_photos, scene_photos
from realtime.evaluation.report import EvaluationReport, OptimisedRow, PictureFigures, StyleRow
from realtime.evaluation.steadiness.film import read_film
from realtime.evaluation.steadiness.report import SteadyReport, SteadyRow
from realtime.evaluation.steadiness.run import FilmJudge, judge_steadiness
from realtime.evaluation.subjects import Subject, find_subjects
from realtime.frames.frame import Pixels
from realtime.frames.request import told_once
from realtime.scene import Scene

Report = Callable[[str], None]
Progress = Callable[[int, int | None], None]
# A photo painted after a painting in so many iterations, by moving its own pixels.


@dataclass(slots=True, eq=False)
class Evaluation:
    """The figures as they come, and for the contact sheet the pictures behind them."""

    subjects: Sequence[Subject]
    photos: Sequence[Photo]
    jury: Jury
    painted: list[PaintedStyle] = field(default_factory=list)
    rows: list[StyleRow] = field(default_factory=list)
    optimised: list[OptimisedRow] = field(default_factory=list)
    on_films: list[SteadyRow] = field(default_factory=list)
    interrupted: bool = False

    def report(self, options: EvaluateOptions) -> EvaluationReport:
        names, judged_by = [photo.name for photo in self.photos], self.jury.as_dict()
        steadiness = SteadyReport(options.steady, self.rows_on_films) if self.on_films else None
        rows = (self.rows, self.optimised, self.interrupted)
        return EvaluationReport(options.size, names, judged_by, *rows, steadiness=steadiness)

    @property
    def rows_on_films(self) -> list[SteadyRow]:
        """Style by style, however they came."""
        labels = [subject.label for subject in self.subjects]
        return sorted(self.on_films, key=lambda row: labels.index(row.label))


def run_evaluation(
    options: EvaluateOptions,
    *,
    report: Report = lambda line: None,
    progress: Progress = lambda done, total: None,
    optimise: Optimise | None = None,
) -> Evaluation:
    """Paints and judges every style; after Ctrl-C it has what was judged so far.

    `optimise` makes the pictures that `options.optimiser` asks for. Raises ImpastoError or OSError in one line.
    """
    subjects = find_subjects(options.styles, options.paintings)
    scene = Scene(options.size, scene_height(options.size))
    given = gather_photos(options.content, options.photos, options.size)
    photos = [*given, *scene_photos(scene, SCENE_FRAMES if given else options.photos)]
    report = told_once(report)
    report(f"judging {len(subjects)} styles on {len(given)} photos and {len(photos) - len(given)} frames of the scene")
    films = [FilmJudge(read_film(path, scene.height)) for path in options.clip]
    evaluation = Evaluation(subjects, photos, Jury(photos, options.size, options.check))
    try:
        _judge_styles(evaluation, scene, options, report, progress)
        if films:
            _judge_films(evaluation, films, scene, options, report, progress)
        if optimise is not None:
            evaluation.optimised.extend(_optimised(evaluation, sorted({*options.optimiser}), optimise, report))
    except KeyboardInterrupt:
        evaluation.interrupted = True
    return evaluation


def scene_height(width: int) -> int:
    """Of 16:9, and even."""
    return 2 * round(width * 9 / 32)


def _judge_styles(
    evaluation: Evaluation, scene: Scene, options: EvaluateOptions, report: Report, progress: Progress
) -> None:
    done, total = 0, len(evaluation.subjects) * len(evaluation.photos)
    for subject, painted in paint_photos(evaluation.subjects, evaluation.photos, scene, options, report):
        judged = []
        for number in range(len(evaluation.photos)):
            judged.append(_judged(evaluation, number, painted.pictures[number], subject))
            done += 1
            progress(done, total)
        evaluation.painted.append(painted)
        evaluation.rows.append(_row(subject, painted, judged))


def _judge_films(
    evaluation: Evaluation,
    films: Sequence[FilmJudge],
    scene: Scene,
    options: EvaluateOptions,
    report: Report,
    progress: Progress,
) -> None:
    plain = {row.label: row.stability for row in evaluation.rows}
    rows = len(evaluation.subjects) * (len(films) + 1)
    progress(0, rows)
    for row in judge_steadiness(evaluation.subjects, plain, films, scene, options, report):
        evaluation.on_films.append(row)
        progress(len(evaluation.on_films), rows)


def _judged(evaluation: Evaluation, number: int, picture: Pixels, subject: Subject) -> PictureFigures:
    photo = evaluation.photos[number]
    return PictureFigures(photo.name, photo.of_scene, evaluation.jury.figures(picture, number, subject.painting))


def _row(subject: Subject, painted: PaintedStyle, judged: Sequence[PictureFigures]) -> StyleRow:
    return StyleRow(
        label=subject.label,
        file=subject.file.path.name,
        network=subject.file.card.network,
        pictures=judged,
        noise_pair=painted.noise_pair,
        stability=painted.stability,
        ms=painted.ms,
        engine=painted.engine,
    )


def _optimised(
    evaluation: Evaluation, counts: Sequence[int], optimise: Optimise, report: Report
) -> Iterator[OptimisedRow]:
    """For every painting and photo, but not those of the scene where there are others."""
    given = [number for number, photo in enumerate(evaluation.photos) if not photo.of_scene]
    for subject in evaluation.subjects:
        for number in given or range(len(evaluation.photos)):
            for iterations in counts:
                report(f"optimising {evaluation.photos[number].name} after {subject.label}, {iterations} iterations")
                started = time.perf_counter()
                picture = optimise(evaluation.photos[number].pixels, subject.painting, iterations)
                seconds = time.perf_counter() - started
                judged = _judged(evaluation, number, picture, subject)
                yield OptimisedRow(subject.label, iterations, seconds, judged)
