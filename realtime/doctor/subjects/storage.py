"""What lies on disk: the cache of compiled engines with what the gate said of each, and the bundled style files."""

import math
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engines.backends.registry import probe
from engines.cache.aids import aids_bytes
from engines.cache.entry import EntryHeader
from engines.cache.fields import why_stale
from engines.cache.folder import EngineCache, StoredEntry, default_cache_folder
from engines.errors import INSTALL_AGAIN, ImpastoError, in_one_line
from engines.spec import GateReport
from engines.style.file import StyleFile
from engines.style.styles import GalleryItem, gallery_items
from realtime.doctor.finding import Finding, State
from realtime.doctor.subjects.engines import decibels

LEAST_FREE_MIB = 1024.0
OTHERS = stat.S_IRWXG | stat.S_IRWXO
SUBJECT = "folder"
REASONS_TOLD = 5
CHECK_AGAIN = "`impasto compile --prune` has it checked again"
NO_STYLES = "no style file is bundled"


def look_at_cache() -> list[Finding]:
    """The folder, and what lies in it that is no good."""
    folder = default_cache_folder()
    cache = EngineCache(folder)
    entries, aids = cache.entries(), aids_bytes(cache.aids_folder)
    return [_folder(folder, entries, aids), *_access(folder), _room(folder), *_refused(entries)]


def look_at_cached_engines(backend: str, _report: Callable[[str], None]) -> list[Finding]:
    """The gate's figures of every engine of that backend that would be found again on this machine as it is now."""
    state = probe(backend)
    if not state.available:
        return []
    headers = EngineCache(default_cache_folder()).find(lambda header: header.fields.get("backend") == backend)
    return [_engine(header) for header in headers if not why_stale(header.fields, state)]


def look_at_gallery() -> list[Finding]:
    """The bundled style files and those of other packages, each read and checked."""
    found = [_look_at(item) for item in gallery_items()]
    return found or [Finding("gallery", State.NO, NO_STYLES, INSTALL_AGAIN)]


def _folder(folder: Path, entries: Sequence[StoredEntry], aids: int) -> Finding:
    engines = [entry for entry in entries if not entry.partial]
    mib, aids_mib = sum(entry.size_bytes for entry in entries) / 2**20, aids / 2**20
    text = f"{folder}: {len(engines)} engine{'' if len(engines) == 1 else 's'}, {mib:.1f} MiB"
    text += f", and {aids_mib:.1f} MiB for faster builds" if aids else ""
    facts = {"folder": str(folder), "engines": len(engines), "mib": round(mib, 1), "aids_mib": round(aids_mib, 1)}
    return Finding(SUBJECT, State.FACT, text if folder.exists() else f"{folder}, not made yet", facts=facts)


def _access(folder: Path) -> list[Finding]:
    """A compiled engine is code: whoever may write it may do what this user may."""
    place = _nearest(folder)
    if not place.is_dir() or not os.access(place, os.W_OK):
        remedy = f"make {place} yours, or set IMPASTO_CACHE_DIR to a folder that is"
        return [Finding("access", State.NO, "engines cannot be kept: the folder cannot be written", remedy)]
    if not folder.exists() or not hasattr(os, "getuid"):
        return []
    mode, ours = folder.stat().st_mode, folder.stat().st_uid == os.getuid()
    if not ours:
        return [
            Finding("access", State.NO, "the folder belongs to another user", "set IMPASTO_CACHE_DIR to one of yours")
        ]
    if mode & OTHERS:
        return [Finding("access", State.NO, "others may look into the folder", f"chmod 700 {folder}")]
    return [Finding("access", State.YES, "this user's alone")]


def _room(folder: Path) -> Finding:
    free_mib = shutil.disk_usage(_nearest(folder)).free / 2**20
    facts = {"free_mib": round(free_mib)}
    if free_mib < LEAST_FREE_MIB:
        remedy = "make room, or `impasto compile --prune`"
        return Finding("room", State.NO, f"{free_mib:.0f} MiB are free", remedy, facts)
    return Finding("room", State.YES, f"{free_mib / 1024:.1f} GiB are free", facts=facts)


def _refused(entries: Sequence[StoredEntry]) -> list[Finding]:
    """Files that were damaged or that this user did not write here. Half-written ones go by themselves."""
    bad = [entry for entry in entries if entry.problem and not entry.partial]
    if not bad:
        return []
    facts = {"refused": len(bad), "reasons": [entry.problem for entry in bad[:REASONS_TOLD]]}
    what = bad[0].problem if len(bad) == 1 else f"{len(bad)} files cannot be used; the first: {bad[0].problem}"
    return [Finding("files", State.NO, what, "`impasto compile --prune` removes them", facts)]


def _nearest(folder: Path) -> Path:
    """The folder, or where it would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _engine(header: EntryHeader) -> Finding:
    fields, gate = header.fields, header.gate
    style = header.origin.style_name or f"style {fields['style'][:8]}"
    subject = f"{fields['backend']} {fields['precision']}"
    text = f"{fields['size']}, {style}: {decibels(gate.psnr_db)} where {gate.floor_db:.0f} is the least"
    facts = {**dict(fields), "style_name": header.origin.style_name, "gate": _gate(gate)}
    if not gate.passed:
        remedy = f"other precisions and engines are taken meanwhile; {CHECK_AGAIN}"
        return Finding(subject, State.NO, f"{text}; refused: {gate.problem}", remedy, facts)
    each = ", ".join(f"{frame} {_short(psnr_db)}" for frame, psnr_db in _least_of_each_frame(gate).items())
    return Finding(subject, State.YES, f"{text} ({each})" if each else text, facts=facts)


def _least_of_each_frame(gate: GateReport) -> dict[str, float]:
    """Every golden frame is painted in several styles and sizes; all of them are in the facts."""
    least: dict[str, float] = {}
    for check in gate.checks:
        least[check.frame] = min(check.psnr_db, least.get(check.frame, math.inf))
    return least


def _gate(gate: GateReport) -> dict[str, Any]:
    """As JSON takes it: no infinity, which is the PSNR of equal pictures."""
    values = gate.to_dict()
    checks = [{**check, "psnr_db": _finite(check["psnr_db"])} for check in values["checks"]]
    return {**values, "psnr_db": _finite(values["psnr_db"]), "checks": checks}


def _finite(number: str) -> float | None:
    return round(float(number), 2) if math.isfinite(float(number)) else None


def _short(psnr_db: float) -> str:
    return f"{psnr_db:.0f}" if math.isfinite(psnr_db) else "equal"


def _look_at(item: GalleryItem) -> Finding:
    try:
        return _described(item.read())
    except (ImpastoError, OSError) as error:
        remedy = f"ask the makers of the package that brings {item.origin}" if item.origin else INSTALL_AGAIN
        return Finding(item.name, State.NO, in_one_line(error), remedy)


def _described(file: StyleFile) -> Finding:
    card = file.card
    licences = sorted({style.licence for style in card.styles if style.licence})
    sources = f"; pictures: {', '.join(licences)}" if licences else ""
    text = f"{len(card.styles)} styles, net {card.licence}{sources}"
    facts = {
        "file": str(file.path),
        "sha256": file.sha256,
        "mib": round(len(file.data) / 2**20, 3),
        "licence": card.licence,
        "styles": {style.name: style.licence for style in card.styles},
    }
    return Finding(card.name, State.YES, text, facts=facts)
