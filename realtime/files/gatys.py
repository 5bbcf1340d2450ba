"""`impasto image --method gatys`: pictures painted by optimisation, one after the other; needs the training extra."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import BadValue, Interrupted
from engines.machine import give_back_blocks_from
from realtime.files.options import ImageOptions
from realtime.files.picture_plan import plan_pictures
from realtime.files.report import painted_pictures
from realtime.frames.frame import Frame, Pixels
from realtime.media.output_file import PartialFile
from realtime.media.picture_file import (
    Picture,
    encode_picture,
    lost_in,
    resize,
    too_large_for,
    write_whole,
)
from realtime.media.picture_reader import PictureReader, words_about
from realtime.painting.keyframes.optimiser import check_torch
from realtime.painting.keyframes.palette import blended
from realtime.painting.notes import Notes
from realtime.painting.opening import open_stylizer

if TYPE_CHECKING:
    from trainers.gatys import Progress
    from trainers.optimisation.picture_run import PictureRun
    from trainers.settings.gatys_options import GatysOptions

MEGAPIXEL = 1e6
LARGE_BLOCK_BYTES = 2 << 20
RUN_SUFFIX = ".run"
STATE = "state.pt"  # as in trainers/optimisation/picture_run.py, which loads torch
Report = Callable[[str], None]
OnStep = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class KeyframeReport:
    """What `impasto image --method gatys` did: the pictures written, seconds in all, and the losses of the last one.

    `device` is where it was computed, cpu or cuda.
    """

    outputs: tuple[Path, ...]
    sizes: tuple[tuple[int, int], ...]
    seconds: float
    device: str
    iterations: int
    losses: dict[str, float]
    interrupted: bool
    notes: tuple[str, ...]
    left_out: tuple[Path, ...] = ()

    @property
    def input_broke_off(self) -> bool:
        """Whether a picture could not be read; the command fails all the same."""
        return bool(self.left_out)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "method": "gatys",
            "outputs": [str(path) for path in self.outputs],
            "pictures": len(self.outputs),
            "left_out": [str(path) for path in self.left_out],
            "sizes": [list(size) for size in self.sizes],
            "seconds": round(self.seconds, 3),
            "device": self.device,
            "iterations": self.iterations,
            "losses": {name: float(f"{value:.5g}") for name, value in self.losses.items()},
            "interrupted": self.interrupted,
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """One line for people."""
        stopped = "; stopped, --resume goes on" if self.interrupted else ""
        return painted_pictures(self.outputs, self.seconds) + words_about(len(self.left_out)) + stopped


@dataclass(frozen=True, slots=True)
class _Job:
    """What is painted where; the state and the preview are in `run_folder` meanwhile."""

    source: Path
    target: Path
    run_folder: Path


def paint_keyframes(
    inputs: Sequence[Path],
    output: Path,
    options: ImageOptions,
    recipe: "GatysOptions",
    *,
    report: Report = lambda line: None,
    progress: Callable[[float, float | None], None] = lambda done, total: None,
    label: Report = lambda text: None,
    stop: threading.Event | None = None,
) -> KeyframeReport:
    """Paint pictures by optimisation; `inputs` and `output` as in realtime.files.image.

    Setting `stop` saves the picture at hand in a folder beside its name, which `recipe.resume` goes on with, and
    writes no part of it. With `resume`, pictures that are written already are left as they are.
    `progress` counts megapixels times iterations. Raises ImpastoError, OSError or ValueError with one line for people.
    """
    check_torch("--method gatys")
    from trainers.losses.perceptual import torch_device

    device = torch_device(recipe.device)
    started = time.perf_counter()
    notes = Notes(report)
    plan = plan_pictures(inputs, output)
    todo = {target for _, target in plan.still_to_do(notes, overwrite=options.overwrite or recipe.resume)}
    jobs = [job for job in _jobs(plan.jobs) if job.target in todo]
    reader = PictureReader(notes, needed=options.strict or len(plan.jobs) == 1)
    painter = _KeyframePainter(options, recipe, reader, notes, report, stop)
    sizes: dict[Path, tuple[int, int]] = {}
    for number, job in enumerate(jobs):
        size = painter(job, _teller(job, number, len(jobs), progress, label))
        if painter.stopped:
            break
        if size is not None:
            sizes[job.target] = size
    seconds = time.perf_counter() - started
    return KeyframeReport(
        tuple(sizes),
        tuple(sizes.values()),
        seconds,
        device.type,
        recipe.iterations,
        painter.losses,
        painter.stopped,
        tuple(notes.lines),
        tuple(reader.left_out),
    )


class _KeyframePainter:
    """Paints one picture after the other, until it is `stopped`; `losses` are those of the last one."""

    def __init__(
        self,
        options: ImageOptions,
        recipe: "GatysOptions",
        reader: PictureReader,
        notes: Notes,
        report: Report,
        stop: threading.Event | None,
    ) -> None:
        self.stopped = False
        self.losses: dict[str, float] = {}
        self._options, self._recipe, self._reader = options, recipe, reader
        self._notes, self._report, self._stop = notes, report, stop

    def __call__(self, job: _Job, on_step: OnStep) -> tuple[int, int] | None:
        """The size (width, height) of what was written; None where nothing was."""
        from trainers.optimisation.picture_run import PictureRun

        if self._recipe.resume and job.target.exists() and not job.run_folder.exists():
            self._notes(f"{job.target.name} is written already")
            return None
        overwrite = self._options.overwrite
        PartialFile(job.target, overwrite=overwrite)  # an hour's work must not end at a name that is taken
        read = self._reader.read(job.source)
        if read is None:
            return None
        picture = read.filled()
        run = PictureRun(job.run_folder, self._recipe, picture.rgb)
        pixels = self._painted(picture, job.target.suffix, run, on_step)
        if pixels is None:
            return None
        painted = _finished(picture, pixels, self._options)
        for note in (*picture.notes, *lost_in(job.target.suffix, picture), *_smaller(picture, painted, self._recipe)):
            self._notes(f"{job.source.name}: {note}")
        write_whole(job.target, encode_picture(painted, job.target.suffix), overwrite=overwrite)
        run.remove()
        return painted.rgb.shape[1], painted.rgb.shape[0]

    def _painted(self, picture: Picture, suffix: str, run: "PictureRun", on_step: OnStep) -> Pixels | None:
        """None where it was stopped; what was done until then is saved. BadValue where `suffix` takes no such size."""
        from trainers.gatys import paint
        from trainers.optimisation.picture_loss import WHOLE_PX
        from trainers.optimisation.scales import plan_scales

        scales = plan_scales(picture.rgb.shape[0], picture.rgb.shape[1], self._recipe)
        if too_large := too_large_for(suffix, (scales[-1].width, scales[-1].height)):
            raise BadValue(f"--size: {too_large}")
        if scales[-1].pixels > WHOLE_PX:
            give_back_blocks_from(LARGE_BLOCK_BYTES)
        begun = None
        if self._recipe.start == "net":
            try:
                begun = self._by_a_net(picture, (scales[0].width, scales[0].height))
            except Interrupted:
                self.stopped = True
                return None
        painting = paint(picture.rgb, self._recipe, run, begun=begun, on_step=on_step, stop=self._stop)
        self.losses, self.stopped = painting.losses or self.losses, painting.stopped
        return None if painting.stopped else painting.rgb

    def _by_a_net(self, picture: Picture, size: tuple[int, int]) -> Pixels:
        """What a net paints, at the size of the first scale."""
        whole = replace(self._options, strength=1.0, keep_colour=0.0)
        stylizer = open_stylizer(whole, size, requests=1, patient=True, report=self._report, stop=self._stop)
        try:
            return stylizer(Frame(resize(picture.rgb, size), 0.0, time.perf_counter())).data
        finally:
            stylizer.engine.close()


def _jobs(planned: Sequence[tuple[Path, Path]]) -> list[_Job]:
    stems = Counter(target.with_suffix("") for _, target in planned)
    return [
        _Job(source, target, _run_folder(target, alone=stems[target.with_suffix("")] == 1))
        for source, target in planned
    ]


def _run_folder(target: Path, *, alone: bool) -> Path:
    """`a.png.run` for `a.png`; that of an earlier version, `a.run`, where it is there and no other picture's."""
    older = target.with_suffix(RUN_SUFFIX)
    return older if alone and (older / STATE).exists() else target.with_name(target.name + RUN_SUFFIX)


