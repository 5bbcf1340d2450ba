"""The benchmark itself. Rows take turns, so that a change of the machine's clock or load meets all of them alike."""

import statistics
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from realtime.bench.live import LiveRow, measure_live
from realtime.bench.machine import fingerprint
from realtime.bench.peers import TutorialLoop
from realtime.bench.rows import Measurement, net_only, stages_alone, to_file, to_null
from realtime.bench.stability import Stability, measure_stability
from realtime.bench.start import FreshStart, fresh_start
from realtime.bench.subject import Subject, prepared
from realtime.options import BenchOptions

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of a row, and its frames a second in every repeat."""

    fps: float
    stage_ms: dict[str, float]
    fps_of_repeats: list[float]

    @classmethod
    def median_of(cls, measurements: list[Measurement]) -> "Row":
        stages = measurements[0].stage_ms
        return cls(
            round(statistics.median(one.fps for one in measurements), 2),
            {name: round(statistics.median(one.stage_ms[name] for one in measurements), 2) for name in stages},
            [round(one.fps, 2) for one in measurements],
        )


@dataclass(frozen=True, slots=True)
class Peer:
    """The tutorial loop: `ratio` is how many times as fast ours is, `agreement_db` how alike the pictures are."""

    fps: float
    ratio: float
    agreement_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """All that one run of the benchmark found out."""

    clip: str
    size: str
    style: str
    engine: str
    gate_psnr_db: float | None
    frames: int
    repeats: int
    rows: dict[str, Row]
    stages_alone_fps: dict[str, float]
    first_frame_seconds: float
    peak_mib: float
    peers: dict[str, Peer]
    stability: Stability | None
    live: LiveRow | None = None
    machine: dict[str, Any] = field(default_factory=fingerprint)

    @property
    def slowest_stage(self) -> str:
        return min(self.stages_alone_fps, key=lambda name: self.stages_alone_fps[name])

    @property
    def share_of_slowest_stage(self) -> float:
        """The whole pipeline's frames a second over those of its slowest stage alone: 1 is a perfect overlap."""
        return round(self.rows["decode_stylize_encode"].fps / self.stages_alone_fps[self.slowest_stage], 3)

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "stability": {**asdict(self.stability), "ratio": round(self.stability.ratio, 2)}
            if self.stability
            else None,
            "live": self.live.as_dict() if self.live else None,
            "slowest_stage": self.slowest_stage,
            "share_of_slowest_stage": self.share_of_slowest_stage,
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """One repeat of everything."""

    rows: dict[str, Measurement]
    alone: dict[str, float]
    start: FreshStart
    peer_fps: float | None


def run_bench(options: BenchOptions, *, report: Report, progress: Callable[[int, int | None], None]) -> BenchReport:
    """Measures everything; `progress(done, total)` counts repeats. Files go to a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name, prepared(options, Path(name), report) as subject:
        peer = TutorialLoop(subject) if options.peers else None
        turns: list[Turn] = []
        while len(turns) < options.repeats:
            progress(len(turns), options.repeats)
            turns.append(_take_turn(subject, peer, Path(name) / "painted.mp4"))
        progress(options.repeats, options.repeats)
        summary = _summarise(subject, peer, turns)
    return replace(summary, live=measure_live(options, report)) if options.live else summary


def _take_turn(subject: Subject, peer: TutorialLoop | None, output: Path) -> Turn:
    rows = {
        "net": net_only(subject),
        "decode_stylize_null": to_null(subject),
        "decode_stylize_encode": to_file(subject, output),
    }
    peer_fps = peer.fps(output) if peer else None
    alone = {"net": rows["net"].fps, **stages_alone(subject, output)}
    return Turn(rows, alone, fresh_start(subject.clip, output, subject.options), peer_fps)


def _summarise(subject: Subject, peer: TutorialLoop | None, turns: list[Turn]) -> BenchReport:
    rows = {name: Row.median_of([turn.rows[name] for turn in turns]) for name in turns[0].rows}
    engine = subject.stylizer.engine
    spec, gate = engine.spec, engine.gate
    return BenchReport(
        clip=subject.clip.name,
        size=f"{spec.width}x{spec.height}",
        style=subject.options.style,
        engine=str(spec),
        gate_psnr_db=round(gate.psnr_db, 1) if gate else None,
        frames=subject.options.frames,
        repeats=len(turns),
        rows=rows,
        stages_alone_fps={name: _median(turn.alone[name] for turn in turns) for name in turns[0].alone},
        first_frame_seconds=_median(turn.start.first_frame_seconds for turn in turns),
        peak_mib=max(turn.start.peak_mib for turn in turns),
        peers={"tutorial_loop": _compare(peer, turns, rows["decode_stylize_encode"].fps)} if peer else {},
        stability=measure_stability(subject.stylizer) if subject.options.stability else None,
    )


def _compare(peer: TutorialLoop, turns: list[Turn], ours: float) -> Peer:
    fps = _median(turn.peer_fps for turn in turns if turn.peer_fps is not None)
    return Peer(fps, round(ours / fps, 2), round(peer.agreement_db(), 1))


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 2)
