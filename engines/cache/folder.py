"""Compiled engines on disk, so that a second start is fast.

An entry is one file, named after the hash of all that the engine depends on, and signed (entry.py) with a key
that this user alone can read (user_key.py): a compiled engine is code. It appears under its name only when
complete, so that two processes may write the same entry at once. An entry that is damaged, or that this user did not
write here, is an error (`EntryRefused`), never an engine.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engines.cache.entry import CacheEntry, EntryHeader, EntryRefused, pack_entry, read_entry, read_header
from engines.cache.user_key import (
    CAREFULLY,
    OTHERS,
    WRITABLE_BY_OTHERS,
    find_user_key,
    is_ours,
    is_plain_and_ours,
    make_user_key,
)
from engines.whole_file import PART_SUFFIX, remove_left_parts, remove_parts_of, write_whole

__all__ = ["CacheEntry", "EngineCache", "EntryRefused", "StoredEntry", "default_cache_folder", "default_key_path"]

ENTRIES_KEPT = 64
SUFFIX = ".engine"
AIDS_NAME = "aids"
KEY_NAME = "engine-cache.key"
CACHE_VARIABLE = "IMPASTO_CACHE_DIR"


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A file in the cache: its size, when it was last used (Unix seconds), and its header or why it is refused."""

    path: Path
    size_bytes: int
    used_at: float
    header: EntryHeader | None
    problem: str = ""

    @property
    def partial(self) -> bool:
        return self.path.suffix == PART_SUFFIX


def default_cache_folder() -> Path:
    """`engines` in $IMPASTO_CACHE_DIR or in the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen) / "engines"
    from platformdirs import user_cache_path

    return user_cache_path("impasto") / "engines"


def default_key_path() -> Path:
    """In $IMPASTO_CACHE_DIR, or in the user's data folder: caches are emptied and copied about, data is not."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen) / KEY_NAME
    from platformdirs import user_data_path

    return user_data_path("impasto") / KEY_NAME


class EngineCache:
    """The entries in one folder, which only its owner may read or write."""

    def __init__(self, folder: Path, key_path: Path | None = None) -> None:
        self.folder = folder
        self._key_path = key_path or default_key_path()

    def load(self, fields: Mapping[str, str]) -> CacheEntry | None:
        """The entry for these fields, None where there is none; EntryRefused or OSError where it is unusable."""
        path = self.path_of(fields)
        with suppress(FileNotFoundError, NotADirectoryError), self._opened(path) as file:
            with suppress(OSError, TypeError, NotImplementedError):  # only tells which entries were used last
                os.utime(file.fileno())
            return read_entry(file, path.name, self._key(path), fields)
        return None

    def store(self, fields: Mapping[str, str], entry: CacheEntry) -> None:
        """Writes or replaces the entry; OSError where the folder or the user's key cannot be written."""
        self.claim_folder()
        packed = pack_entry(fields, entry, make_user_key(self._key_path))
        write_whole(self.path_of(fields), packed, private=True)
        self._remove_surplus()

    def path_of(self, fields: Mapping[str, str]) -> Path:
        """Where the entry of these fields lies."""
        key = hashlib.sha256(json.dumps(dict(fields), sort_keys=True).encode()).hexdigest()
        return self.folder / f"{key[:32]}{SUFFIX}"

    def entries(self) -> list[StoredEntry]:
        """Every file of the cache, the one used last first; the engines themselves are not read."""
        with suppress(FileNotFoundError, NotADirectoryError):
            found = [entry for path in self.folder.iterdir() if (entry := self._describe(path)) is not None]
            return sorted(found, key=lambda entry: entry.used_at, reverse=True)
        return []

    @property
    def aids_folder(self) -> Path:
        """Where backends keep what makes the next build faster (engines/cache/aids.py); made by them."""
        return self.folder / AIDS_NAME

    def find(self, wanted: Callable[[EntryHeader], bool]) -> list[EntryHeader]:
        """The headers of the entries that are wanted, the one used last first; none where the folder is unreadable."""
        with suppress(OSError):
            return [entry.header for entry in self.entries() if entry.header is not None and wanted(entry.header)]
        return []

    def remove(self, entry: StoredEntry) -> None:
        """Another process may have removed it; OSError where it cannot be."""
        entry.path.unlink(missing_ok=True)

    def remove_partial_of(self, process: int) -> None:
        """What a process that was ended has not finished writing."""
        remove_parts_of(process, self.folder)

    def claim_folder(self) -> None:
        """Makes the folder ours alone; OSError where that cannot be."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_ours(self.folder.stat(), forbidden=0):
            raise PermissionError(f"{self.folder} belongs to another user")
        if not is_ours(self.folder.stat(), forbidden=OTHERS):
            self.folder.chmod(0o700)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[IO[bytes]]:
        """The file, where nobody but this user can have put it there."""
        if not is_ours(self.folder.stat(), forbidden=WRITABLE_BY_OTHERS):
            raise EntryRefused(f"{self.folder} is another user's, or others may write there")
        if path.is_symlink():
            raise EntryRefused(f"{path.name} is a link to another file")
        with open(os.open(path, CAREFULLY), "rb") as file:
            if not is_plain_and_ours(os.fstat(file.fileno()), forbidden=WRITABLE_BY_OTHERS):
                raise EntryRefused(f"{path.name} is no plain file of this user's, or others may write it")
            yield file

    def _key(self, path: Path) -> bytes:
        key = find_user_key(self._key_path)
        if key is None:
            raise EntryRefused(f"{path.name} cannot be checked: there is no key of this user's in {self._key_path}")
        return key

    def _describe(self, path: Path) -> StoredEntry | None:
        """None for what is no entry, and for what has just been removed."""
        with suppress(FileNotFoundError):
            state = path.lstat()
            if path.suffix == PART_SUFFIX:
                return StoredEntry(path, state.st_size, state.st_mtime, None, "half written")
            if path.suffix == SUFFIX:
                return self._inspect(path, state)
        return None

    def _inspect(self, path: Path, state: os.stat_result) -> StoredEntry:
        header, problem = None, ""
        try:
            with self._opened(path) as file:
                header = read_header(file, path.name, self._key(path))
            if self.path_of(header.fields) != path:
                header, problem = None, "not under its own name"
            elif state.st_size < header.blob_bytes:
                header, problem = None, "its end is missing"
        except FileNotFoundError:
            raise
        except (EntryRefused, OSError) as error:
            problem = str(error)
        return StoredEntry(path, state.st_size, state.st_mtime, header, problem)

    def _remove_surplus(self) -> None:
        """Keeps the entries that were used last; another process may be removing the same ones."""
        with suppress(FileNotFoundError):
            by_age = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.lstat().st_mtime, reverse=True)
            for path in by_age[ENTRIES_KEPT:]:
                path.unlink(missing_ok=True)
        remove_left_parts(self.folder)
