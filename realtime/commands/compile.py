"""`impasto compile`: builds engines ahead, shows which are kept, and removes those of no use."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.commands.console import choices
from realtime.commands.console.border import FAILED, INTERRUPTED
from realtime.compiling.options import USUAL_SIZE, CompileOptions, Size, SizeSpan
from realtime.live.options import PictureSize

DEFAULTS = CompileOptions(styles=())
CACHE = "Cache"
EIGHT_BITS = ("int8", "fp8")
STOPPING = b"\nimpasto: stopping; engines that are ready are kept\n"


def size_range(text: str) -> SizeSpan:
    """`320x180-1920x1080`."""
    least, dash, most = text.partition("-")
    if not dash:
        raise typer.BadParameter(f"{text!r} is not a range of sizes such as 320x180-1920x1080")
    low, high = choices.size_in_pixels(least), choices.size_in_pixels(most)
    if low.width > high.width or low.height > high.height:
        raise typer.BadParameter(f"{text!r} begins with the larger size; write the smaller one first")
    return SizeSpan((low.width, low.height), (high.width, high.height))


def compile_styles(
    styles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STYLE",
            autocompletion=choices.complete_style,
            help="Styles of the gallery, or style files; one engine is for all the styles of a file.",
        ),
    ] = None,
    size: Annotated[
        list[PictureSize] | None,
        typer.Option(
            parser=choices.size_in_pixels,
            metavar="WxH",
            help="Pictures of this size; give it again for several. "
            f"{USUAL_SIZE[0]}x{USUAL_SIZE[1]} unless given: what `impasto live` begins with where the source is 16:9. "
            "`impasto video` paints at its input's size.",
            rich_help_panel=choices.PAINTING,
        ),
    ] = None,
    sizes: Annotated[
        SizeSpan | None,
        typer.Option(
            "--size-range",
            parser=size_range,
            metavar="WxH-WxH",
            help="One engine for every size between, where a backend can build one.",
            rich_help_panel=choices.PAINTING,
        ),
    ] = None,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    threads: Annotated[
        int, typer.Option(min=0, help="Processor cores to use; 0 is all.", rich_help_panel=choices.MACHINE)
    ] = DEFAULTS.threads,
    mode: Annotated[
        str,
        typer.Option(
            parser=choices.mode_name,
            metavar="NAME",
            autocompletion=choices.complete_mode,
            help="auto, latency or throughput.",
            rich_help_panel=choices.MACHINE,
        ),
    ] = DEFAULTS.mode,
    pinned: Annotated[
        bool, typer.Option(help="Bind each thread to a core.", rich_help_panel=choices.MACHINE)
    ] = DEFAULTS.pinned,
    requests: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Frames in the engine at once: 1 is what `live` and `image` take, 2 what `video` takes; "
            "both are built unless one is chosen.",
            rich_help_panel=choices.MACHINE,
        ),
    ] = DEFAULTS.requests,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="CLIP",
            help="Calibrate an int8 or fp8 engine on this video, as `video` does on its input; "
            "bundled pictures unless given.",
            rich_help_panel=choices.MACHINE,
        ),
    ] = DEFAULTS.calibrate,
    strict: choices.Strict = DEFAULTS.strict,
    verbose: choices.Verbose = DEFAULTS.verbose,
    listing: Annotated[
        bool, typer.Option("--list", help="Show the engines in the cache.", rich_help_panel=CACHE)
    ] = False,
    pruning: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove engines that are damaged, were refused, or fit no more.", rich_help_panel=CACHE
        ),
    ] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="DAYS", help="With --prune: also those not used for so long.", rich_help_panel=CACHE
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --prune: all of them.", rich_help_panel=CACHE)
    ] = False,
    json: choices.Json = False,
) -> None:
    """Build engines ahead, so that `live` and `video` start at once; or look after those that are kept."""
    given: tuple[Size, ...] = tuple(dict.fromkeys((each.width, each.height) for each in size or ()))
    options = CompileOptions(
        styles=tuple(styles or ()), sizes=given or DEFAULTS.sizes, size_range=sizes, engine=engine,
        precision=precision, threads=threads, mode=mode, pinned=pinned, requests=requests, calibrate=calibrate,
        strict=strict, verbose=verbose,
    )  # fmt: skip
    _refuse_what_excludes(options, bool(given), listing, pruning, older_than, everything)
    if listing:
        show_stock(as_json=json)
    elif pruning:
        prune_stock(older_than, everything, as_json=json)
    else:
        build(options, as_json=json)


def build(options: CompileOptions, *, as_json: bool) -> None:
    """Build, with a bar; exits with 1 where an engine could not be built, with 130 where it was interrupted."""
    from realtime.commands.console.build_bar import BuildBar
    from realtime.commands.console.terminal import LastingConsole, print_result, stopped_by_interrupt
    from realtime.compiling.run import builds_for, compile_engines

    builds = builds_for(options)
    with stopped_by_interrupt(STOPPING) as stop, BuildBar(LastingConsole(stderr=True)) as bar:
        report = compile_engines(builds, report=bar.report, progress=bar.show, stop=stop)
    print_result(report.as_dict() if as_json else report.summary())
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if report.failures:
        raise typer.Exit(FAILED)


def show_stock(*, as_json: bool) -> None:
    """The table, or one JSON document."""
    from rich.console import Console

    from engines.cache.folder import EngineCache, default_cache_folder
    from engines.loading.stock import take_stock
    from realtime.commands.console.stock_table import print_stock
    from realtime.commands.console.terminal import print_result

    cache = EngineCache(default_cache_folder())
    stock = take_stock(cache)
    if as_json:
        print_result({"folder": str(cache.folder), "engines": [engine.as_dict() for engine in stock]})
    elif not stock:
        print_result(f"no engine is kept in {cache.folder}")
    else:
        print_stock(stock, cache.folder, Console())


def prune_stock(older_than: float | None, everything: bool, *, as_json: bool) -> None:
    """Exits with 1 where something could not be removed."""
    from engines.cache.folder import EngineCache, default_cache_folder
    from engines.loading.stock import prune
    from realtime.commands.console.terminal import print_result

    report = prune(EngineCache(default_cache_folder()), older_than_days=older_than, everything=everything)
    print_result(report.as_dict() if as_json else report.summary())
    if report.failed:
        raise typer.Exit(FAILED)


def _refuse_what_excludes(
    options: CompileOptions, sized: bool, listing: bool, pruning: bool, older_than: float | None, everything: bool
) -> None:
    """Options that exclude each other are a wrong command line, and nothing is done."""
    keeping = "--list" if listing else "--prune" if pruning else ""
    wrong = {
        "--list and --prune: leave one of them out": listing and pruning,
        f"{keeping} builds nothing: leave out the styles and what belongs to a build": keeping
        and (options != DEFAULTS or sized),
        "name a STYLE to build engines for, or give --list or --prune": not keeping and not options.styles,
        "--older-than and --all belong to --prune": not pruning and (everything or older_than is not None),
        "--all and --older-than: leave one of them out": everything and older_than is not None,
        "--size and --size-range: leave one of them out": sized and options.size_range is not None,
        "--calibrate belongs to --precision int8 or fp8": options.calibrate is not None
        and options.precision not in EIGHT_BITS,
    }
    for line, applies in wrong.items():
        if applies:
            raise typer.BadParameter(line)
