"""Compiled engines on disk, so that a second start is fast.

An entry is a JSON file, named after the hash of all that the engine depends on, and a blob beside it, named after its
own hash. Both appear under their names only when complete, and the JSON file last, so that two processes may write the
same entry at once. An entry that does not add up is an error (`DamagedEntryError`), never an engine.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from engines.spec import GateReport

ENTRIES_KEPT = 64
CACHE_VARIABLE = "IMPASTO_CACHE_DIR"


class DamagedEntryError(Exception):
    """A cache entry that cannot be used: truncated, altered, or not ours."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A compiled engine and the verdict on it; the blob is empty where there is nothing to keep."""

    blob: bytes
    gate: GateReport


def default_cache_folder() -> Path:
    """`engines` in $IMPASTO_CACHE_DIR or in the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen) / "engines"
    from platformdirs import user_cache_path

    return user_cache_path("impasto") / "engines"


class EngineCache:
    """The entries in one folder, which only its owner may read or write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, fields: Mapping[str, str]) -> CacheEntry | None:
        """The entry for these fields, None where there is none; DamagedEntryError or OSError where it is unusable."""
        sidecar = self.sidecar(fields)
        if not sidecar.exists():
            return None
        self._claim_folder()
        try:
            values = json.loads(sidecar.read_bytes())
            gate = GateReport(**{**values["gate"], "psnr_db": float(values["gate"]["psnr_db"])})
            digest = str(values["blob_sha256"])
            blob = self._blob(sidecar, digest).read_bytes()
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            raise DamagedEntryError(f"{sidecar.name} cannot be read ({type(error).__name__})") from error
        if values.get("fields") != dict(fields) or hashlib.sha256(blob).hexdigest() != digest:
            raise DamagedEntryError(f"{sidecar.name} does not match its own checksum")
        os.utime(sidecar)
        return CacheEntry(blob, gate)

    def store(self, fields: Mapping[str, str], entry: CacheEntry) -> None:
        """Writes or replaces the entry; OSError where the folder cannot be written."""
        self._claim_folder()
        sidecar, digest = self.sidecar(fields), hashlib.sha256(entry.blob).hexdigest()
        gate = {**asdict(entry.gate), "psnr_db": str(entry.gate.psnr_db)}
        values: dict[str, Any] = {"fields": dict(fields), "gate": gate, "blob_sha256": digest}
        blob = self._blob(sidecar, digest)
        self._write(blob, entry.blob)
        self._write(sidecar, json.dumps(values, indent=1).encode())
        self._remove_blobs(sidecar, keep=blob)
        self._remove_oldest()

    def sidecar(self, fields: Mapping[str, str]) -> Path:
        """Where the JSON file of these fields lies."""
        key = hashlib.sha256(json.dumps(dict(fields), sort_keys=True).encode()).hexdigest()
        return self.folder / f"{key[:32]}.json"

    def _blob(self, sidecar: Path, digest: str) -> Path:
        if not (len(digest) == 64 and digest.isalnum()):
            raise ValueError(f"{digest!r} is no checksum")
        return self.folder / f"{sidecar.stem}.{digest[:16]}.blob"

    def _claim_folder(self) -> None:
        """Makes the folder ours alone: a compiled engine from a stranger could do anything."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = self.folder.stat()
        if hasattr(os, "getuid") and state.st_uid != os.getuid():
            raise PermissionError(f"{self.folder} belongs to another user")
        if state.st_mode & 0o077:
            self.folder.chmod(0o700)

    def _write(self, path: Path, content: bytes) -> None:
        with NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as beside:
            try:
                beside.write(content)
                beside.close()
                os.replace(beside.name, path)
            except BaseException:
                os.unlink(beside.name)
                raise

    def _remove_blobs(self, sidecar: Path, *, keep: Path | None = None) -> None:
        for blob in self.folder.glob(f"{sidecar.stem}.*.blob"):
            if blob != keep:
                blob.unlink(missing_ok=True)

    def _remove_oldest(self) -> None:
        """Keeps the entries that were used last; another process may be removing the same ones."""
        with suppress(FileNotFoundError):
            by_age = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
            for sidecar in by_age[ENTRIES_KEPT:]:
                sidecar.unlink(missing_ok=True)
                self._remove_blobs(sidecar)
