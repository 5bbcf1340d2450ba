"""What could be reached: the same photos painted by moving their pixels, without a net (trainers.gatys)."""

from pathlib import Path
from tempfile import TemporaryDirectory

from engines.packages import needing_extra
from realtime.evaluation.jury import PAINTING_SCALE
from realtime.evaluation.run import Optimise
from realtime.frames.frame import Pixels


def load_optimiser() -> Optimise:
    """The recipe with its own settings, but for strokes as large as those that are judged.

    ImpastoError where the training extra is not installed.
    """
    with needing_extra("train", "optimising"):
        from trainers.gatys import paint
        from trainers.optimisation.picture_run import PictureRun
        from trainers.settings.options import STYLE_SCALE, GatysOptions

    def optimise(photo: Pixels, painting: Path, iterations: int) -> Pixels:
        options = GatysOptions(
            style_images=((painting, 1.0),),
            iterations=iterations,
            stroke=PAINTING_SCALE / STYLE_SCALE,
            preview_every=iterations + 1,
        )
        with TemporaryDirectory(prefix="impasto-") as folder:
            return paint(photo, options, PictureRun(Path(folder), options, photo)).rgb

    return optimise
