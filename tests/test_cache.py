"""The engine cache: what was stored is found, damage is seen, half-written files go, two processes may share it."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_damage import DAMAGES, entry_in, flip_a_bit_of_the_engine

import engines.cache.folder
from engines.cache.entry import EntryHeader, Origin
from engines.cache.folder import CacheEntry, EngineCache, EntryRefused, default_cache_folder, default_key_path
from engines.spec import GateCheck, GateReport

ROOT = Path(__file__).parents[1]
FIELDS = {"style": "abc", "size": "64x48"}
GATE = GateReport("a reference", 61.5, 50.0, True, 5)
ENTRY = CacheEntry(b"compiled\n" * 1000, GATE, Origin("small", "/styles/small.onnx", 1e9, 2.5))


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


def test_what_was_stored_is_found(cache: EngineCache) -> None:
    assert cache.load(FIELDS) is None
    cache.store(FIELDS, ENTRY)
    assert cache.load(FIELDS) == ENTRY


def test_equal_pictures_are_an_infinite_figure_that_is_kept(cache: EngineCache) -> None:
    checks = (GateCheck("dark", "waves", 48, 64, 1.0, 0.5, float("inf"), 0),)
    entry = CacheEntry(b"", GateReport("a reference", float("inf"), 50.0, True, 5, checks=checks))
    cache.store(FIELDS, entry)
    assert cache.load(FIELDS) == entry


def test_a_path_of_any_bytes_is_kept(cache: EngineCache) -> None:
    entry = CacheEntry(b"", GATE, Origin("small", os.fsdecode(b"/styles/\xff.onnx")))
    cache.store(FIELDS, entry)
    assert cache.load(FIELDS) == entry


def test_other_fields_are_another_entry(cache: EngineCache) -> None:
    cache.store(FIELDS, ENTRY)
    assert cache.load({**FIELDS, "size": "48x64"}) is None


def test_storing_again_leaves_one_entry(cache: EngineCache) -> None:
    cache.store(FIELDS, ENTRY)
    newer = CacheEntry(b"newer", GATE)
    cache.store(FIELDS, newer)
    assert cache.load(FIELDS) == newer
    assert len(list(cache.folder.iterdir())) == 1


def test_the_folder_is_its_owners_alone(cache: EngineCache) -> None:
    cache.folder.mkdir(mode=0o755)
    cache.store(FIELDS, ENTRY)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry_in(cache).stat().st_mode) == 0o600


def test_the_oldest_entries_make_room(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.cache.folder, "ENTRIES_KEPT", 2)
    for number in range(4):
        cache.store({"number": str(number)}, ENTRY)
        os.utime(cache.path_of({"number": str(number)}), (number, number))
        cache.load({"number": "0"})  # which makes it the last to be used
    cache.store({"number": "4"}, ENTRY)
    assert sorted(header.fields["number"] for header in cache.find(lambda header: True)) == ["0", "4"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_an_error_and_can_be_replaced(
    cache: EngineCache, damage: Callable[[EngineCache], None]
) -> None:
    cache.store(FIELDS, ENTRY)
    damage(cache)
    with pytest.raises(EntryRefused):
        cache.load(FIELDS)
    cache.store(FIELDS, ENTRY)
    assert cache.load(FIELDS) == ENTRY


def test_entries_are_listed_with_all_that_they_say_of_themselves(cache: EngineCache) -> None:
    assert cache.entries() == []
    cache.store(FIELDS, ENTRY)
    os.utime(cache.path_of(FIELDS), (5e8, 5e8))
    cache.store({"size": "1x1"}, CacheEntry(b"", GATE))
    newer, older = cache.entries()
    assert (older.used_at, older.size_bytes) == (5e8, older.path.stat().st_size)
    assert newer.used_at > older.used_at
    assert older.header is not None
    assert (older.header.fields, older.header.gate, older.header.origin) == (FIELDS, GATE, ENTRY.origin)
    assert older.header.blob_bytes == len(ENTRY.blob)
    assert older.problem == ""


def test_a_list_reads_no_engine(cache: EngineCache) -> None:
    """A bit of the engine is wrong, which only reading it can tell."""
    cache.store(FIELDS, ENTRY)
    flip_a_bit_of_the_engine(cache)
    assert cache.entries()[0].problem == ""
    with pytest.raises(EntryRefused, match="its engine is not the one that was written"):
        cache.load(FIELDS)


def test_a_list_tells_what_cannot_be_used(cache: EngineCache) -> None:
    cache.store(FIELDS, ENTRY)
    cache.path_of(FIELDS).rename(cache.folder / "0123.engine")
    cache.store(FIELDS, ENTRY)
    cache.path_of(FIELDS).write_bytes(cache.path_of(FIELDS).read_bytes()[:-4000])
    (cache.folder / "4567.engine").write_bytes(b"\n\n")
    (cache.folder / "12-ab.part").write_bytes(b"begun")
    (cache.folder / "timing.cache").touch()
    problems = {entry.path.name: entry.problem for entry in cache.entries()}
    assert all(entry.header is None for entry in cache.entries())
    assert problems == {
        "0123.engine": "not under its own name",
        cache.path_of(FIELDS).name: "its end is missing",
        "4567.engine": "4567.engine is damaged, or was not written here by this user",
        "12-ab.part": "half written",
    }


def test_entries_are_found_by_what_they_say(cache: EngineCache) -> None:
    for size in ("64x48", "640x360"):
        cache.store({**FIELDS, "size": size}, ENTRY)

    def is_small(header: EntryHeader) -> bool:
        return header.fields["size"] == "64x48"

    assert [header.fields["size"] for header in cache.find(is_small)] == ["64x48"]


STOP_WHILE_WRITING = """
import os, sys
from pathlib import Path
from engines.cache.folder import CacheEntry, EngineCache
from engines.spec import GateReport

