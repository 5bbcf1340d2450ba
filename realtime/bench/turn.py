"""One turn: everything that is measured of one combination before the next one has its turn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from engines.loading.engine import EngineSpec, GateReport
from engines.machine import usable_cores
from realtime.bench.figures import Latency, Spread
from realtime.bench.inputs.subject import Subject
from realtime.bench.peers.rivals import PeerTurn
from realtime.bench.report.report import PeerRow, Result, Row, Stage
from realtime.bench.rows.rows import Throughput, net_latency_ms, net_throughput, on_gpu_ms, to_file, to_null
from realtime.bench.rows.stages import StageAlone, stages_alone
from realtime.bench.rows.start import FreshStart, fresh_start


@dataclass(frozen=True, slots=True)
class Turn:
    """One repeat of everything for one combination; `peers` are those that ran beside it, by name."""

    open_seconds: float
    net_ms: list[float]
    rows: dict[str, Throughput]
    alone: dict[str, StageAlone]
    start: FreshStart
    on_gpu_ms: list[float] = field(default_factory=list)
    peers: Mapping[str, PeerTurn] = field(default_factory=dict)


def take_turn(subject: Subject) -> Turn:
    """Measures every row once; ImpastoError or what the runtime raises where one fails."""
    output = subject.bench.painted
    net_ms = net_latency_ms(subject)
    rows = {
        "net": net_throughput(subject),
        "decode_stylize_null": to_null(subject),
        "decode_stylize_encode": to_file(subject, output),
    }
    alone = stages_alone(subject, output, StageAlone(median(net_ms), rows["net"].fps))
    return Turn(subject.open_seconds, net_ms, rows, alone, fresh_start(subject), on_gpu_ms(subject))


def summarise(turns: Sequence[Turn], spec: EngineSpec, gate: GateReport | None, silent: Mapping[str, str]) -> Result:
    """The figures of a combination from its turns; `silent` are the peers that cannot run, and why."""
    gpu = [turn.start.gpu_mib for turn in turns if turn.start.gpu_mib is not None]
    return Result(
        engine=f"{spec.backend} {spec.version}",
        precision=spec.precision,
        device=spec.device,
        gate_db=round(gate.psnr_db, 1) if gate else None,
        gate_reference=gate.reference if gate else "",
        restore_seconds=_spread(turns, lambda turn: turn.open_seconds),
        first_frame_seconds=_spread(turns, lambda turn: turn.start.first_frame_seconds),
        peak_mib=_spread(turns, lambda turn: turn.start.peak_mib),
        gpu_mib=Spread.of(gpu) if gpu else None,
        latency=Latency.of([turn.net_ms for turn in turns]),
        on_gpu_ms=Spread.of(median(turn.on_gpu_ms) for turn in turns) if turns[0].on_gpu_ms else None,
        rows={name: _row([turn.rows[name] for turn in turns]) for name in turns[0].rows},
        stages=_stages([turn.alone for turn in turns]),
        efficiency=_spread(turns, _efficiency),
        usable_cores=usable_cores(),
        peers=(*_peers(turns), *(PeerRow(name, reason) for name, reason in silent.items())),
    )


def _spread(turns: Sequence[Turn], value: Callable[[Turn], float]) -> Spread:
    return Spread.of(value(turn) for turn in turns)


def _efficiency(turn: Turn) -> float:
    return turn.rows["decode_stylize_encode"].fps / min(stage.fps for stage in turn.alone.values())


def _row(measured: Sequence[Throughput]) -> Row:
    stages = measured[0].stage_ms
    return Row(
        Spread.of(one.fps for one in measured),
        Spread.of(one.busy_cores for one in measured),
        {name: round(median(one.stage_ms[name] for one in measured), 3) for name in stages},
    )


def _stages(measured: Sequence[Mapping[str, StageAlone]]) -> dict[str, Stage]:
    ms = {name: Spread.of(one[name].ms for one in measured) for name in measured[0]}
    total = sum(spread.median for spread in ms.values())
    fps = {name: Spread.of(one[name].fps for one in measured) for name in measured[0]}
    return {name: Stage(ms[name], round(ms[name].median / total, 4), fps[name]) for name in ms}


def _peers(turns: Sequence[Turn]) -> list[PeerRow]:
    """Ratios are taken within a turn, where both met the same machine."""
    return [
        PeerRow(
            name,
            net_ms=Spread.of(median(turn.peers[name].net_ms) for turn in turns),
            fps=Spread.of(turn.peers[name].fps for turn in turns),
            net_ratio=Spread.of(median(turn.peers[name].net_ms) / median(turn.net_ms) for turn in turns),
            fps_ratio=Spread.of(turn.rows["decode_stylize_encode"].fps / turn.peers[name].fps for turn in turns),
            agreement_db=round(turns[0].peers[name].agreement_db, 1),
            open_seconds=round(turns[0].peers[name].open_seconds, 2),
        )
        for name in turns[0].peers
    ]
