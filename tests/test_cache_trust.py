"""A compiled engine is code: no entry is used that this user did not write here, and nobody else can have touched."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_damage import entry_in

from engines.cache.folder import CacheEntry, EngineCache, EntryRefused
from engines.spec import GateReport

FIELDS = {"style": "abc", "size": "64x48"}
ENTRY = CacheEntry(b"compiled", GateReport("a reference", 61.5, 50.0, True, 5))
NOBODY = 65534


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    """With one entry."""
    made = EngineCache(tmp_path / "engines", tmp_path / "key")
    made.store(FIELDS, ENTRY)
    return made


def copy_from_another_user(cache: EngineCache) -> None:
    """Whose key is another, of course."""
    theirs = EngineCache(cache.folder.parent / "theirs", cache.folder.parent / "their key")
    theirs.store(FIELDS, CacheEntry(b"harm", ENTRY.gate))
    shutil.copy(entry_in(theirs), entry_in(cache))


def lose_the_key(cache: EngineCache) -> None:
    (cache.folder.parent / "key").unlink()


def show_the_key(cache: EngineCache) -> None:
    (cache.folder.parent / "key").chmod(0o644)


def link_to_another_file(cache: EngineCache) -> None:
    """To one that would do in its place."""
    path = entry_in(cache)
    path.rename(cache.folder.parent / "elsewhere")
    path.symlink_to(cache.folder.parent / "elsewhere")


def link_to_nowhere(cache: EngineCache) -> None:
    path = entry_in(cache)
    path.unlink()
    path.symlink_to("nowhere")


def put_a_pipe(cache: EngineCache) -> None:
    """Opening one to read waits for somebody to write."""
    path = entry_in(cache)
    path.unlink()
    os.mkfifo(path)


def let_others_write_the_file(cache: EngineCache) -> None:
    entry_in(cache).chmod(0o622)


def let_others_write_the_folder(cache: EngineCache) -> None:
    cache.folder.chmod(0o777)


def give_the_file_away(cache: EngineCache) -> None:
    _give_away(entry_in(cache))


def give_the_folder_away(cache: EngineCache) -> None:
    _give_away(cache.folder)


def _give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, NOBODY, NOBODY)


MENDED = [
    (copy_from_another_user, "was not written here by this user"),
    (lose_the_key, "there is no key of this user's in"),
    (show_the_key, "there is no key of this user's in"),
    (link_to_another_file, "is a link to another file"),
    (link_to_nowhere, "is a link to another file"),
    (put_a_pipe, "is no plain file of this user's"),
    (let_others_write_the_file, "or others may write it"),
    (let_others_write_the_folder, "or others may write there"),
    (give_the_file_away, "is no plain file of this user's"),
]


@pytest.mark.parametrize(("harm", "reason"), MENDED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_others_may_have_written_is_refused_and_replaced(
    cache: EngineCache, harm: Callable[[EngineCache], None], reason: str
) -> None:
    harm(cache)
    with pytest.raises(EntryRefused, match=reason):
        cache.load(FIELDS)
    assert [(entry.header, reason in entry.problem) for entry in cache.entries()] == [(None, True)]
    cache.store(FIELDS, ENTRY)
    assert cache.load(FIELDS) == ENTRY
    assert stat.S_ISREG(entry_in(cache).lstat().st_mode)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_what_a_link_led_to_is_left_alone(cache: EngineCache, tmp_path: Path) -> None:
    link_to_another_file(cache)
    before = (tmp_path / "elsewhere").read_bytes()
    cache.store(FIELDS, CacheEntry(b"newer", ENTRY.gate))
    assert (tmp_path / "elsewhere").read_bytes() == before


def test_nothing_is_kept_in_a_folder_of_another_user(cache: EngineCache) -> None:
    give_the_folder_away(cache)
    with pytest.raises(EntryRefused, match="is another user's"):
        cache.load(FIELDS)
    with pytest.raises(PermissionError, match="belongs to another user"):
        cache.store(FIELDS, ENTRY)


def test_an_entry_of_ours_is_ours_under_its_own_name_alone(cache: EngineCache) -> None:
    shutil.copy(entry_in(cache), cache.path_of({"other": "fields"}))
    with pytest.raises(EntryRefused, match="is of another engine"):
        cache.load({"other": "fields"})


def test_a_folder_may_be_reached_by_a_link(cache: EngineCache, tmp_path: Path) -> None:
    """Many a home's cache lies on another disk."""
    (tmp_path / "link").symlink_to(cache.folder)
    assert EngineCache(tmp_path / "link", tmp_path / "key").load(FIELDS) == ENTRY
