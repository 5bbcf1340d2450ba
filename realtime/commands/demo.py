"""`make demo`: the built-in scene, or your own clip, painted; then a contact sheet of the gallery's styles.

Run as `python -m realtime.commands.demo [CLIP] [--out FOLDER]`.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from engines.errors import ImpastoError
from engines.loading.engine import Controls, Engine, EngineChoice
from engines.style.styles import StyleFile, list_gallery, load_style
from realtime.commands.console.border import INTERRUPTED, at_the_border
from realtime.commands.console.terminal import progress_bar, stopped_by_interrupt
from realtime.files.contact_sheet import Column, save_contact_sheet
from realtime.files.loop import run
from realtime.files.options import VideoOptions
from realtime.files.report import VideoReport
from realtime.files.video import open_clip, stylize_video
from realtime.frames.frame import Frame, Pixels
from realtime.media.clip import Clip
from realtime.media.output_folder import make_folder
from realtime.painting.notes import EngineFacts
from realtime.painting.opening import FILE_REQUESTS, engine_for
from realtime.painting.options import FAST
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.pattern import PatternSource

Say = Callable[[str], None]
Progress = Callable[[int, int | None], None]

FILM_NAME, SHEET_NAME = "impasto_demo.mp4", "contact_sheet.png"
FAVOURITE = "starry_night"
FADE_SHARE = 0.3  # of a style's time, spent on melting into the next
MOMENT_EVERY, MOST_LOOKED_AT = 30, 240  # of a clip's frames: those on the sheet, and those read to find them


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The settings of the demo.

    The scene is `width` x `height` pixels and `frames` long, and passes through `film_styles` styles; the sheet shows
    `sheet_styles`. A clip that is higher is painted at `height`, so that the demo ends soon. `style` names a style
    file, None is the gallery.
    """

    width: int = 1280
    height: int = 720
    frame_rate: Fraction = Fraction(30)
    frames: int = 180
    film_styles: int = 4
    sheet_styles: int = 8
    style: str | None = None
    engine: str = "auto"


DEFAULTS = DemoOptions()


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo made; `sheet` is None where it was stopped before."""

    film: VideoReport
    sheet: Path | None
    styles: tuple[str, ...]
    seconds: float

    def summary(self) -> str:
        """Some lines for people: where everything is, and how fast it went."""
        width, height = self.film.size
        stats, engine = self.film.stats, self.film.engine
        lines = [f"film:  {self.film.output} ({stats.frames} frames of {width}x{height})"]
        if self.sheet is not None:
            lines.append(f"sheet: {self.sheet} ({', '.join(self.styles)})")
        lines.append(
            f"speed: {stats.fps:.1f} frames a second with {engine.engine} {engine.precision}; "
            f"{self.seconds:.1f} s for everything"
        )
        return "\n".join(lines)


class StyleTour(Stylizer):
    """Paints in the style of the frame's time alone, so that frames may be painted side by side and in any order."""

    def __init__(self, engine: Engine, styles: Sequence[NDArray[np.float32]], seconds: float) -> None:
        if not styles or seconds <= 0:
            raise ValueError(f"a tour needs a style and some time, not {len(styles)} styles in {seconds} s")
        super().__init__(engine, Controls(styles[0]))
        self._styles = styles
        self._each_seconds = seconds / len(styles)

    def controls_for(self, frame: Frame) -> Controls:
        return replace(self.controls, style=self.style_at(frame.pts_seconds))

    def style_at(self, seconds: float) -> NDArray[np.float32]:
        """The style vector at a time: averages of vectors are styles too (arXiv 1610.07629, section 3.3)."""
        last = len(self._styles) - 1
        place = min(max(seconds / self._each_seconds, 0.0), last + 1.0 - FADE_SHARE)
        number = int(place)
        share = max(0.0, (place - number - (1 - FADE_SHARE)) / FADE_SHARE)
        following = self._styles[min(number + 1, last)]
        return np.asarray((1 - share) * self._styles[number] + share * following, np.float32)


def run_demo(
    clip: Path | None,
    out_dir: Path,
    options: DemoOptions = DEFAULTS,
    *,
    report: Say = lambda line: None,
    progress: Progress = lambda done, total: None,
    stop: threading.Event | None = None,
) -> DemoReport:
    """Paint the scene (or `clip`) into a film in `out_dir`, then the contact sheet beside it.

    `report` gets a line for people now and then, `progress` the frames done and in all. Setting `stop` ends the film
    early and leaves the sheet out. Raises ImpastoError or OSError with one line for people.
    """

    started = time.perf_counter()
    stop = stop or threading.Event()
    make_folder(out_dir, "--out")
    style = find_styles(options)
    work = (out_dir / FILM_NAME, style, options, report, progress, stop)
    film, moments = paint_scene(*work) if clip is None else paint_clip(clip, *work)
    names = style.card.names[: options.sheet_styles]
    sheet = None
    if not stop.is_set():
        sheet = out_dir / SHEET_NAME
        save_contact_sheet(sheet, sheet_columns(style, names, moments, options))
    return DemoReport(film, sheet, tuple(names), time.perf_counter() - started)


