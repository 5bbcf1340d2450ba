"""`impasto bench`: how fast this machine paints, and where the time goes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.commands import choices
from realtime.options import BenchOptions

if TYPE_CHECKING:
    from realtime.bench import BenchReport

DEFAULTS = BenchOptions()
ROWS = {
    "net": "net only",
    "decode_stylize_null": "decode, paint",
    "decode_stylize_encode": "decode, paint, encode",
}


def bench(
    clip: Annotated[Path | None, typer.Option(help="A video; the built-in scene unless given.")] = DEFAULTS.clip,
    style: choices.Style = DEFAULTS.style,
    height: Annotated[
        int, typer.Option(min=choices.LEAST_SIZE_PX, metavar="PIXELS", help="Paint at this height.")
    ] = DEFAULTS.height,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    frames: Annotated[int, typer.Option(min=2, help="Frames in a row.")] = DEFAULTS.frames,
    repeats: Annotated[int, typer.Option(min=1, help="How often each row is measured.")] = DEFAULTS.repeats,
    peers: Annotated[
        bool, typer.Option("--peers", help="Also run the usual loop of OpenCV and torch, in turn with ours.")
    ] = DEFAULTS.peers,
    stability: Annotated[
        bool, typer.Option("--stability", help="Also measure flicker, on the built-in scene.")
    ] = DEFAULTS.stability,
    live: Annotated[
        bool, typer.Option("--live", help="Also measure a live run's latency, by the time written into its pictures.")
    ] = DEFAULTS.live,
    json: choices.Json = False,
) -> None:
    """Measure frames per second, stage by stage."""
    from realtime.bench import run_bench
    from realtime.commands.terminal import print_result, progress_bar

    options = BenchOptions(
        clip=clip, style=style, height=height, engine=engine, precision=precision,
        frames=frames, repeats=repeats, peers=peers, stability=stability, live=live,
    )  # fmt: skip
    with progress_bar(unit="repeats/s") as bar:
        report = run_bench(options, report=bar.report, progress=bar.progress)
    print_result(report.as_dict() if json else as_text(report))


def as_text(report: "BenchReport") -> str:
    """The report for people."""
    share = f"{100 * report.share_of_slowest_stage:.0f} % of its slowest stage alone ({report.slowest_stage})"
    lines = [
        f"{report.clip} at {report.size}, style {report.style}, {report.engine}",
        f"{report.machine['cpu']}, {report.machine['cores']} cores",
        "",
        f"{'':<24}{'fps':>8}  milliseconds a frame",
        *(_row(label, report.rows[name].fps, report.rows[name].stage_ms) for name, label in ROWS.items()),
        *(_row("OpenCV and torch", peer.fps, {}) for peer in report.peers.values()),
        "",
        f"The pipeline runs at {share}.",
        f"First frame after {report.first_frame_seconds:.2f} s; {report.peak_mib:.0f} MiB of memory at most.",
    ]
    lines += [
        f"{peer.ratio:.1f} times as fast as the loop of OpenCV and torch, {peer.agreement_db:.0f} dB alike."
        for peer in report.peers.values()
    ]
    if report.stability:
        lines.append(f"Flicker: a warping error {report.stability.ratio:.1f} times that of the unpainted scene.")
    if report.live:
        lines.append(report.live.summary())
    return "\n".join(lines)


def _row(label: str, fps: float, stage_ms: dict[str, float]) -> str:
    stages = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in stage_ms.items())
    return f"{label:<24}{fps:>8.1f}  {stages}".rstrip()
