"""The report as tables: the same ones for a terminal and for the documentation."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from realtime.bench.figures import Spread, shown
from realtime.bench.inputs.subject import Combination
from realtime.bench.machine import one_line
from realtime.bench.report.report import BenchReport, PeerRow, Result, Stage
from realtime.bench.roofline.ceilings import Ceiling
from realtime.bench.roofline.roofline import Roof, distinct_ceilings

if TYPE_CHECKING:
    from rich.table import Table as RichTable

GIGA = 1e9
WORDS = ("style", "size", "engine", "bound by", "against", "why")  # columns of words; the others hold figures
MEBI = 2**20
WIDE = 10_000  # columns: more than any table needs
SPEEDS = {
    "net": "net x{}, fps",
    "decode_stylize_null": "decode to null, fps",
    "decode_stylize_encode": "decode to file, fps",
}
QUICK = (
    "--quick: one short turn and one frame in the net at a time. Left out: the spread of several turns, several frames "
    "at once, decode to null, each stage alone, builds, start and memory. Do not compare with figures of full runs."
)
HEADS = 3  # the first columns of every table: style, size, engine


@dataclass(frozen=True, slots=True)
class Table:
    """A title, the heads of the columns, the cells of the rows, and remarks to stand below."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables_of(report: BenchReport) -> list[Table]:
    """Those that have something to tell."""
    found = (speed_table, start_table, waterfall_table, peers_table, roofline_table, left_out_table)
    return [table for table in (make(report) for make in found) if table.rows]


def speed_table(report: BenchReport) -> Table:
    """Milliseconds of the net for one frame, frames a second of the net and of the whole pipeline."""
    speeds = {name: head.format(report.requests) for name, head in SPEEDS.items() if name in _measured(report)}
    columns = ("style", "size", "engine", "net only, p50 ms", "p95 ms", "p99 ms", *speeds.values(), "gate, dB")
    rows = tuple(_speed_row(made, result, speeds) for made, result in report.ran)
    turns = "One turn" if report.repeats == 1 else f"Medians (least–most) of {report.repeats} turns"
    notes = [f"{turns} of {report.frames} frames, or of {report.row_seconds:g} s."]
    if report.interrupted:
        notes.append("The run was ended early: not all combinations had all their turns.")
    notes += [
        f"{made.style} at {made.size_text}, {_engine(result)}: the warping error, without steadiness, is "
        f"{result.stability.ratio:.2f} times that of the unpainted scene."
        for made, result in report.ran
        if result.stability
    ]
    notes += [
        f"{made.style} at {made.size_text}, {_engine(result)}: {result.on_gpu_ms} ms for a frame that lies in the "
        "GPU's memory and stays there; the columns count its way there and back."
        for made, result in report.ran
        if result.on_gpu_ms
    ]
    notes += [report.live.summary()] if report.live else []
    notes += [f"Live: not measured, {report.live_reason}"] if report.live_reason else []
    if report.quick:
        notes.insert(0, QUICK)
    return Table("Speed, measured quickly" if report.quick else "Speed", columns, rows, tuple(notes))


def _measured(report: BenchReport) -> set[str]:
    """The names of the rows that there are."""
    return {name for _, result in report.ran for name in result.rows}


def start_table(report: BenchReport) -> Table:
    """What one waits for, and the memory it takes."""
    columns = ("style", "size", "engine", "cold build, s", "from the cache, s", "first frame, s", "memory, MiB")
    rows = tuple(
        (
            *_heads(made, result), shown(result.build_seconds or 0.0), str(result.restore_seconds),
            str(result.first_frame_seconds), str(result.peak_mib), str(result.gpu_mib or "–"),
        )
        for made, result in report.ran
        if result.first_frame_seconds
    )  # fmt: skip
    notes = (
        "A cold build includes the gate. The first frame counts from the start of a fresh process that writes a file.",
    )
    return Table("Start and memory", (*columns, "GPU memory, MiB"), rows, notes)


def waterfall_table(report: BenchReport) -> Table:
    """Each stage alone, and how near the pipeline comes to the slowest."""
    stages = next((list(result.stages) for _, result in report.ran), [])
    columns = ("style", "size", "engine", *(f"{name}, ms" for name in stages), "pipeline of slowest", "bound by")
    rows = tuple(
        (
            *_heads(made, result), *(_stage(stage) for stage in result.stages.values()),
            _percent(result.efficiency), result.bound_by,
        )
        for made, result in report.ran
        if result.efficiency
    )  # fmt: skip
    notes = (
        "Each stage alone, one frame after the other, with its share of the sum. The pipeline to a file, in frames a "
        "second, is compared with the slowest stage alone on all the threads that it has there.",
    )
    return Table("Waterfall", columns, rows, notes)


def peers_table(report: BenchReport) -> Table:
    """How many times as fast ours is as each peer."""
    columns = ("style", "size", "engine", "against", "its net, ms", "net: ours is", "its loop, fps", "file: ours is")
    rows = tuple((*_heads(made, result), *_peer_cells(peer)) for made, result in report.ran for peer in result.peers)
    notes = ("Same clip, size and weights, turn and turn about; ratios are medians of those within a turn.",)
    return Table("Peers", (*columns, "alike, dB"), rows, notes)


