"""The user's key: made once, whoever needs it first, and worth something only while nobody else can know it."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.cache.user_key import KEY_BYTES, find_user_key, make_user_key

ROOT = Path(__file__).parents[1]
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "impasto" / "key"


def test_there_is_none_until_one_is_made(path: Path) -> None:
    assert find_user_key(path) is None
    key = make_user_key(path)
    assert len(key) == KEY_BYTES
    assert find_user_key(path) == make_user_key(path) == key


def test_it_is_its_users_alone(path: Path) -> None:
    make_user_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_no_two_are_alike(tmp_path: Path) -> None:
    assert make_user_key(tmp_path / "one") != make_user_key(tmp_path / "two")


def show(path: Path) -> None:
    path.chmod(0o640)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, NOBODY, NOBODY)


@pytest.mark.parametrize("harm", [show, shorten, lengthen, link, give_away])
def test_one_that_others_may_know_is_replaced(path: Path, harm: Callable[[Path], None]) -> None:
    before = make_user_key(path)
    harm(path)
    assert find_user_key(path) is None
    after = make_user_key(path)
    assert after != before
    assert find_user_key(path) == after


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        make_user_key(tmp_path / "file" / "key")


MAKE = """
import sys
from pathlib import Path
from engines.cache.user_key import make_user_key
sys.stdin.readline()
print(make_user_key(Path(sys.argv[1])).hex())
"""


@pytest.mark.parametrize("before", [None, b"too short"])
def test_processes_that_make_it_at_once_have_the_same(path: Path, before: bytes | None) -> None:
    if before is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(before)
    command = [sys.executable, "-c", MAKE, str(path)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(6)]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=60)[0] for process in running}
    assert keys == {f"{make_user_key(path).hex()}\n"}
