"""`open_style`: a style that paints arrays, for programs of one's own."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engines.backends.registry import fast_gpu_paints
from engines.errors import BadValue
from engines.loading.engine import Controls, EngineChoice
from engines.style.styles import StyleFile
from realtime.frames.frame import Frame, Pixels
from realtime.painting.full_size.painting_size import LEAST_STROKE, MOST_STROKE
from realtime.painting.net_choice import net_of
from realtime.painting.notes import EngineFacts
from realtime.painting.opening import engine_for
from realtime.painting.options import OWN
from realtime.painting.other_texture import with_texture
from realtime.painting.picture_style import resolve
from realtime.painting.stylizer import Stylizer

Mix = Mapping[str, float]
logger = logging.getLogger("impasto")


def open_style(
    style: str = "starry_night",
    *,
    height: int,
    width: int,
    strength: float = 1.0,
    keep_colour: float = 0.0,
    stroke: float = 1.0,
    texture: str = OWN,
    net: str = "auto",
    steady: float = 0.0,
    engine: str = "auto",
    precision: str = "auto",
    strict: bool = False,
    cache_dir: Path | None = None,
    report: Callable[[str], None] = logger.info,
) -> "StylePainter":
    """A style ready to paint pictures of `height` times `width` pixels, on the fastest engine that can run here.

    `style` is what `--style` takes: a name of the gallery, a PICTURE.jpg to paint like, the path of a style file,
    FILE:NAME, or FILE:PICTURE.jpg where its net takes pictures. `strength` and `keep_colour`, 0..1, are how a call
    paints that says nothing else. `stroke`, 0.5 to 4, is how large brush strokes are; with it grows or shrinks the copy
    that the net paints, and the time that takes. `texture` is what they grow from, the style's own or another one of
    the net. `net` is auto, fast or fine as on the command line; auto takes the
    fine one where it has all styles of the file and an NVIDIA GPU paints. `steady`, 0..1, is for frames that come in
    order: how still the painting stands where they do. `engine` and `precision` are those of the command line; where
    one is refused the next is tried, unless it is `strict`. The first start may build an engine, which takes from a
    second to minutes; it is kept in `cache_dir`, None for the user's own folder, and the next start is quick. `report`
    gets a line for people now and then. Raises UnknownStyle, FileMissing, BadFile, BadValue, NotEnoughMemory or
    EngineRefused, each an ImpastoError.
    """
    if not 0 <= steady <= 1:
        raise BadValue(f"steady is {steady}; give a number from 0 to 1")
    if not LEAST_STROKE <= stroke <= MOST_STROKE:
        raise BadValue(f"stroke is {stroke}; give a number from {LEAST_STROKE:g} to {MOST_STROKE:g}")
    file, name = resolve(style)
    # A call may name any style of the file, whatever the machine.
    file = net_of(
        file, {name, *file.card.names}, net, texture=texture, patient=lambda: fast_gpu_paints(engine, precision)
    )
    controls = Controls(with_texture(file, file.vector(name), texture), strength, keep_colour)
    choice = EngineChoice(engine, precision, strict)
    size = width, height
    loaded = engine_for(file, size, choice, stroke=stroke, cache_dir=cache_dir, report=report)
    return StylePainter(file, Stylizer(loaded, controls, steady, style=file, texture=texture), size)


class StylePainter:
    """Paints pictures of one size, one at a time; to be closed, as `with` does.

    It may be called from any thread, but by one at once.
    """

    def __init__(self, file: StyleFile, stylizer: Stylizer, size: tuple[int, int]) -> None:
        self.size = size  # width and height in pixels
        self._file, self._stylizer = file, stylizer
        self._as_opened = stylizer.controls

    def __call__(
        self,
        picture: NDArray[Any],
        *,
        style: str | Mix | None = None,
        strength: float | None = None,
        keep_colour: float | None = None,
    ) -> Pixels:
        """The picture, uint8 [H, W, 3] RGB, painted: a new array of that shape.

        `style` is a name of `names`, or several with their weights, as in {"starry_night": 0.3, "udnie": 0.7}; the
        weights are scaled to sum to 1. `strength` 0 is the picture as it came and 1 all of the style; `keep_colour` 1
        leaves the picture its colours. What is left out is as it was opened, and every frame may have its own, at no
        cost. Raises BadValue for a picture of another shape or type and for numbers out of range, UnknownStyle for a
        name.
        """
        self._stylizer.controls = self._controls(style, strength, keep_colour)
        pixels = np.ascontiguousarray(picture)
        if pixels.dtype != np.uint8 or pixels.shape != (self.size[1], self.size[0], 3):
            wanted = (self.size[1], self.size[0], 3)
            raise BadValue(f"the picture is {pixels.dtype} {pixels.shape}; this style takes uint8 {wanted} in RGB")
        return self._stylizer(Frame(pixels, 0.0, time.perf_counter())).data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The styles of the file, any of which a call may take."""
        return self._file.card.names

    @property
    def facts(self) -> EngineFacts:
        """The engine that paints, its precision and version, and how near it came to the fp32 reference, in dB."""
        return self._stylizer.facts

    def close(self) -> None:
        """Give back what the engine holds; calls are errors from then on."""
        self._stylizer.engine.close()

    def _controls(self, style: str | Mix | None, strength: float | None, keep_colour: float | None) -> Controls:
        opened = self._as_opened
        return Controls(
            opened.style if style is None else self._vector(style),
            opened.strength if strength is None else strength,
            opened.keep_colour if keep_colour is None else keep_colour,
        )

    def _vector(self, style: str | Mix) -> NDArray[np.float32]:
        own = self._file.vector(style) if isinstance(style, str) else self._file.mix(style)
        return with_texture(self._file, own, self._stylizer.texture)
