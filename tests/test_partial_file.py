"""What a killed process left beside the file that it wrote is removed by the next one, and nothing else is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clips import write_clip
from repainting import repaint

from engines.errors import BadValue, FileMissing
from realtime.media.output_file import PartialFile

WRITING = """
import sys, time
from pathlib import Path
from realtime.media.output_file import PartialFile
partial = PartialFile(Path(sys.argv[1]))
partial.hold()
partial.path.write_bytes(b"half of it")  # as FFmpeg does, which opens the file anew
print(partial.path.name, flush=True)
time.sleep(60)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


@contextmanager
def writing(final: Path) -> Iterator[Path]:
    """The hidden file of a process that writes until the block ends, and is then killed."""
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(final)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield final.with_name(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def test_what_a_killed_process_left_is_removed_and_what_one_writes_is_not(tmp_path: Path) -> None:
    source, target = write_clip(tmp_path / "in.mkv"), tmp_path / "out.mkv"
    with writing(target) as theirs:
        repaint(source, target)
        assert theirs.read_bytes() == b"half of it"
    assert theirs.exists()
    repaint(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "out.mkv"]


def test_only_what_was_to_become_the_same_file_is_removed(tmp_path: Path) -> None:
    others = [".out.1.part.mp4", ".outer.1.part.mkv", ".out.mine.part.mkv", "out.1.part.mkv", ".out.1.part.mkv.txt"]
    for name in (*others, ".out.1.part.mkv"):
        (tmp_path / name).write_bytes(b"")
    partial = PartialFile(tmp_path / "out.mkv")
    partial.hold()
    partial.discard()
    assert {path.name for path in tmp_path.iterdir()} == set(others)


def test_two_in_one_process_leave_each_other_alone(tmp_path: Path) -> None:
    first, second = PartialFile(tmp_path / "out.mkv"), PartialFile(tmp_path / "out.mkv")
    first.hold()
    second.hold()
    assert first.path.exists()
    first.commit()
    assert (tmp_path / "out.mkv").exists()
    second.discard()


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "large_disk").mkdir()
    link, target = tmp_path / "out.mkv", tmp_path / "large_disk" / "film.mkv"
    link.symlink_to(target)
    for content in (b"new", b"newer"):
        partial = PartialFile(link)
        assert partial.path.parent == target.parent
        partial.path.write_bytes(content)
        partial.commit()
        assert link.is_symlink()
        assert target.read_bytes() == content
    lost = tmp_path / "lost.mkv"
    lost.symlink_to(tmp_path / "gone" / "film.mkv")
    with pytest.raises(FileMissing, match=r"there is no folder .*gone; create it first"):
        PartialFile(lost)


def test_a_pipe_and_what_leads_to_a_device_are_not_replaced(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.mkv", tmp_path / "link.mkv"
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    for path in (pipe, link, Path("/dev/null")):
        with pytest.raises(BadValue, match="is a device or a pipe and no file; name one, or -"):
            PartialFile(path)
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.parametrize("stem", ["a" * 251, "\N{HIRAGANA LETTER A}" * 83])
def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path, stem: str) -> None:
    final = tmp_path / f"{stem}.mkv"
    left = PartialFile(final).path.with_name(PartialFile(final).path.name.replace(str(os.getpid()), "1"))
    left.write_bytes(b"of a killed process")
    partial = PartialFile(final)
    partial.hold()
    partial.path.write_bytes(b"whole")
    partial.commit()
    assert [path.name for path in tmp_path.iterdir()] == [final.name]
