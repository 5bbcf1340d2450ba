"""What is in the engine cache, what of it still fits this machine, and how the rest is removed."""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from engines.backends.registry import probe
from engines.cache.aids import DAY_SECONDS, remove_aids
from engines.cache.entry import EntryHeader
from engines.cache.fields import why_stale, why_without_style
from engines.cache.folder import EngineCache, StoredEntry
from engines.errors import FileError, ImpastoError
from engines.protocols import BackendState
from engines.style.fine_net import fine_net_of
from engines.style.styles import StyleFile, list_gallery
from engines.whole_file import is_left_over

MIB = 2**20


@dataclass(frozen=True, slots=True)
class KeptEngine:
    """An entry of the cache, and why it is of no use any more; "" where it is."""

    entry: StoredEntry
    problem: str

    @property
    def style(self) -> str:
        return self.entry.header.origin.style_name if self.entry.header else self.entry.path.name

    @property
    def fields(self) -> dict[str, str]:
        """What the engine depends on; empty where the entry cannot be trusted."""
        return dict(self.entry.header.fields) if self.entry.header else {}

    @property
    def being_written(self) -> bool:
        return self.entry.partial and not is_left_over(self.entry.used_at)

    def __str__(self) -> str:
        """`candy: openvino 2026.4.1 fp32 640x360`"""
        words = [self.fields[name] for name in ("backend", "version", "precision", "size") if name in self.fields]
        return f"{self.style}: {' '.join(words)}" if words else self.style

    def as_dict(self) -> dict[str, Any]:
        facts = {
            "entry": str(self.entry.path),
            "size_bytes": self.entry.size_bytes,
            "used_at": _as_iso(self.entry.used_at),
            "fits": not self.problem,
            "problem": self.problem,
        }
        header = self.entry.header
        if header is None:
            return facts
        origin = asdict(header.origin) | {"built_at": _as_iso(header.origin.built_at)}
        return facts | origin | {"fields": self.fields, "gate": asdict(header.gate)}


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was removed and why, what could not be, and how many engines are left.

    `aids_bytes` were kept by backends for the next builds.
    """

    removed: tuple[tuple[KeptEngine, str], ...]
    failed: tuple[tuple[KeptEngine, str], ...]
    kept: int
    aids_bytes: int = 0

    @property
    def freed_bytes(self) -> int:
        return self.aids_bytes + sum(engine.entry.size_bytes for engine, _ in self.removed)

    def summary(self) -> str:
        lines = [f"removed {engine}: {why}" for engine, why in self.removed]
        lines += [f"cannot remove {engine}: {why}" for engine, why in self.failed]
        if self.aids_bytes:
            lines.append(f"removed what was kept for faster builds: {self.aids_bytes / MIB:.1f} MiB")
        freed = f"{self.freed_bytes / MIB:.1f} MiB"
        return "\n".join([*lines, f"removed {len(self.removed)}, {freed} freed; kept {self.kept}"])

    def as_dict(self) -> dict[str, Any]:
        removed, failed = (
            [engine.as_dict() | {"why": why} for engine, why in engines] for engines in (self.removed, self.failed)
        )
        return {"removed": removed, "failed": failed, "kept": self.kept, "freed_bytes": self.freed_bytes}


def kept_engines(cache: EngineCache) -> list[KeptEngine]:
    """Every file of the cache, the one used last first. Each backend that built one of them is probed."""
    appraiser = _Appraiser()
    return [KeptEngine(entry, appraiser.problem(entry)) for entry in cache.entries()]


def prune(cache: EngineCache, *, older_than_days: float | None = None, everything: bool = False) -> PruneReport:
    """Remove what is of no use any more, what was refused, and what was not used for so many days; or everything.

    The last two go for what backends keep for the next builds, too.

    What another process is writing at this moment is left alone, unless everything is to go.
    """
    removed, failed, kept = [], [], 0
    for engine in kept_engines(cache):
        why = "everything goes" if everything else _why_to_remove(engine, older_than_days)
        if not why:
            kept += 1
            continue
        try:
            cache.remove(engine.entry)
            removed.append((engine, why))
        except OSError as error:
            failed.append((engine, error.strerror or str(error)))
    aids = _remove_aids(cache, older_than_days) if everything or older_than_days is not None else 0
    return PruneReport(tuple(removed), tuple(failed), kept, aids)


def _remove_aids(cache: EngineCache, older_than_days: float | None) -> int:
    """How many bytes that were."""
    try:
        return remove_aids(cache.aids_folder, older_than_days=older_than_days)
    except OSError as error:
        message = f"cannot remove {cache.aids_folder} ({error.strerror}); remove it by hand"
        raise FileError.told(message, error) from error


def _why_to_remove(engine: KeptEngine, older_than_days: float | None) -> str:
    if engine.being_written:
        return ""
    header = engine.entry.header
    if header is not None and not header.gate.passed:
        return "refused by the gate, and checked again when it is next asked for"
    unused_days = (time.time() - engine.entry.used_at) / DAY_SECONDS
    if not engine.problem and older_than_days is not None and unused_days > older_than_days:
        return f"not used for {unused_days:.0f} days"
    return engine.problem


class _Appraiser:
    """Says why an entry is of no use; what it needs to know of the machine it finds out once."""

    def __init__(self) -> None:
        self._states: dict[str, BackendState] = {}

    def problem(self, entry: StoredEntry) -> str:
        if entry.header is None:
            return entry.problem
        fields = entry.header.fields
        return why_stale(fields, self._state(fields.get("backend", ""))) or self._why_without_style(entry.header)

    def _state(self, backend: str) -> BackendState:
        if backend not in self._states:
            self._states[backend] = _state_of(backend)
        return self._states[backend]

    def _why_without_style(self, header: EntryHeader) -> str:
        """The gallery may have moved with the package."""
        why = why_without_style(header.origin.style_path, header.fields["style"])
        return "" if why and header.fields["style"] in self._gallery else why

    @cached_property
    def _gallery(self) -> set[str]:
        files = list_gallery()
        return {net.sha256 for file in files for net in (file, *_fine_nets(file))}


def _fine_nets(file: StyleFile) -> list[StyleFile]:
    """One or none; a damaged one has no engines of use."""
    try:
        fine = fine_net_of(file)
    except (ImpastoError, OSError):
        return []
    return [] if fine is None else [fine]


def _state_of(backend: str) -> BackendState:
    """A backend of another package may be gone."""
    try:
        return probe(backend)
    except ImpastoError:
        return BackendState(backend, False, f"there is no engine {backend!r} here now")


def _as_iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