def find_styles(options: DemoOptions) -> StyleFile:
    """The style file that was named, or the gallery."""

    if options.style is not None:
        return load_style(options.style)
    gallery = list_gallery()
    if not gallery:
        raise ImpastoError("the gallery is empty; name a style file with --style FILE.onnx")
    return gallery[0]


def paint_scene(
    output: Path, style: StyleFile, options: DemoOptions, report: Say, progress: Progress, stop: threading.Event
) -> tuple[VideoReport, list[Pixels]]:
    """The built-in scene as a film that passes from style to style, and its moments for the sheet."""

    started = time.perf_counter()
    size, rate = (options.width, options.height), options.frame_rate
    choice = EngineChoice(options.engine, requests=FILE_REQUESTS)
    engine = engine_for(style, size, choice, report=report)
    try:
        report("drawing the scene ...")
        source = PatternSource(*size, frame_rate=rate, frames=options.frames)
        sink = FileSink(output, Clip(size=size, time_base=1 / rate, frame_rate=rate), report=report, stop=stop)
        vectors = [style.vector(name) for name in style.card.names[: options.film_styles]]
        tour = StyleTour(engine, vectors, float(options.frames / rate))
        ready = time.perf_counter() - started
        stats = run(source, tour, [sink], on_progress=lambda done: progress(done, options.frames), stop=stop)
    finally:
        engine.close()
    first = None if stats.first_frame_seconds is None else ready + stats.first_frame_seconds
    moments = [source.scene.frame(number) for number in range(0, options.frames, MOMENT_EVERY)]
    return VideoReport(stats, size, output, EngineFacts.of(engine), first), moments


def paint_clip(
    clip: Path,
    output: Path,
    style: StyleFile,
    options: DemoOptions,
    report: Say,
    progress: Progress,
    stop: threading.Event,
) -> tuple[VideoReport, list[Pixels]]:
    """A person's own clip in the gallery's best-known style, and its moments for the sheet."""

    name = FAVOURITE if FAVOURITE in style.card.names else style.default
    height = _height_of_film(clip, options.height)
    if height is not None:
        report(f"note: painted {height} pixels high; impasto video {clip} OUT.mp4 keeps the size")
    wanted = VideoOptions(style=f"{style.path}:{name}", height=height, net=FAST, engine=options.engine)
    film = stylize_video(str(clip), output, wanted, report=report, progress=progress, stop=stop)
    return film, moments_of(clip, wanted)


def _height_of_film(clip: Path, most: int) -> int | None:
    """The height at which to paint a clip, None for its own."""

    source = open_clip(str(clip), VideoOptions(), lambda line: None)
    source.close()
    high = source.size[1]
    return most if high > most else None


def moments_of(clip: Path, options: VideoOptions) -> list[Pixels]:
    """Some frames from the beginning of a clip, about a second apart."""

    source = open_clip(str(clip), options, lambda line: None, square_pixels=True)
    frames = islice(iter(source.read, None), MOST_LOOKED_AT)
    moments = [frame.data for number, frame in enumerate(frames) if frame and number % MOMENT_EVERY == 0]
    source.close()
    return moments


def sheet_columns(
    style: StyleFile, names: Sequence[str], moments: Sequence[Pixels], options: DemoOptions
) -> list[Column]:
    """A column for each style: a moment as it was, and painted."""

    height, width = moments[0].shape[:2]
    engine = engine_for(style, (width, height), EngineChoice(options.engine))
    columns = []
    try:
        for number, named in enumerate(named for named in style.card.styles if named.name in names):
            moment = moments[number * len(moments) // len(names)]
            by = ", ".join(part for part in (named.artist, named.year) if part)
            painted = Stylizer(engine, Controls(named.vector))(Frame(moment, 0.0, time.perf_counter())).data
            columns.append(Column((moment, painted), named.title or named.name.replace("_", " "), by))
    finally:
        engine.close()
    return columns


def demo(
    clip: Annotated[Path | None, typer.Argument(metavar="[CLIP]", help="Your own video; without, our scene.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the film and the sheet.")] = Path("demo"),
    style: Annotated[str | None, typer.Option(help="A style file instead of the gallery.")] = DEFAULTS.style,
    engine: Annotated[str, typer.Option(help="auto, or the engine to use.")] = DEFAULTS.engine,
) -> None:
    """Paint the built-in scene, or a clip, and a contact sheet of the styles."""
    options = DemoOptions(style=style, engine=engine)
    with stopped_by_interrupt() as stop, progress_bar() as bar:
        done = run_demo(clip, out, options, report=bar.report, progress=bar.progress, stop=stop)
    print(done.summary(), flush=True)
    if done.film.interrupted:
        raise typer.Exit(INTERRUPTED)


if __name__ == "__main__":
    typer.run(at_the_border(demo))
