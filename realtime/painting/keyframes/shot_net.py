"""A net for one shot, learnt from its key frame (trainers/pairs.py), in place of carrying the paint along."""

import tempfile
import threading
from pathlib import Path

from engines.loading.engine import Controls, EngineChoice
from engines.packages import needing_extra
from engines.style.file import read_style_file
from realtime.frames.frame import Pixels
from realtime.painting.full_size.painting_size import LINES
from realtime.painting.keyframes.folder import KeyFolder
from realtime.painting.keyframes.optimiser import Report
from realtime.painting.opening import engine_for
from realtime.painting.style_learning import first_vector
from realtime.painting.stylizer import Stylizer, Unfinished
from trainers.settings.pairs_options import PairsOptions

CROP_PX = 224


def learn_shot(
    photo: Pixels, painting: Pixels, steps: int, *, name: str, report: Report, label: Report, stop: threading.Event
) -> Stylizer:
    """What paints frames of the photo's size as it was painted. Raises Unfinished where `stop` is set meanwhile."""
    with needing_extra("train", "training"):
        from trainers.export.pairs_export import write_pairs_net
        from trainers.pairs import find_pairs, train

    def on_step(done: int, _losses: dict[str, float]) -> None:
        if stop.is_set():
            raise Unfinished
        label(f"{name}: learning, {done} of {steps} steps")

    height, width = photo.shape[:2]
    with tempfile.TemporaryDirectory(prefix="impasto-") as work:
        folder = Path(work)
        KeyFolder(folder).keep(1, photo, painting)
        pairs = find_pairs(folder)
        begun, vector = first_vector(None, pairs[0].painted)
        lines = min(LINES, height, width)
        options = PairsOptions(
            folder, folder / "shot.onnx", steps=steps, batch=1, lines=lines, size=min(CROP_PX, lines), initial=begun,
            save_every=steps, sample_every=steps,
        )  # fmt: skip
        write_pairs_net(options, pairs, train(options, pairs, vector, lambda line: None, on_step))
        file = read_style_file(options.out)
        choice = EngineChoice(precision="fp32")
        engine = engine_for(file, (width, height), choice, cache_dir=folder / "engines", report=lambda line: None)
    report(f"{name}: learnt in {steps} steps")
    return Stylizer(engine, Controls(file.vector(file.default)))
