"""The engines that are kept, as a table for people."""

import time
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from engines.cache.aids import DAY_SECONDS
from engines.loading.kept_engines import MIB, KeptEngine

COLUMNS = ("style", "engine", "size", "at once", "device", "gate", "MiB", "used", "state")
# These may take several lines of so many letters.
LONG = {"style": 7, "engine": 9, "size": 9, "at once": 8, "device": 6, "gate": 8, "used": 5, "state": 10}
FITS = "fits"


def print_kept_engines(kept: list[KeptEngine], folder: Path, console: Console, aids_bytes: int = 0) -> None:
    """The table, then how much it all is, with what is kept for faster builds.

    Where stdout is no terminal it is as wide as it has to be.
    """
    if not console.is_terminal:
        console.width = 240
    columns = [Column(name, no_wrap=name not in LONG, min_width=LONG.get(name)) for name in COLUMNS]
    table = Table(*columns, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for engine in kept:
        table.add_row(*map(Text, _row(engine, between="-\n" if console.is_terminal else "-")))
    console.print(Text(str(folder), style="bold"), soft_wrap=True)
    console.print(table)
    useless = sum(bool(engine.problem) for engine in kept)
    mib = sum(engine.entry.size_bytes for engine in kept) / MIB
    hint = f", {useless} of no use: `impasto compile --prune` removes them" if useless else ""
    aids = f" and {aids_bytes / MIB:.1f} MiB for faster builds" if aids_bytes else ""
    console.print(Text(f"{len(kept)} in all, {mib:.1f} MiB{aids}{hint}"))


def _row(engine: KeptEngine, between: str) -> tuple[str, ...]:
    """The cells; `between` stands between the two sizes of a range."""
    header, fields = engine.entry.header, engine.fields
    size, used = f"{engine.entry.size_bytes / MIB:.1f}", _since(engine.entry.used_at)
    if header is None:
        name = engine.entry.path.name
        return "?", "", "", "", "", "", size, used, engine.problem.removeprefix(f"{name} ")
    verdict = f"{header.gate.psnr_db:.1f} dB" + ("" if header.gate.passed else ", refused")
    name = " ".join(fields.get(name, "") for name in ("backend", "version", "precision"))
    sizes = fields.get("size", "").replace("-", between)
    device, state = fields.get("device", ""), engine.problem or FITS
    return engine.style, name, sizes, _use(fields), device, verdict, size, used, state


def _use(fields: dict[str, str]) -> str:
    """How many frames it takes at once, and what else was chosen for it."""
    words = [fields.get("requests", "")]
    if fields.get("threads", "0") != "0":
        words.append(f"{fields['threads']} thread{'' if fields['threads'] == '1' else 's'}")
    if fields.get("pinned") == "True":
        words.append("pinned")
    if fields.get("calibration"):
        words.append("calibrated")
    if fields.get("ready"):
        words.append("came along")
    return ", ".join(words)


def _since(used_at: float) -> str:
    days = max(0.0, time.time() - used_at) / DAY_SECONDS
    return "today" if days < 1 else f"{days:.0f} days ago"
