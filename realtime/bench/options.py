"""What `impasto bench` is to measure; nothing heavy is loaded here."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from engines.backends.ours import OURS
from engines.errors import BadValue
from engines.names import AUTO, LEAST_SIZE_PX, MODES, PRECISIONS
from engines.setting import Setting
from realtime.painting.options import Size, Verbose, engine_names, gallery_names

WHAT = "What is compared"
HOW = "How it is measured"
AGAIN = "May be given several times"
BESIDE = ("peers", "roofline", "stability", "live")
QUICK_ROW_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The settings of `impasto bench`, which measures every style at every size on every engine in every precision.

    `sizes` are (width, height); where there are none, the clip's own shape at `height`. Every row paints `frames`
    frames, or as many as `row_seconds` allow, `repeats` times in turn with all others. What `quick` leaves out,
    `quickened` says; BadValue where something beside the rows is asked for with it.
    """

    styles: Annotated[
        tuple[str, ...],
        Setting(
            f"A style, or paper, fast, fine or ultra: such a net with random weights. {AGAIN}.",
            group=WHAT,
            options=("--style", "--model"),
            suggestions=gallery_names,
            written="NAME|FILE[:NAME]|PRESET",
        ),
    ] = ("starry_night",)
    sizes: Annotated[
        tuple[Size, ...],
        Setting(
            f"Decode and paint at this size. {AGAIN}; it takes the place of --height.",
            group=WHAT,
            options=("--size",),
            written="WxH",
        ),
    ] = ()
    height: Annotated[
        int,
        Setting(
            "Scale the clip to this height, paint and write at it.", group=WHAT, least=LEAST_SIZE_PX, written="PIXELS"
        ),
    ] = 360
    engines: Annotated[
        tuple[str, ...],
        Setting(
            f"{AUTO}, or one of {', '.join(OURS)}. {AGAIN}.",
            group=WHAT,
            options=("--engine",),
            choices=engine_names,
            written="NAME",
        ),
    ] = (AUTO,)
    precisions: Annotated[
        tuple[str, ...],
        Setting(
            f"{AUTO}, or one of {', '.join(PRECISIONS)}. {AGAIN}.",
            group=WHAT,
            options=("--precision",),
            choices=(AUTO, *PRECISIONS),
            written="NAME",
        ),
    ] = (AUTO,)
    peers: Annotated[bool, Setting("Also run what one would write instead, in turn with ours.", group=WHAT)] = False
    roofline: Annotated[bool, Setting("Also measure what this machine could do at most.", group=WHAT)] = False
    stability: Annotated[
        bool, Setting("Also measure flicker, on the built-in scene and without steadiness.", group=WHAT)
    ] = False
    live: Annotated[
        bool, Setting("Also measure a live run's latency, of what ran first, on the built-in scene.", group=WHAT)
    ] = False
    clip: Annotated[Path | None, Setting("A video; the built-in scene unless given.", group=HOW)] = None
    frames: Annotated[int, Setting("Frames in a row at most.", group=HOW, least=4)] = 60
    row_seconds: Annotated[
        float, Setting("Seconds of a row at most, but for its first frames.", group=HOW, least=0.1)
    ] = 10.0
    repeats: Annotated[int, Setting("How many turns each combination has.", group=HOW, least=1)] = 3
    mode: Annotated[str, Setting("auto, latency or throughput.", group=HOW, choices=(AUTO, *MODES), written="NAME")] = (
        AUTO
    )
    threads: Annotated[int, Setting("Cores for the net; 0 takes all.", group=HOW, least=0)] = 0
    requests: Annotated[
        int, Setting("Frames in the net at once where latency does not matter.", group=HOW, least=1)
    ] = 2
    quick: Annotated[
        bool,
        Setting(
            "One row for each combination in some seconds: the net alone and decode to file, one frame at a time, "
            "in one short turn. Leaves out repeats, several frames at once, decode to null, each stage alone, builds, "
            "start and memory.",
            group=HOW,
        ),
    ] = False
    verbose: Verbose = False

    def __post_init__(self) -> None:
        if self.quick and self.beside:
            asked = " and ".join(f"--{name}" for name in self.beside)
            raise BadValue(f"--quick leaves out {asked}; leave out one or the other")

    @property
    def beside(self) -> tuple[str, ...]:
        """What is to be measured beside the rows, by the names of these fields."""
        return tuple(name for name in BESIDE if getattr(self, name))


def quickened(options: BenchOptions) -> BenchOptions:
    """What a quick run takes in place of these options."""
    return replace(options, repeats=1, requests=1, row_seconds=min(options.row_seconds, QUICK_ROW_SECONDS))
