"""What is to be built for what a person asked: one engine for each style file, size and use.

An engine is found again by exactly what it was built for (engines/cache_fields.py). So the engines built here are asked
for in the words in which `impasto live` and `impasto video` will ask for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engines.engine import EngineChoice
from engines.errors import ImpastoError
from engines.spec import Calibration, SizeRange
from engines.style import StyleFile, resolve
from realtime.calibration import calibrate_on_video
from realtime.compiling.options import USUAL_SIZE, CompileOptions, Size, SizeSpan
from realtime.painting import FILE_REQUESTS

LIVE_REQUESTS = 1
USES = {LIVE_REQUESTS: "live, image", FILE_REQUESTS: "video"}


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """One engine to build: of this style file, for pictures of this size in pixels, of this kind."""

    file: StyleFile
    width: int
    height: int
    choice: EngineChoice

    @property
    def uses(self) -> str:
        """The commands that will take it."""
        return USES.get(self.choice.requests, f"{self.choice.requests} frames at once")

    def __str__(self) -> str:
        """`candy 640x360 for video`"""
        return f"{self.file.card.name} {self.choice.size_range or f'{self.width}x{self.height}'} for {self.uses}"


def builds_for(options: CompileOptions) -> list[Build]:
    """All of them; ImpastoError or FileNotFoundError where a style or the clip to calibrate on cannot be had."""
    files = {file.sha256: file for file, _ in map(resolve, options.styles)}
    calibration = None if options.calibrate is None else _calibration(options.calibrate)
    kinds = [(size, choice) for size in _sizes(options) for choice in _choices(options, calibration)]
    return [Build(file, *size, choice) for file in files.values() for size, choice in kinds]


def _sizes(options: CompileOptions) -> tuple[Size, ...]:
    """Without repetition; an engine for a range is tuned for one size in it."""
    if options.size_range is None:
        return tuple(dict.fromkeys(options.sizes))
    usual = USUAL_SIZE[::-1] in _range(options.size_range)
    return (USUAL_SIZE,) if usual else (options.size_range.most,)


def _choices(options: CompileOptions, calibration: Calibration | None) -> Iterator[EngineChoice]:
    """One for each use."""
    size_range = None if options.size_range is None else _range(options.size_range)
    for requests in USES if options.requests is None else (options.requests,):
        yield EngineChoice(
            options.engine, options.precision, options.strict, requests, options.threads, options.pinned, options.mode,
            size_range, calibration,
        )  # fmt: skip


def _calibration(clip: Path) -> Calibration:
    """The frames on which `impasto video` would calibrate, were this clip painted."""
    if not clip.exists():
        raise FileNotFoundError(f"there is no file {clip}")
    calibration = calibrate_on_video(clip)
    if calibration is None:
        raise ImpastoError(f"{clip} gives no picture to calibrate on; give a video file that FFmpeg can read")
    return calibration


def _range(span: SizeSpan) -> SizeRange:
    (least_width, least_height), (most_width, most_height) = span
    return SizeRange((least_height, least_width), (most_height, most_width))
