"""What `impasto bench` is to measure."""

from dataclasses import dataclass, replace
from pathlib import Path

from engines.errors import ImpastoError

BESIDE = ("peers", "roofline", "stability", "live")
QUICK_ROW_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The settings of `impasto bench`, which measures every style at every size on every engine in every precision.

    A style is what `--style` takes elsewhere, or a preset of a net ("paper", "fast", "ultra") with random weights.
    `clip` None is the built-in scene. `sizes` are (width, height); where there are none, the clip's own shape at
    `height`. Every row paints `frames` frames, or as many as `row_seconds` allow, `repeats` times in turn with all
    others; `requests` frames are in the net at once wherever latency does not matter.
    `peers` also runs what a person would write instead, `roofline` measures what the machine could do at most,
    `stability` measures flicker on the built-in scene, and `live` the latency of a live run over it.
    `quick` measures the net alone and the way from file to file once, for two seconds each, one frame in the net at a
    time, with engines from the user's cache: `quickened` says what that leaves out. `verbose` has all told that was
    passed over, engines for a GPU too where there is none.
    """

    clip: Path | None = None
    styles: tuple[str, ...] = ("starry_night",)
    sizes: tuple[tuple[int, int], ...] = ()
    height: int = 360
    engines: tuple[str, ...] = ("auto",)
    precisions: tuple[str, ...] = ("auto",)
    mode: str = "auto"
    threads: int = 0
    requests: int = 2
    frames: int = 60
    row_seconds: float = 10.0
    repeats: int = 3
    peers: bool = False
    roofline: bool = False
    stability: bool = False
    live: bool = False
    quick: bool = False
    verbose: bool = False

    @property
    def beside(self) -> tuple[str, ...]:
        """What is to be measured beside the rows, by the names of these fields."""
        return tuple(name for name in BESIDE if getattr(self, name))


def quickened(options: BenchOptions) -> BenchOptions:
    """What a quick run takes in place of these options; ImpastoError where what it leaves out is asked for."""
    if options.beside:
        asked = " and ".join(f"--{name}" for name in options.beside)
        raise ImpastoError(f"--quick leaves out {asked}; leave out one or the other")
    return replace(options, repeats=1, requests=1, row_seconds=min(options.row_seconds, QUICK_ROW_SECONDS))
