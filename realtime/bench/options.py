"""What `impasto bench` is to measure."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The settings of `impasto bench`, which measures every style at every size on every engine in every precision.

    A style is what `--style` takes elsewhere, or a preset of a net ("paper", "fast", "ultra") with random weights.
    `clip` None is the built-in scene. `sizes` are (width, height); where there are none, the clip's own shape at
    `height`. Every row paints `frames` frames, or as many as `row_seconds` allow, `repeats` times in turn with all
    others; `requests` frames are in the net at once wherever latency does not matter.
    `peers` also runs what a person would write instead, `roofline` measures what the machine could do at most,
    `stability` measures flicker on the built-in scene, and `live` the latency of a live run over it.
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
