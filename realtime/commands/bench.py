"""`impasto bench`: how fast this machine paints, where the time goes, and what the others would need."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engines.errors import FileMissing
from realtime.bench.options import BenchOptions
from realtime.commands.console import choices
from realtime.commands.console.border import FAILED, INTERRUPTED
from realtime.live.options import PictureSize

if TYPE_CHECKING:
    from realtime.bench.report.report import BenchReport

DEFAULTS = BenchOptions()
WHAT = "What is compared"
HOW = "How it is measured"
OUT = "What comes out"
TERMINAL_COLUMNS = 160  # where stdout is no terminal


def bench(
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            "--model",
            metavar="NAME|FILE[:NAME]|PRESET",
            autocompletion=choices.complete_style,
            help="A style, or paper, fast or ultra: such a net with random weights. May be given several times.",
            rich_help_panel=WHAT,
        ),
    ] = list(DEFAULTS.styles),  # noqa: B006 - typer makes a new list of it
    size: Annotated[
        list[PictureSize],
        typer.Option(
            parser=choices.size_in_pixels,
            metavar="WxH",
            help="Decode and paint at this size. May be given several times; it takes the place of --height.",
            rich_help_panel=WHAT,
        ),
    ] = [],  # noqa: B006
    height: Annotated[
        int,
        typer.Option(
            min=choices.LEAST_SIZE_PX,
            metavar="PIXELS",
            help="Scale the clip to this height, paint and write at it.",
            rich_help_panel=WHAT,
        ),
    ] = DEFAULTS.height,
    engine: Annotated[
        list[str],
        typer.Option(
            parser=choices.engine_name,
            metavar="NAME",
            autocompletion=choices.complete_engine,
            help=f"auto, or one of {', '.join(choices.ENGINES)}. May be given several times.",
            rich_help_panel=WHAT,
        ),
    ] = list(DEFAULTS.engines),  # noqa: B006
    precision: Annotated[
        list[str],
        typer.Option(
            parser=choices.precision_name,
            metavar="NAME",
            autocompletion=choices.complete_precision,
            help=f"auto, or one of {', '.join(choices.PRECISIONS)}. May be given several times.",
            rich_help_panel=WHAT,
        ),
    ] = list(DEFAULTS.precisions),  # noqa: B006
    peers: Annotated[
        bool,
        typer.Option("--peers", help="Also run what one would write instead, in turn with ours.", rich_help_panel=WHAT),
    ] = DEFAULTS.peers,
    roofline: Annotated[
        bool,
        typer.Option("--roofline", help="Also measure what this machine could do at most.", rich_help_panel=WHAT),
    ] = DEFAULTS.roofline,
    stability: Annotated[
        bool, typer.Option("--stability", help="Also measure flicker, on the built-in scene.", rich_help_panel=WHAT)
    ] = DEFAULTS.stability,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Also measure a live run's latency, by the time written into its pictures.",
            rich_help_panel=WHAT,
        ),
    ] = DEFAULTS.live,
    clip: Annotated[
        Path | None, typer.Option(help="A video; the built-in scene unless given.", rich_help_panel=HOW)
    ] = DEFAULTS.clip,
    frames: Annotated[int, typer.Option(min=4, help="Frames in a row at most.", rich_help_panel=HOW)] = DEFAULTS.frames,
    row_seconds: Annotated[
        float, typer.Option(min=0.1, help="Seconds of a row at most, but for its first frames.", rich_help_panel=HOW)
    ] = DEFAULTS.row_seconds,
    repeats: Annotated[
        int, typer.Option(min=1, help="How many turns each combination has.", rich_help_panel=HOW)
    ] = DEFAULTS.repeats,
    mode: Annotated[
        str,
        typer.Option(
            parser=choices.mode_name,
            metavar="NAME",
            autocompletion=choices.complete_mode,
            help="auto, latency or throughput.",
            rich_help_panel=HOW,
        ),
    ] = DEFAULTS.mode,
    threads: Annotated[
        int, typer.Option(min=0, help="Cores for the net; 0 takes all.", rich_help_panel=HOW)
    ] = DEFAULTS.threads,
    requests: Annotated[
        int, typer.Option(min=1, help="Frames in the net at once where latency does not matter.", rich_help_panel=HOW)
    ] = DEFAULTS.requests,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="One row for each combination in some seconds: the net alone and decode to file, one frame at a time, "
            "in one short turn. Leaves out repeats, several frames at once, decode to null, each stage alone, builds, "
            "start and memory.",
            rich_help_panel=HOW,
        ),
    ] = DEFAULTS.quick,
    verbose: choices.Verbose = DEFAULTS.verbose,
    plot: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write charts (PNG) there.", rich_help_panel=OUT)
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables there as Markdown.", rich_help_panel=OUT)
    ] = None,
    json: choices.Json = False,
) -> None:
    """Measure frames per second, latency and start-up, stage by stage; each figure with its spread."""
    from realtime.bench.run import run_bench
    from realtime.commands.console.bench_bar import BenchBar
    from realtime.commands.console.terminal import LastingConsole, ended_by_kill, print_result

    options = BenchOptions(
        clip=clip, styles=tuple(style), sizes=tuple((one.width, one.height) for one in size), height=height,
        engines=tuple(engine), precisions=tuple(precision), mode=mode, threads=threads, requests=requests,
        frames=frames, row_seconds=row_seconds, repeats=repeats,
        peers=peers, roofline=roofline, stability=stability, live=live, quick=quick, verbose=verbose,
    )  # fmt: skip
    if quick and options.beside:
        raise typer.BadParameter(f"--quick leaves out --{options.beside[0]}; leave out one or the other")
    _check_outputs(plot, markdown)
    with ended_by_kill(), BenchBar(LastingConsole(stderr=True)) as bar:
        report = run_bench(options, report=bar.report, progress=bar.show)
    print_result(report.as_dict() if json else _text(report))
    _write(report, plot, markdown)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not report.ran:
        raise typer.Exit(FAILED)


def _check_outputs(plot: Path | None, markdown: Path | None) -> None:
    """Before the minutes that the measurements take; OSError or ImpastoError where something could not be written."""
    if markdown is not None and not markdown.absolute().parent.is_dir():
        raise FileMissing(f"there is no folder {markdown.parent} for {markdown.name}; make it first")
    if plot is not None:
        from realtime.bench.report.charts import check_matplotlib

        check_matplotlib()
        plot.mkdir(parents=True, exist_ok=True)


def _write(report: "BenchReport", plot: Path | None, markdown: Path | None) -> None:
    if markdown is not None:
        from realtime.bench.report.tables import as_markdown

        markdown.write_text(as_markdown(report), encoding="utf-8")
    if plot is not None:
        from realtime.bench.report.charts import write_charts

        write_charts(report, plot)


def _text(report: "BenchReport") -> str:
    import shutil

    from realtime.bench.report.tables import as_text

    return as_text(report, shutil.get_terminal_size((TERMINAL_COLUMNS, 0)).columns)
