"""One turn: everything that is measured of one combination before the next one has its turn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from engines.loading.engine import EngineSpec, GateReport
from engines.machine import usable_cores
from realtime.bench.figures import Latency, Spread
from realtime.bench.inputs.subject import Subject
from realtime.bench.peers.peers import PeerTurn
from realtime.bench.report.report import PeerRow, Result, Row, Stage
from realtime.bench.rows.rows import Throughput, net_latency_ms, net_throughput, on_gpu_ms, to_file, to_null
from realtime.bench.rows.stages import StageAlone, stages_alone
from realtime.bench.rows.start import FreshStart, fresh_start


@dataclass(frozen=True, slots=True)
class Turn:
    """One repeat of everything for one combination; `peers` are those that ran beside it, by name.

    A quick turn has no stages in `alone`, and no `start`.
    """

    open_seconds: float
    net_ms: list[float]
    rows: dict[str, Throughput]
    alone: dict[str, StageAlone] = field(default_factory=dict)
    start: FreshStart | None = None
    on_gpu_ms: list[float] = field(default_factory=list)
    peers: Mapping[str, PeerTurn] = field(default_factory=dict)


def take_turn(subject: Subject) -> Turn:
    """Measures every row once; ImpastoError or what the runtime raises where one fails."""
    output = subject.bench.painted
    net_ms = net_latency_ms(subject)
    if subject.options.quick:
        rows = {"decode_stylize_encode": to_file(subject, output)}
        return Turn(subject.open_seconds, net_ms, rows, on_gpu_ms=on_gpu_ms(subject))
    rows = {
        "net": net_throughput(subject),
        "decode_stylize_null": to_null(subject),
        "decode_stylize_encode": to_file(subject, output),
    }
    alone = stages_alone(subject, output, StageAlone(median(net_ms), rows["net"].fps))
    return Turn(subject.open_seconds, net_ms, rows, alone, fresh_start(subject), on_gpu_ms(subject))


def summarise(turns: Sequence[Turn], spec: EngineSpec, gate: GateReport | None, silent: Mapping[str, str]) -> Result:
    """The figures of a combination from its turns; `silent` are the peers that cannot run, and why.

    One that fell silent is told as such, unless it ran in all of these turns.
    """
    peers = _peers(turns)
    ran = {peer.name for peer in peers}
    starts = [turn.start for turn in turns if turn.start is not None]
    return Result(
        engine=f"{spec.backend} {spec.version}",
        precision=spec.precision,
        device=spec.device,
        gate_db=round(gate.psnr_db, 1) if gate else None,
        gate_reference=gate.reference if gate else "",
        restore_seconds=_spread(turn.open_seconds for turn in turns if starts),
        first_frame_seconds=_spread(start.first_frame_seconds for start in starts),
        peak_mib=_spread(start.peak_mib for start in starts),
        gpu_mib=_spread(start.gpu_mib for start in starts if start.gpu_mib is not None),
        latency=Latency.of([turn.net_ms for turn in turns]),
        on_gpu_ms=Spread.of(median(turn.on_gpu_ms) for turn in turns) if turns[0].on_gpu_ms else None,
        rows={name: _row([turn.rows[name] for turn in turns]) for name in turns[0].rows},
        stages=_stages([turn.alone for turn in turns]),
        efficiency=_spread(_efficiency(turn) for turn in turns if turn.alone),
        usable_cores=usable_cores(),
        peers=(*peers, *(PeerRow(name, reason) for name, reason in silent.items() if name not in ran)),
        passed_over=spec.passed_over,
    )


def _spread(measured: Iterable[float]) -> Spread | None:
    """None where it was not measured."""
    values = list(measured)
    return Spread.of(values) if values else None


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
    """Those that ran in every turn. Ratios are taken within a turn, where both met the same machine."""
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
        if all(name in turn.peers for turn in turns)
    ]
