"""Files that are there whole or not at all: what is beside them, who may read them, and what killed writers leave."""

import os
import time
from pathlib import Path

import pytest

from engines.whole_file import part_of, remove_left_parts, remove_parts_of, write_whole


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a [b].onnx"
    for content in (b"before", b"after"):
        write_whole(path, content, lasting=True)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("private", "permissions"), [(True, 0o600), (False, 0o640)])
def test_a_private_file_is_ours_alone(tmp_path: Path, private: bool, permissions: int) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", b"", private=private)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == permissions


def test_what_fails_leaves_nothing_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_whole(path, b"content")
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_process_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with part_of(path) as one, part_of(path) as other:
        assert one != other


def test_what_a_killed_writer_left_goes_with_the_next_file_of_that_name(tmp_path: Path) -> None:
    left, of_another, young = (tmp_path / f".{name}.12-ab.part" for name in ("a", "b", "c"))
    for path in (left, of_another, young):
        path.touch()
    long_ago = time.time() - 3600
    for path in (left, of_another):
        os.utime(path, (long_ago, long_ago))
    write_whole(tmp_path / "a", b"")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a", of_another, young])
    remove_left_parts(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a", young])


def test_who_ends_a_process_removes_its_parts_alone(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    ours, below, others = tmp_path / ".a.12-ab.part", tmp_path / "below" / ".b.12-cd.part", tmp_path / ".c.112-ef.part"
    for path in (ours, below, others):
        path.touch()
    remove_parts_of(12, tmp_path)
    assert (ours.exists(), below.exists(), others.exists()) == (False, False, True)


def test_a_name_as_long_as_any(tmp_path: Path) -> None:
    """What is written beside has another end, for which the name has no room."""
    path = tmp_path / ("ü" * 125 + ".onnx")
    path.with_name(f".{'ü' * 10}").touch()
    write_whole(path, b"all")
    assert path.read_bytes() == b"all"
    assert len(list(tmp_path.iterdir())) == 2
