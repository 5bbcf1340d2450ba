from datetime import datetime
from pathlib import Path

from realtime.media.output_file import beside, fresh_name

NOW = datetime(2026, 11, 21, 3, 45, 12)


def test_a_fresh_name_tells_the_time(tmp_path: Path) -> None:
    assert fresh_name(tmp_path, ".mkv", NOW) == tmp_path / "impasto-20261121-034512.mkv"


def test_two_files_of_one_second_have_two_names(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        names.append(fresh_name(tmp_path, ".png", NOW))
        names[-1].touch()
    assert [name.name for name in names] == [f"impasto-20261121-034512{end}.png" for end in ("", "-2", "-3")]


def test_a_free_name_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out.mkv").touch()
    assert beside(tmp_path / "out.mp4") == tmp_path / "out.mp4"


def test_a_taken_name_is_numbered_past_every_file(tmp_path: Path) -> None:
    for name in ("out.mp4", "out-2.mp4", "out-4.mp4"):
        (tmp_path / name).touch()
    assert beside(tmp_path / "out.mp4") == tmp_path / "out-3.mp4"


def test_a_link_that_leads_nowhere_is_no_free_name(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    assert beside(tmp_path / "out.mp4") == tmp_path / "out-2.mp4"
