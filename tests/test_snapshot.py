"""Pictures of the moment: whole, in their colours, and never over another."""

from datetime import datetime
from pathlib import Path

import pytest
from small_styles import random_frame

from realtime.live.still import save_snapshot
from realtime.media.picture_file import read_picture

MOMENT = datetime(2026, 11, 21, 3, 45, 12)


def test_pictures_of_one_second_stand_side_by_side(tmp_path: Path) -> None:
    pictures = [random_frame(36, 64, seed) for seed in range(3)]
    paths = [save_snapshot(picture, tmp_path, MOMENT) for picture in pictures]
    names = ["impasto-20261121-034512.png", "impasto-20261121-034512-2.png", "impasto-20261121-034512-3.png"]
    assert [path.name for path in paths] == names
    assert all((read_picture(path).rgb == picture).all() for path, picture in zip(paths, pictures, strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_snapshot(random_frame(16, 16), tmp_path / "none", MOMENT)
