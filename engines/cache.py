"""Compiled engines on disk, so that a second start is fast.

An entry is one file, named after the hash of all that the engine depends on: a checksum of what follows, a line of JSON
with the verdict, and the engine. It appears under its name only when complete, so that two processes may write the same
entry at once. An entry that does not add up is an error (`DamagedEntryError`), never an engine.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from engines.spec import GateReport

ENTRIES_KEPT = 64
SUFFIX = ".engine"
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
        path = self.path_of(fields)
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        self._claim_folder()
        with suppress(OSError):  # only tells which entries were used last
            os.utime(path)
        return _unpack(path.name, content, fields)

    def store(self, fields: Mapping[str, str], entry: CacheEntry) -> None:
        """Writes or replaces the entry; OSError where the folder cannot be written."""
        self._claim_folder()
        self._write(self.path_of(fields), _pack(fields, entry))
        self._remove_oldest()

    def path_of(self, fields: Mapping[str, str]) -> Path:
        """Where the entry of these fields lies."""
        key = hashlib.sha256(json.dumps(dict(fields), sort_keys=True).encode()).hexdigest()
        return self.folder / f"{key[:32]}{SUFFIX}"

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

    def _remove_oldest(self) -> None:
        """Keeps the entries that were used last; another process may be removing the same ones."""
        with suppress(FileNotFoundError):
            by_age = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in by_age[ENTRIES_KEPT:]:
                path.unlink(missing_ok=True)


def _pack(fields: Mapping[str, str], entry: CacheEntry) -> bytes:
    content = json.dumps({"fields": dict(fields), "gate": entry.gate.to_dict()}).encode() + b"\n" + entry.blob
    return _checksum(content) + b"\n" + content


def _unpack(name: str, packed: bytes, fields: Mapping[str, str]) -> CacheEntry:
    checksum, _, content = packed.partition(b"\n")
    if checksum != _checksum(content):
        raise DamagedEntryError(f"{name} does not match its own checksum")
    header, _, blob = content.partition(b"\n")
    try:
        values = json.loads(header)
        gate = GateReport.from_dict(values["gate"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedEntryError(f"{name} cannot be read ({type(error).__name__})") from error
    if values.get("fields") != dict(fields):
        raise DamagedEntryError(f"{name} is of another engine")
    return CacheEntry(blob, gate)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
