"""HLS on this machine: which playlist an address means, and where its segments lie."""

import re
from pathlib import Path

from engines.errors import ImpastoError
from realtime.live.schemes import PLAYLIST

COUNTED = re.compile(r"%[\dd]")
DEFAULT_PLAYLIST = "stream.m3u8"
URL_SIGNS = str.maketrans(":%", "--")  # a player would read a name with them as an address


def playlist_path(address: str) -> Path:
    """Of `hls:FOLDER`, `hls:PATH` or the path of a playlist."""
    path = Path(address.removeprefix("hls:") or ".")
    return path if path.name.lower().endswith(PLAYLIST) else path / DEFAULT_PLAYLIST


def segment_pattern(playlist: Path) -> Path:
    """The segments beside a playlist, as FFmpeg counts them; ImpastoError where it would count in the folder's name."""
    if COUNTED.search(str(playlist.parent)):
        raise ImpastoError(f"{playlist.parent} has a % that FFmpeg would count at; name another folder for HLS")
    return playlist.parent / f"{playlist.stem.translate(URL_SIGNS)}-%d.ts"