def _finished(picture: Picture, painted: Pixels, options: ImageOptions) -> Picture:
    """The painted picture with the strength and colours that were asked for, and the photo's transparency."""
    size = (painted.shape[1], painted.shape[0])
    fitting = picture.rgb.shape == painted.shape
    photo = picture.rgb if fitting else resize(picture.rgb, size)
    alpha = picture.alpha if fitting or picture.alpha is None else resize(picture.alpha, size)
    return replace(picture, rgb=blended(photo, painted, options.strength, options.keep_colour), alpha=alpha)


def _smaller(picture: Picture, painted: Picture, recipe: "GatysOptions") -> list[str]:
    """A line where the result is smaller than the photo and nobody asked for that."""
    (height, width), (painted_height, painted_width) = picture.rgb.shape[:2], painted.rgb.shape[:2]
    if recipe.size is not None or painted_width >= width:
        return []
    whole = max(height, width)
    return [f"painted at {painted_width}x{painted_height} of {width}x{height}; --size {whole} paints all of it"]


def _teller(
    job: _Job, number: int, count: int, progress: Callable[[float, float | None], None], label: Report
) -> OnStep:
    """Passes on how far all pictures are, as if each took as long as this one."""

    def tell(now: "Progress") -> None:
        label(f"{job.source.name}, {now.scale.width}x{now.scale.height}, style {now.losses['style']:.3g}")
        done = number * now.all_pixels + now.pixels
        progress(done / MEGAPIXEL, count * now.all_pixels / MEGAPIXEL)

    return tell
