"""What one run of the benchmark found out, and the command line that asked for it."""

import shlex
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engines.setting import as_typed
from realtime.bench.figures import Latency, Spread
from realtime.bench.inputs.subject import Combination
from realtime.bench.options import BenchOptions
from realtime.bench.roofline.roofline import Roof
from realtime.bench.rows.live import LiveRow
from realtime.bench.rows.stability import Stability

SETTINGS = ("command", "quick", "clip", "frames", "row_seconds", "repeats", "requests", "interrupted")
SATURATED = 0.9  # of the usable cores


@dataclass(frozen=True, slots=True)
class Row:
    """Frames a second with their spread, busy processor cores, and the median milliseconds of a frame by stage."""

    fps: Spread
    busy_cores: Spread
    stage_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage alone: `ms` of a frame, its `share` of the sum over all stages, frames a second as in the pipeline."""

    ms: Spread
    share: float
    fps: Spread


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A peer beside ours; each ratio is how many times as fast ours is, `agreement_db` how alike the pictures are."""

    name: str
    reason: str = ""
    net_ms: Spread | None = None
    fps: Spread | None = None
    net_ratio: Spread | None = None
    fps_ratio: Spread | None = None
    agreement_db: float | None = None
    open_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures of a combination that ran. `rows` go by name; `gate_db` is the least PSNR to the reference.

    `efficiency` is the pipeline's frames a second over those of its slowest stage alone: 1 is a perfect overlap.
    `on_gpu_ms` is the median for frames that lie on the engine's GPU and stay there, None where it takes none.
    `build_seconds` is the time of one cold build with the gate, `restore_seconds` that from the cache. `passed_over`
    are the engines that were not taken, and why. A quick run leaves out builds, stages and what a fresh process tells.
    """

    engine: str
    precision: str
    device: str
    gate_db: float | None
    gate_reference: str
    latency: Latency
    rows: dict[str, Row]
    usable_cores: float
    restore_seconds: Spread | None = None
    first_frame_seconds: Spread | None = None
    peak_mib: Spread | None = None
    gpu_mib: Spread | None = None
    stages: dict[str, Stage] = field(default_factory=dict)
    efficiency: Spread | None = None
    build_seconds: float | None = None
    peers: tuple[PeerRow, ...] = ()
    roof: Roof | None = None
    roof_reason: str = ""
    stability: Stability | None = None
    on_gpu_ms: Spread | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def net_ms(self) -> float:
        """A frame in the net without what travels to the GPU and back, where that can be told apart."""
        return self.on_gpu_ms.median if self.on_gpu_ms else self.latency.p50

    @property
    def slowest_stage(self) -> str:
        """Empty where no stage was measured alone."""
        return min(self.stages, key=lambda name: self.stages[name].fps.median, default="")

    @property
    def busy_share(self) -> float:
        """The share of the usable cores that the whole pipeline kept busy."""
        return round(self.rows["decode_stylize_encode"].busy_cores.median / self.usable_cores, 3)

    @property
    def bound_by(self) -> str:
        """What has to become faster before the pipeline does; empty where no stage was measured alone."""
        if not self.stages:
            return ""
        cores = f"; all cores are busy ({100 * self.busy_share:.0f} %)" if self.busy_share >= SATURATED else ""
        return f"{self.slowest_stage}{cores}"

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "roof": self.roof.as_dict() if self.roof else None,
            "stability": {**asdict(self.stability), "ratio": self.stability.ratio} if self.stability else None,
            "slowest_stage": self.slowest_stage,
            "busy_share": self.busy_share,
            "bound_by": self.bound_by,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """A combination with its result, or the reason why it has none."""

    combination: Combination
    result: Result | None
    reason: str = ""

    @property
    def label(self) -> str:
        """What ran, where it did; else what was asked for."""
        ran = self.result
        return f"{ran.engine} {ran.precision}" if ran else f"{self.combination.engine} {self.combination.precision}"

    def as_dict(self) -> dict[str, Any]:
        figures = self.result.as_dict() if self.result else None
        return {"asked": self.combination.as_dict(), "reason": self.reason, "result": figures}


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """The outcomes in the order in which they were asked for, and where and how they were measured.

    `live_reason` is why a live run that was asked for has no row. Where the run was `interrupted`, a combination may
    have had fewer turns than `repeats`. The figures of a `quick` one are of a single short turn, and some are missing.
    """

    command: str
    clip: str
    frames: int
    row_seconds: float
    repeats: int
    requests: int
    outcomes: tuple[Outcome, ...]
    live: LiveRow | None
    machine: dict[str, Any]
    live_reason: str = ""
    interrupted: bool = False
    quick: bool = False

    @property
    def ran(self) -> list[tuple[Combination, Result]]:
        return [(outcome.combination, outcome.result) for outcome in self.outcomes if outcome.result]

    def as_dict(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in SETTINGS}
        live = self.live.as_dict() if self.live else None
        return {
            **settings, "machine": self.machine, "live": live, "live_reason": self.live_reason,
            "combinations": [one.as_dict() for one in self.outcomes],
        }  # fmt: skip


def command_line(options: BenchOptions) -> str:
    """`impasto bench` with every option that is not as it is by default, and without anybody's folders."""
    clip = None if options.clip is None else Path(options.clip.name)
    styles = tuple(Path(style).name for style in options.styles)
    height = BenchOptions().height if options.sizes else options.height
    return shlex.join(["impasto", "bench", *as_typed(replace(options, clip=clip, styles=styles, height=height))])
