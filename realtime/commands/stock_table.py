"""The engines that are kept, as a table for people."""

import time
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from realtime.compiling.report import MIB
from realtime.compiling.stock import DAY_SECONDS, StockedEngine

COLUMNS = ("style", "engine", "precision", "size", "for", "device", "gate", "MiB", "used", "state")
WIDE = ("device", "state")  # these may take several lines; the others are read across
FITS = "fits"


def print_stock(stock: list[StockedEngine], folder: Path) -> None:
    """The table, then how much it all is. Where stdout is no terminal it is as wide as it has to be."""
    console = Console()
    if not console.is_terminal:
        console.width = 240
    table = Table(*(_column(name) for name in COLUMNS), title=Text(str(folder), style="bold"), title_justify="left")
    for engine in stock:
        table.add_row(*map(Text, _row(engine)))
    console.print(table)
    useless = sum(bool(engine.problem) for engine in stock)
    mib = sum(engine.entry.size_bytes for engine in stock) / MIB
    hint = f", {useless} of no use: `impasto compile --prune` removes them" if useless else ""
    console.print(Text(f"{len(stock)} in all, {mib:.1f} MiB{hint}"))


def _row(engine: StockedEngine) -> tuple[str, ...]:
    header, fields = engine.entry.header, engine.fields
    size, used = f"{engine.entry.size_bytes / MIB:.1f}", _since(engine.entry.used_at)
    if header is None:
        return engine.style, "", "", "", "", "", "", size, used, engine.problem
    verdict = f"{header.gate.psnr_db:.1f} dB" + ("" if header.gate.passed else ", refused")
    return (
        engine.style, f"{fields.get('backend', '')} {fields.get('version', '')}", fields.get("precision", ""),
        fields.get("size", ""), _use(fields), fields.get("device", ""), verdict, size, used, engine.problem or FITS,
    )  # fmt: skip


def _use(fields: dict[str, str]) -> str:
    """How many frames it takes at once, and what else was chosen for it."""
    words = [f"{fields.get('requests', '')} at once"]
    if fields.get("threads", "0") != "0":
        words.append(f"{fields['threads']} threads")
    if fields.get("pinned") == "True":
        words.append("pinned")
    if fields.get("calibration"):
        words.append("calibrated")
    return ", ".join(words)


def _since(used_at: float) -> str:
    days = max(0.0, time.time() - used_at) / DAY_SECONDS
    return "today" if days < 1 else f"{days:.0f} days ago"


def _column(name: str) -> Column:
    return Column(name, no_wrap=name not in WIDE, overflow="fold")
