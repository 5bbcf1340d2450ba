"""Pictures of the moment, saved where a person asks for one."""

from datetime import datetime
from pathlib import Path

from realtime.frames.frame import Pixels
from realtime.media.output_file import fresh_name
from realtime.media.picture_file import Picture, encode_picture, write_whole

SUFFIX = ".png"


def save_snapshot(pixels: Pixels, folder: Path, now: datetime) -> Path:
    """Write (H, W, 3) uint8 RGB as `impasto-20261121-034512.png`, numbered where that second has one; its path.

    FileNotFoundError where the folder is missing, OSError where it cannot be written.
    """
    encoded = encode_picture(Picture(pixels), SUFFIX)
    while True:
        path = fresh_name(folder, SUFFIX, now)
        try:
            write_whole(path, encoded, overwrite=False)
        except FileExistsError:  # another run took the name meanwhile
            continue
        return path
