"""Key frames in a folder: `shot-1.png` as it came, and `shot-1-painted.png`, by whoever painted it."""

from pathlib import Path

from engines.errors import BadFile, FileMissing
from realtime.frames.frame import Pixels
from realtime.media.output_folder import make_folder
from realtime.media.picture_file import Picture, encode_picture, read_picture, resize, write_whole

SUFFIX = ".png"
KINDS = (SUFFIX, ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
MOST_ASPECT_OFF = 0.02


class KeyFolder:
    """The folder, made where it is not there; OSError where that cannot be, BadValue where it is a file."""

    def __init__(self, path: Path) -> None:
        make_folder(path, "--keyframes", or_else=", which is made where it is not there, or auto")
        self._path = path

    def painted(self, shot: int, photo: Pixels) -> Pixels | None:
        """What was painted last of the shot's first frame, at its size; None where nothing is.

        BadFile where it is no picture, or one of another shape.
        """
        known = [path for kind in KINDS if (path := self._named(shot, f"-painted{kind}")).exists()]
        if not known:
            return None
        found = max(known, key=lambda path: path.stat().st_mtime_ns)
        pixels, (height, width) = read_picture(found).rgb, photo.shape[:2]
        if abs(pixels.shape[1] * height / (pixels.shape[0] * width) - 1) > MOST_ASPECT_OFF:
            raise BadFile(
                f"{found} is {pixels.shape[1]}x{pixels.shape[0]} and the video {width}x{height}; paint the whole frame"
            )
        return pixels if pixels.shape == photo.shape else resize(pixels, (width, height))

    def left_to_paint(self, shot: int, seconds: float, photo: Pixels) -> FileMissing:
        """What is told of a shot of which nothing is painted, when its frame lies here."""
        frame = self._write(shot, SUFFIX, photo)
        return FileMissing(
            f"shot {shot}, at {seconds:.2f} s, is not painted; its first frame is {frame}: paint that as "
            f"{self._named(shot, f'-painted{SUFFIX}').name}, or give --style-image PICTURE"
        )

    def keep(self, shot: int, photo: Pixels, painting: Pixels) -> None:
        """Both, for next time or for somebody to paint over."""
        self._write(shot, SUFFIX, photo)
        self._write(shot, f"-painted{SUFFIX}", painting)

    def _write(self, shot: int, ending: str, pixels: Pixels) -> Path:
        path = self._named(shot, ending)
        write_whole(path, encode_picture(Picture(pixels), SUFFIX))
        return path

    def _named(self, shot: int, ending: str) -> Path:
        return self._path / f"shot-{shot}{ending}"