def replace(*_):
    print("written", flush=True)
    sys.stdin.read()

os.replace = replace
EngineCache(Path(sys.argv[1])).store({"killed": "early"}, CacheEntry(b"x" * 9999, GateReport("", 61.5, 50.0, True, 5)))
"""


def kill_while_writing(cache: EngineCache) -> tuple[Path, int]:
    """What is left of an entry by a process that was killed, and which process that was."""
    command = [sys.executable, "-c", STOP_WHILE_WRITING, str(cache.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    return entry_in(cache), process.pid


def test_what_was_killed_while_writing_is_no_entry_and_goes_after_a_while(cache: EngineCache) -> None:
    cache.store({"a": "key"}, ENTRY)
    entry_in(cache).unlink()
    partial, _ = kill_while_writing(cache)
    assert partial.suffix == ".part"
    assert cache.load({"killed": "early"}) is None
    cache.store(FIELDS, ENTRY)
    assert partial.exists()  # it may still be written
    long_ago = time.time() - 3600
    os.utime(partial, (long_ago, long_ago))
    cache.store(FIELDS, ENTRY)
    assert entry_in(cache) == cache.path_of(FIELDS)


def test_who_ends_a_process_can_remove_what_it_was_writing(cache: EngineCache) -> None:
    cache.store({"a": "key"}, ENTRY)
    entry_in(cache).unlink()
    partial, process = kill_while_writing(cache)
    cache.remove_partial_of(process + 1)
    assert partial.exists()
    cache.remove_partial_of(process)
    assert not partial.exists()


WRITE_AND_READ = """
import os, sys
from pathlib import Path
from engines.cache.folder import CacheEntry, EngineCache
from engines.spec import GateReport
cache = EngineCache(Path(sys.argv[1]))
gate = GateReport("a reference", 61.5, 50.0, True, 5)
for number in range(200):
    cache.store({"shared": "entry"}, CacheEntry(os.urandom(15) * 999, gate))
    assert cache.load({"shared": "entry"}) is not None
"""


def test_two_processes_write_the_same_entry(cache: EngineCache, tmp_path: Path) -> None:
    """And begin with no key."""
    command = [sys.executable, "-c", WRITE_AND_READ, str(cache.folder)]
    alone = {**os.environ, "IMPASTO_CACHE_DIR": str(tmp_path)}
    running = [subprocess.Popen(command, cwd=ROOT, env=alone, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in running] == ["", ""]
    assert len(list(cache.folder.iterdir())) == 1


def test_the_folder_and_the_key_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    assert (default_cache_folder(), default_key_path()) == (tmp_path / "engines", tmp_path / "engine-cache.key")
    monkeypatch.delenv("IMPASTO_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_cache_folder() == tmp_path / "cache" / "impasto" / "engines"
    assert default_key_path() == tmp_path / "data" / "impasto" / "engine-cache.key"