def roofline_table(report: BenchReport) -> Table:
    """The least time that the device would allow, and the fraction that is reached."""
    columns = ("style", "size", "engine", "GMAC (plain)", "MiB (plain)", "floor, ms", "bound by", "p50, ms", "reached")
    roofs = [(made, result, result.roof) for made, result in report.ran if result.roof]
    rows = [(*_heads(made, result), *_roof_cells(roof, result.precision)) for made, result, roof in roofs]
    notes = [
        f"{made.style}, {_engine(result)}: {result.roof_reason}" for made, result in report.ran if result.roof_reason
    ]
    notes += [_ceiling(ceiling) for ceiling in distinct_ceilings(roof for *_, roof in roofs)]
    notes.append(
        "The floor is the larger of all multiply-adds at the first ceiling and all bytes (weights, and every product's "
        "input and output, once) at the second. In brackets: the plain graph, before the exact rewrites."
    )
    return Table("Roofline", columns, tuple(rows), tuple(notes))


def left_out_table(report: BenchReport) -> Table:
    """What was asked for and could not run here."""
    rows = tuple(
        (one.combination.style, one.combination.size_text, one.label, one.reason)
        for one in report.outcomes
        if one.result is None
    )
    return Table("Left out", ("style", "size", "engine", "why"), rows)


def as_text(report: BenchReport, width: int) -> str:
    """The tables for a terminal of so many columns; lists of figures where a table would break its words."""
    from rich.console import Console, Group
    from rich.text import Text

    console = Console(file=StringIO(), width=width, color_system=None)
    for table in tables_of(report):
        drawn = _drawn(table)
        least = console.measure(drawn, options=console.options.update(width=WIDE)).minimum
        shown = drawn if least <= width else Text("\n".join(_listed(table)))
        console.print(Group(shown, *(Text(note) for note in table.notes), Text("")))
    drawn_text = console.file.getvalue()  # type: ignore[attr-defined]
    return f"{one_line(report.machine)}\n{report.command}, {report.clip}\n\n{drawn_text.rstrip()}"


def _drawn(table: Table) -> "RichTable":
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=table.title, title_justify="left", title_style="bold")
    for column in table.columns:
        drawn.add_column(Text(column), justify="left" if column in WORDS else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn


def _listed(table: Table) -> Iterator[str]:
    """The table's title; then each row's style, size and engine with its figures below."""
    yield table.title
    for row in table.rows:
        yield "  " + ", ".join(row[:HEADS])
        yield from (
            f"    {name}: {cell}" for name, cell in zip(table.columns[HEADS:], row[HEADS:], strict=True) if cell
        )


def as_markdown(report: BenchReport) -> str:
    """The tables for documentation, under the command and the machine."""
    machine = report.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    head = f"    {report.command}\n\n{one_line(machine)}; {machine['system']}, Python {machine['python']}; {versions}; "
    head += f"impasto {machine['impasto']['commit']}; load at the start {machine['load_at_start']}; {report.clip}.\n"
    return "\n".join([head, *(_markdown(table) for table in tables_of(report))])


def _markdown(table: Table) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([f"**{table.title}**", "", *rows, "", *(f"{note}\n" for note in table.notes)])


def _heads(made: Combination, result: Result) -> tuple[str, str, str]:
    return made.style, made.size_text, _engine(result)


def _engine(result: Result) -> str:
    return f"{result.engine} {result.precision}"


def _speed_row(made: Combination, result: Result, speeds: Iterable[str]) -> tuple[str, ...]:
    late, fps = result.latency, [str(result.rows[name].fps) for name in speeds]
    gate = "–" if result.gate_db is None else f"{result.gate_db:.1f}"
    return (*_heads(made, result), str(late.p50_of_repeats), shown(late.p95), shown(late.p99), *fps, gate)


def _stage(stage: Stage) -> str:
    return f"{shown(stage.ms.median)} ({100 * stage.share:.0f} %)"


def _percent(share: Spread) -> str:
    return f"{100 * share.median:.0f} % ({100 * share.least:.0f}–{100 * share.most:.0f})"


def _peer_cells(peer: PeerRow) -> Iterator[str]:
    if peer.reason:
        yield from (f"{peer.name}: {peer.reason}", "", "", "", "", "")
        return
    yield peer.name
    yield str(peer.net_ms)
    yield _times(peer.net_ratio)
    yield str(peer.fps)
    yield _times(peer.fps_ratio)
    yield f"{peer.agreement_db:.0f}"


def _times(ratio: Spread | None) -> str:
    return f"×{ratio}" if ratio else ""


def _roof_cells(roof: Roof, precision: str) -> tuple[str, ...]:
    macs = f"{shown(roof.rewritten.macs / GIGA)} ({shown(roof.plain.macs / GIGA)})"
    moved = f"{shown(roof.rewritten.bytes(precision) / MEBI)} ({shown(roof.plain.bytes(precision) / MEBI)})"
    bound = (
        roof.floor.bound_by
        if roof.ceiling_precision == precision
        else f"{roof.floor.bound_by} in {roof.ceiling_precision}"
    )
    return macs, moved, shown(roof.floor.ms), bound, shown(roof.p50_ms), f"{100 * roof.reached:.0f} %"


def _ceiling(ceiling: Ceiling) -> str:
    rate = f"{shown(ceiling.per_second / GIGA)} G{ceiling.unit}/s"
    return f"Measured: {rate} by {ceiling.how}, the best of several runs."
