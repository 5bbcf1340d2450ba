"""What backends keep for the next build: private, left alone where others may write, bounded, removed when old."""

import os
import time
from pathlib import Path

from engines.cache.aids import DAY_SECONDS, aids_bytes, read_aid, remove_aids, write_aid


def age(path: Path, days: float) -> None:
    used_at = time.time() - days * DAY_SECONDS
    os.utime(path, (used_at, used_at))


def test_what_others_may_write_to_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "some.timing"
    assert read_aid(path) == b""
    write_aid(path, b"timings")
    assert path.stat().st_mode & 0o077 == 0
    assert read_aid(path) == b"timings"
    path.chmod(0o622)
    assert read_aid(path) == b""
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    assert read_aid(tmp_path / "link") == b""
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_those_used_last_are_kept(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.npz" for name in "abc"]
    for days, path in zip((3, 2, 1), paths, strict=True):
        write_aid(path, b"net", most=3)
        age(path, days)
    (tmp_path / "some.timing").touch()
    assert read_aid(paths[0]) == b"net"  # which makes it young
    write_aid(tmp_path / "d.npz", b"net", most=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "d.npz", "some.timing"]


def test_what_was_not_used_for_so_long_goes_or_all_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "aids"
    for name, days in (("int8/old.npz", 9.0), ("int8/young.npz", 1.0), ("some.timing", 9.0)):
        write_aid(folder / name, bytes(1000))
        age(folder / name, days)
    assert aids_bytes(folder) == 3000
    assert remove_aids(folder, older_than_days=5) == 2000
    assert [path.name for path in folder.rglob("*.*")] == ["young.npz"]
    assert remove_aids(folder) == 1000
    assert (folder.exists(), aids_bytes(folder), remove_aids(folder)) == (False, 0, 0)
