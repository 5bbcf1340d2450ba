"""`impasto compile`: builds engines ahead, shows which are kept, and removes those of no use."""

from typing import Annotated

import typer

from engines.names import CALIBRATED
from realtime.commands.console.border import FAILED, INTERRUPTED
from realtime.commands.settings import Json, with_settings
from realtime.compiling.options import CompileOptions

CACHE = "Cache"
STOPPING = b"\nimpasto: stopping; engines that are ready are kept\n"


@with_settings
def compile_styles(
    options: CompileOptions,
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
    json: Json = False,
) -> None:
    """Build engines ahead, so that `live` and `video` start at once; or look after those that are kept."""
    _refuse_what_excludes(options, listing, pruning, older_than, everything)
    if listing:
        show_kept_engines(as_json=json)
    elif pruning:
        prune_kept_engines(older_than, everything, as_json=json)
    else:
        build(options, as_json=json)


def build(options: CompileOptions, *, as_json: bool) -> None:
    """Build, with a bar; exits with 1 where an engine could not be built, with 130 where it was interrupted."""
    from realtime.commands.console.bars import BuildBar
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


def show_kept_engines(*, as_json: bool) -> None:
    """The table, or one JSON document."""
    from rich.console import Console

    from engines.cache.aids import aids_bytes
    from engines.cache.folder import EngineCache, default_cache_folder
    from engines.loading.kept_engines import kept_engines
    from realtime.commands.console.kept_engines_table import print_kept_engines
    from realtime.commands.console.terminal import print_result

    cache = EngineCache(default_cache_folder())
    kept, aids = kept_engines(cache), aids_bytes(cache.aids_folder)
    if as_json:
        engines = [engine.as_dict() for engine in kept]
        print_result({"folder": str(cache.folder), "engines": engines, "aids_bytes": aids})
    elif not kept and not aids:
        print_result(f"no engine is kept in {cache.folder}")
    else:
        print_kept_engines(kept, cache.folder, Console(), aids)


def prune_kept_engines(older_than: float | None, everything: bool, *, as_json: bool) -> None:
    """Exits with 1 where something could not be removed."""
    from engines.cache.folder import EngineCache, default_cache_folder
    from engines.loading.kept_engines import prune
    from realtime.commands.console.terminal import print_result

    report = prune(EngineCache(default_cache_folder()), older_than_days=older_than, everything=everything)
    print_result(report.as_dict() if as_json else report.summary())
    if report.failed:
        raise typer.Exit(FAILED)


def _refuse_what_excludes(
    options: CompileOptions, listing: bool, pruning: bool, older_than: float | None, everything: bool
) -> None:
    """Options that exclude each other are a wrong command line, and nothing is done."""
    keeping = "--list" if listing else "--prune" if pruning else ""
    wrong = {
        "--list and --prune: leave one of them out": listing and pruning,
        f"{keeping} builds nothing: leave out the styles and what belongs to a build": keeping
        and options != CompileOptions(),
        "name a STYLE to build engines for, or give --list or --prune": not keeping and not options.styles,
        "--older-than and --all belong to --prune": not pruning and (everything or older_than is not None),
        "--all and --older-than: leave one of them out": everything and older_than is not None,
        "--size and --size-range: leave one of them out": options.sizes and options.size_range is not None,
        "--calibrate belongs to --precision int8 or fp8": options.calibrate is not None
        and options.precision not in CALIBRATED,
    }
    for line, applies in wrong.items():
        if applies:
            raise typer.BadParameter(line)
