"""Folders to write into: made where they are missing, and refused where something else stands there."""

from pathlib import Path

from engines.errors import BadValue


def make_folder(folder: Path, called: str, *, or_else: str = "") -> None:
    """Make the folder, and those above it, unless it is there.

    BadValue where a file, a device or a pipe has its name; OSError where it cannot be made. It is `called` so on the
    command line, as "--out", and `or_else` is what may be named besides folders.
    """
    if folder.exists() and not folder.is_dir():
        what = "a file" if folder.is_file() else "a device or a pipe"
        raise BadValue(f"{called} {folder} is {what} and no folder; name a folder{or_else}")
    folder.mkdir(parents=True, exist_ok=True)
