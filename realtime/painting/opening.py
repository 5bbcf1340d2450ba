"""From what a person asked for to what paints: the style, the engine and the controls."""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.backends.registry import fast_gpu_paints
from engines.errors import BadValue, Interrupted
from engines.loading.engine import Controls, Engine, EngineChoice, load_engine
from engines.names import AUTO
from engines.spec import Calibration, SizeRange
from engines.style.file import mixed
from engines.style.fine_net import is_fine
from engines.style.styles import StyleFile, names_file
from realtime.painting.full_size.painting_size import painting_size
from realtime.painting.net_choice import net_of
from realtime.painting.options import StylizeOptions, parse_mix
from realtime.painting.other_texture import with_texture
from realtime.painting.picture_style import resolve
from realtime.painting.stylizer import Stylizer

logger = logging.getLogger("impasto")
FILE_REQUESTS = 2  # two frames in flight are worth 10 to 25 % over one where latency does not matter


def choose_style(options: StylizeOptions, *, patient: bool = False) -> tuple[StyleFile, NDArray[np.float32]]:
    """The style file and the style vector, of one style or of a mix; ImpastoError where a name is unknown.

    Who is `patient` has the time for a fine net, and with a fast GPU everybody has.
    """

    def painting(file: StyleFile, names: Iterable[str]) -> StyleFile:
        return net_of(
            file,
            names,
            options.net,
            texture=options.texture,
            patient=lambda: patient or fast_gpu_paints(options.engine, options.precision),
        )

    def strokes(net: StyleFile, vector: NDArray[np.float32]) -> tuple[StyleFile, NDArray[np.float32]]:
        return net, with_texture(net, vector, options.texture)

    if options.mix is None:
        file, name = resolve(options.style)
        net = painting(file, [name])
        return strokes(net, net.vector(name))
    weights = parse_mix(options.mix)
    resolved = {text: _resolve_mixed(text, options.style) for text in weights}
    files = {file.sha256: file for file, _ in resolved.values()}
    if len(files) > 1:
        names = ", ".join(file.path.name for file in files.values())
        raise BadValue(f"styles of different files cannot be mixed ({names}); mix styles of one file")
    nets = {text: painting(file, [name]) for text, (file, name) in resolved.items()}
    if len({net.sha256 for net in nets.values()}) > 1:  # one of them is a picture, say, which the fine net cannot read
        nets = {text: file for text, (file, _) in resolved.items()}
    vectors = {text: nets[text].vector(name) for text, (_, name) in resolved.items()}
    return strokes(next(iter(nets.values())), mixed(vectors, weights))


def _resolve_mixed(text: str, style: str) -> tuple[StyleFile, str]:
    """One style of a mix: a bare name is looked for in the file of --style first."""
    if not names_file(text):
        file, _ = resolve(style)
        if text in file.card.names:
            return file, text
    return resolve(text)


def open_stylizer(
    options: StylizeOptions,
    size: tuple[int, int],
    *,
    requests: int = FILE_REQUESTS,
    steady: float = 0.0,
    calibration: Calibration | None = None,
    size_range: SizeRange | None = None,
    patient: bool = False,
    report: Callable[[str], None],
    stop: threading.Event | None = None,
) -> Stylizer:
    """A stylizer for frames of `size` (width, height), which the caller closes with its engine.

    Frames of other sizes it paints too, with strokes of another size, and where a `size_range` is asked for, each size
    in it can be had in a moment (`Stylizer.resized`). Who is `patient` has the time for a fine net.
    Interrupted where `stop` is set while an engine is built, as soon as its compiler comes up for air.
    """

    def go_on(stage: str, share: float) -> None:
        if stop is not None and stop.is_set():
            raise Interrupted("stopped before the engine was built")

    file, vector = choose_style(options, patient=patient)
    if options.net == AUTO and is_fine(file):
        report(f"a fine net paints ({file.path.name}); --net fast is quicker")
    controls = Controls(vector, options.strength, options.keep_colour)
    choice = EngineChoice(
        options.engine,
        options.precision,
        options.strict,
        requests,
        size_range=size_range,
        calibration=calibration,
        verbose=options.verbose,
    )
    engine = engine_for(file, size, choice, stroke=options.stroke, report=report, progress=go_on)
    return Stylizer(engine, controls, steady, style=file, texture=options.texture)


def engine_for(
    file: StyleFile,
    size: tuple[int, int],
    choice: EngineChoice,
    *,
    stroke: float = 1.0,
    cache_dir: Path | None = None,
    report: Callable[[str], None] = logger.info,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Engine:
    """The engine with which a stylizer paints pictures of `size` (width, height); the rest is as in load_engine."""
    width, height = painting_size(size, stroke)
    return load_engine(
        file, height=height, width=width, choice=choice, cache_dir=cache_dir, report=report, progress=progress
    )
