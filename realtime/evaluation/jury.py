"""What trainers lend an evaluation: judges, with what they have seen of the photos, and what could be reached.

That is the same photos painted by moving their pixels, without a net (trainers.gatys).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engines.packages import needing_extra
from realtime.evaluation.photos import Photo, scaled_to
from realtime.frames.frame import Pixels
from realtime.media.picture_file import read_picture

if TYPE_CHECKING:
    from trainers.figures.evaluation import Judge, JudgedPainting, JudgedPhoto
    from trainers.losses.patches import PatchTargets

Figures = Mapping[str, float]
# The photo, the painting and the iterations → what came out.
Optimise = Callable[[Pixels, Path, int], Pixels]
CHECK_PREFIX = "check_"
# A painting's long side, relative to that of the photos: 896 pixels beside 640.
PAINTING_SCALE = 1.4


@dataclass(frozen=True, slots=True)
class _SeenPainting:
    """What is remembered of a painting: by each judge, and its patches, which are the same for all."""

    by_judge: "Mapping[str, JudgedPainting]"
    patches: "PatchTargets"


class Jury:
    """One judge, and where a `check` is given a second one, whose figures are named `check_…`.

    What asks no network, patches and weave, is judged once.
    """

    def __init__(self, photos: Sequence[Photo], size: int, check: Path | None = None) -> None:
        self.painting_size = round(PAINTING_SCALE * size)
        self.judges = {"": _judge(None)} | ({} if check is None else {CHECK_PREFIX: _judge(check)})
        self._photos: Mapping[str, list[JudgedPhoto]] = {
            prefix: [judge.photo(photo.pixels) for photo in photos] for prefix, judge in self.judges.items()
        }
        self._paintings: dict[Path, _SeenPainting] = {}

    def figures(self, painted: Pixels, number: int, painting: Path) -> Figures:
        """The figures of a painted picture of photo `number`, by name."""
        from trainers.figures.evaluation import pixel_figures

        seen = self._look_at(painting)
        found: dict[str, float] = asdict(pixel_figures(painted, self._photos[""][number], seen.patches))
        for prefix, judge in self.judges.items():
            figures = judge.figures(painted, self._photos[prefix][number], seen.by_judge[prefix])
            found |= {f"{prefix}{name}": value for name, value in asdict(figures).items()}
        return found

    def as_dict(self) -> dict[str, Any]:
        """By what is judged."""
        described = {
            prefix.rstrip("_") or "judge": {"network": judge.perceptual.name, "layers": list(judge.layers)}
            for prefix, judge in self.judges.items()
        }
        return {"painting_size": self.painting_size, **described}

    def _look_at(self, painting: Path) -> _SeenPainting:
        """What is remembered of a painting, which is studied for some seconds once."""
        from trainers.figures.evaluation import patches_of

        if painting not in self._paintings:
            pixels = scaled_to(read_picture(painting).rgb, self.painting_size)
            by_judge = {prefix: judge.painting(pixels) for prefix, judge in self.judges.items()}
            self._paintings[painting] = _SeenPainting(by_judge, patches_of(pixels))
        return self._paintings[painting]


def _judge(check: Path | None) -> "Judge":
    """ImpastoError where the training extra is not installed."""
    with needing_extra("train", "judging"):
        from trainers.figures.evaluation import load_judge
    return load_judge() if check is None else load_judge(str(check))


def load_optimiser() -> Optimise:
    """The recipe with its own settings, but for strokes as large as those that are judged.

    ImpastoError where the training extra is not installed.
    """
    with needing_extra("train", "optimising"):
        from trainers.gatys import paint
        from trainers.optimisation.picture_run import PictureRun
        from trainers.settings.gatys_options import STYLE_SCALE, GatysOptions

    def optimise(photo: Pixels, painting: Path, iterations: int) -> Pixels:
        options = GatysOptions(
            style_images=((painting, 1.0),),
            iterations=iterations,
            size=max(photo.shape[:2]),
            stroke=PAINTING_SCALE / STYLE_SCALE,
            preview_every=iterations + 1,
        )
        with TemporaryDirectory(prefix="impasto-") as folder:
            return paint(photo, options, PictureRun(Path(folder), options, photo)).rgb

    return optimise
