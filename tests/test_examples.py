"""The examples: small, found by their schemes, and true to their word."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from foreign_package import EXAMPLES, install_examples

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Sink, Source
from realtime.frames.request import SinkRequest, SourceRequest
from realtime.live.openers import open_sink, open_source
from realtime.media.picture_file import read_picture

MODULES = sorted(EXAMPLES.glob("*.py"))


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_examples(tmp_path / "site", monkeypatch)


def bars(size: tuple[int, int] | None = None) -> Source:
    return open_source("bars:", SourceRequest(size=size, frame_rate=Fraction(100)))


def time_lapse(folder: Path) -> Sink:
    folder.mkdir(exist_ok=True)
    return open_sink(f"timelapse:{folder}", SinkRequest(size=(64, 48), frame_rate=Fraction(25)))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_each_is_shorter_than_thirty_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 30


def test_the_bars_have_their_colours_and_move() -> None:
    source = bars((80, 40))
    first, second = source.read(), source.read()
    source.close()
    assert first is not None
    assert second is not None
    assert first.size == (80, 40)
    shown = [tuple(first.data[20, 10 * bar + 7].tolist()) for bar in range(8)]
    white, yellow, cyan, green, magenta, red, blue, black = shown
    assert (white, black) == ((191, 191, 191), (0, 0, 0))
    assert (yellow, cyan, green) == ((191, 191, 0), (0, 191, 191), (0, 191, 0))
    assert (magenta, red, blue) == ((191, 0, 191), (191, 0, 0), (0, 0, 191))
    assert (first.data != second.data).any()
    assert second.captured_at > first.captured_at


def test_the_bars_take_the_size_they_are_asked_for() -> None:
    for size in ((64, 48), (642, 362), None):
        source = bars(size)
        assert source.size == (size or (640, 360))
        assert (frame := source.read()) is not None
        assert frame.size == source.size
        source.close()


def test_the_time_lapse_keeps_a_picture_every_ten_seconds(tmp_path: Path) -> None:
    sink = time_lapse(tmp_path / "kept")
    for number in range(250 * 3):
        pixels = np.full((48, 64, 3), 100 + number // 250 * 50, np.uint8)
        sink.write(Frame(pixels, number / 25, 1000 + number / 25))
    sink.close()
    kept = sorted((tmp_path / "kept").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert [round(read_picture(path).rgb.mean()) for path in kept] == [100, 150, 200]


def test_the_time_lapse_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ImpastoError, match="create it first"):
        open_sink(f"timelapse:{tmp_path / 'none'}", SinkRequest(size=(64, 48), frame_rate=Fraction(25)))


def test_an_unknown_scheme_names_theirs_too() -> None:
    with pytest.raises(ImpastoError, match=r"there is no source nosuch:.*bars"):
        open_source("nosuch:", SourceRequest())
