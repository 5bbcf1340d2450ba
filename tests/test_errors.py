"""Errors that a caller can tell apart, each raised where it is due, and what the command line makes of them."""

import errno
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import typer

import engines
from engines import (
    BadFile,
    BadValue,
    Controls,
    EngineRefused,
    FileError,
    FileMissing,
    FileTaken,
    ImpastoError,
    Interrupted,
    NotEnoughMemory,
    NotInstalled,
    UnknownStyle,
    load_style,
)
from engines.errors import in_one_line
from engines.gate.memory import check_memory
from engines.spec import EngineSpec
from realtime import LiveOptions, SinkRequest, run_live
from realtime.commands.console.border import at_the_border
from realtime.media.output_file import PartialFile
from realtime.media.picture_file import read_picture, write_whole
from realtime.painting.keyframes.optimiser import check_torch
from realtime.sinks.recording import open_recording
from trainers.settings.gatys_options import GatysOptions

LINE = "shelf.png: no room; clear it"


def missing(folder: Path, style: Path) -> None:
    load_style(str(folder / "nowhere.onnx"))


def taken(folder: Path, style: Path) -> None:
    PartialFile(style, overwrite=False)


def unwritable(folder: Path, style: Path) -> None:
    open_recording(str(folder / f"{'n' * 300}.mkv"), SinkRequest(size=(64, 48), frame_rate=Fraction(25)))


def out_of_range(folder: Path, style: Path) -> None:
    Controls(load_style(str(style)).vector("waves"), strength=2)


def out_of_range_in_a_recipe(folder: Path, style: Path) -> None:
    GatysOptions(style_images=((style, 1.0),), stroke=9)


def no_picture(folder: Path, style: Path) -> None:
    read_picture(style)


def nobody(folder: Path, style: Path) -> None:
    load_style("nobody")


def nobody_in_the_file(folder: Path, style: Path) -> None:
    load_style(f"{style}:nobody")


def too_large(folder: Path, style: Path) -> None:
    spec = EngineSpec("openvino", "fp32", 720, 1280, "CPU", "1")
    check_memory(load_style(str(style)), spec, (720, 1280), available=1)


def stopped_before(folder: Path, style: Path) -> None:
    stop = threading.Event()
    stop.set()
    run_live(str(folder / "nowhere.mp4"), ["null:"], LiveOptions(style=str(style), control=False), stop=stop)


@pytest.mark.parametrize(
    ("cause", "ours", "builtin"),
    [
        (missing, FileMissing, FileNotFoundError),
        (taken, FileTaken, FileExistsError),
        (unwritable, FileError, OSError),
        (out_of_range, BadValue, ValueError),
        (out_of_range_in_a_recipe, BadValue, ValueError),
        (no_picture, BadFile, ValueError),
        (nobody, UnknownStyle, LookupError),
        (nobody_in_the_file, UnknownStyle, LookupError),
        (too_large, NotEnoughMemory, MemoryError),
        (stopped_before, Interrupted, KeyboardInterrupt),
    ],
)
def test_an_error_is_ours_and_pythons(
    cause: Callable[[Path, Path], None],
    ours: type[ImpastoError],
    builtin: type[BaseException],
    small_style: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(ImpastoError) as caught:
        cause(tmp_path, small_style)
    assert type(caught.value) is ours
    assert isinstance(caught.value, builtin)


def test_a_missing_package_is_ours_and_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trainers.gatys", None)
    with pytest.raises(ImportError, match=r"pip install 'impasto\[train\]'") as caught:
        check_torch()
    assert type(caught.value) is NotInstalled


def test_the_systems_number_of_an_error_is_kept(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"\.mkv") as caught:
        unwritable(tmp_path, tmp_path)
    assert caught.value.errno == errno.ENAMETOOLONG
    assert in_one_line(caught.value).endswith(
        "cannot be created (File name too long); record to another folder or name"
    )


def test_what_the_system_says_itself_stays_as_it_is(tmp_path: Path) -> None:
    """With the file's own name in place of the one beside it."""
    path = tmp_path / f"{'n' * 260}.png"
    with pytest.raises(OSError, match="File name too long") as caught:
        write_whole(path, b"")
    assert not isinstance(caught.value, ImpastoError)
    assert in_one_line(caught.value) == f"{path}: File name too long"


def test_a_refused_engine_is_no_error_of_a_runtime() -> None:
    """Backends make EngineRefused of every RuntimeError, and would do so twice."""
    assert not issubclass(EngineRefused, RuntimeError)


CLASSES = [
    thing
    for name in engines.__all__
    if isinstance(thing := getattr(engines, name), type) and issubclass(thing, ImpastoError)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_says_its_line_and_nothing_else(kind: type[ImpastoError]) -> None:
    """NotEnoughMemory has a better word than any MemoryError, and NotInstalled is none of OpenCV's."""
    assert in_one_line(kind(LINE)) == LINE
    assert str(kind(LINE)) == LINE


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_ends_a_command_with_its_exit_code(kind: type[ImpastoError], capsys: pytest.CaptureFixture[str]) -> None:
    @at_the_border
    def command() -> None:
        raise kind(LINE)

    with pytest.raises(typer.Exit) as left:
        command()
    assert left.value.exit_code == {Interrupted: 130, BadValue: 2, UnknownStyle: 2}.get(kind, 1)
    assert capsys.readouterr().err == f"impasto: {LINE}\n"
