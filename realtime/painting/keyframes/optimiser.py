"""One key frame by optimisation, with the time it takes told; torch is loaded here and nowhere else in this folder."""

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.packages import needing_extra
from realtime.frames.frame import Pixels
from realtime.media.picture_file import resize
from realtime.painting.notes import spoken

if TYPE_CHECKING:
    from trainers.gatys import Progress
    from trainers.settings.gatys_options import GatysOptions

Report = Callable[[str], None]
# A painting that goes on from a carried one gets this part of the iterations, at the two finest scales.
RENEWED_SHARE = 1 / 3
# From this part of the work on its speed tells how long the rest will take: the coarse scales come first.
TELLING_SHARE = 0.08
NEVER = 1_000_000


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A key frame that was painted: its number and its shot's, from 1; its time in the video; how long it took."""

    number: int
    shot: int
    at_seconds: float
    took_seconds: float


class KeyframeOptimiser:
    """Paints photos as `recipe` says, one at a time; `report` gets lines that stay, `label` what is going on now."""

    def __init__(self, recipe: "GatysOptions", report: Report, label: Report, stop: threading.Event) -> None:
        check_torch()
        self._recipe = replace(recipe, start="content", resume=False, preview_every=NEVER)
        self._report, self._label, self._stop = report, label, stop
        self._told_duration = False

    def paint(self, photo: Pixels, name: str, begun: Pixels | None = None) -> Pixels | None:
        """The painting at the photo's size, gone on with from `begun` where given; None where `stop` was set."""
        from trainers.gatys import paint
        from trainers.optimisation.picture_run import PictureRun

        recipe = self._recipe
        if begun is not None:
            recipe = replace(recipe, start="net", iterations=max(1, round(RENEWED_SHARE * recipe.iterations)))
        self._label(f"{name}: starting")
        with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
            run = PictureRun(Path(folder) / "run", recipe, photo)
            tell = self._teller(name, recipe.iterations, whole=begun is None)
            painting = paint(photo, recipe, run, begun=begun, on_step=tell, stop=self._stop)
        if painting.stopped:
            return None
        size = (photo.shape[1], photo.shape[0])
        return painting.rgb if painting.rgb.shape == photo.shape else resize(painting.rgb, size)

    def _teller(self, name: str, iterations: int, *, whole: bool) -> Callable[["Progress"], None]:
        started, done, pace = time.perf_counter(), 0, Pace()

        def tell(now: "Progress") -> None:
            nonlocal done
            done += 1
            left = pace.seconds_left(now.scale, now.pixels, now.all_pixels, time.perf_counter())
            remaining = "" if left is None else f", {spoken(left)} left"
            self._label(f"{name}: {done} of {iterations} iterations{remaining}")
            if whole and left is not None and not self._told_duration:
                self._told_duration = True
                self._report(f"{name} will take about {spoken(time.perf_counter() - started + left)}")

        return tell


class Pace:
    """How long the rest will take, told by the scale at hand: coarser ones were slower for their pixels."""

    def __init__(self) -> None:
        self._scale: object = None
        self._begun = (0.0, 0)

    def seconds_left(self, scale: object, pixels: int, all_pixels: int, now: float) -> float | None:
        """None too early to tell, at the beginning of a run and of a scale, which is spent on the style pictures."""
        if scale != self._scale:
            self._scale, self._begun = scale, (now, pixels)
        began, first = self._begun
        if pixels < TELLING_SHARE * all_pixels or pixels == first:
            return None
        return (all_pixels - pixels) * (now - began) / (pixels - first)


def check_torch(what: str = "painting by optimisation") -> None:
    """ImpastoError where the training extra is not installed."""
    with needing_extra("train", what):
        import trainers.gatys  # noqa: F401
