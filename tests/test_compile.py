"""`impasto compile STYLE`: engines built ahead, which are exactly those that live and video take."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_backends import ADJUSTABLE, DYING, HangingBuild, add_backend, is_alive
from rich.text import Text
from small_styles import write_small_style
from typer.testing import CliRunner, Result

from engines.cache.folder import EngineCache, default_cache_folder
from engines.errors import ImpastoError
from realtime.commands.all_commands import app
from realtime.commands.console.bars import BuildBar
from realtime.commands.console.terminal import LastingConsole
from realtime.compiling.options import CompileOptions, SizeSpan
from realtime.compiling.run import builds_for
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.live.options import LiveOptions
from realtime.live.run import run_live

OTHERS = CompileOptions(
    styles=("candy", "mine.onnx:waves"),
    sizes=((64, 48), (32, 24), (64, 48)),
    engine="openvino",
    precision="int8",
    threads=3,
    mode="throughput",
    pinned=True,
    requests=4,
    calibrate=Path("clip.mp4"),
    strict=True,
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of another package: `adjustable` builds anything, `dying` nothing."""
    monkeypatch.syspath_prepend(tmp_path)
    add_backend(tmp_path, "adjustable", ADJUSTABLE)
    add_backend(tmp_path, "dying", DYING)


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingBuild]:
    build = HangingBuild(tmp_path, monkeypatch)
    yield build
    build.close()


def impasto_compile(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compile", *arguments], env={"COLUMNS": "240"})


def compiled(*arguments: str) -> list[dict[str, Any]]:
    """What the JSON document says of each engine."""
    result = impasto_compile(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    engines: list[dict[str, Any]] = json.loads(result.stdout)["engines"]
    return engines


def stored() -> dict[str, float]:
    """The entries of the cache, and when they were built."""
    entries = EngineCache(default_cache_folder()).entries()
    return {entry.path.name: entry.header.origin.built_at for entry in entries if entry.header}


def test_every_option_reaches_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CompileOptions] = []

    def remember(options: CompileOptions, **_: object) -> None:
        asked.append(options)
        raise ImpastoError("that is enough")

    monkeypatch.setattr("realtime.compiling.run.builds_for", remember)
    result = impasto_compile(
        "candy", "mine.onnx:waves", "--size", "64x48", "--size", "32x24", "--size", "64x48", "--engine", "openvino",
        "--precision", "int8", "--threads", "3", "--mode", "throughput", "--pinned", "--requests", "4",
        "--calibrate", "clip.mp4", "--strict",
    )  # fmt: skip
    assert result.stderr == "impasto: that is enough\n"
    assert impasto_compile("candy", "--size-range", "32x24-64x48").exit_code == 1
    assert impasto_compile("candy").exit_code == 1
    assert asked == [
        OTHERS,
        CompileOptions(styles=("candy",), size_range=SizeSpan((32, 24), (64, 48))),
        CompileOptions(
            styles=("candy",),
        ),
    ]


def test_a_size_that_is_given_twice_is_built_once(small_style: Path) -> None:
    builds = builds_for(CompileOptions(styles=(str(small_style),), sizes=((64, 48), (32, 24), (64, 48))))
    assert [(build.width, build.height) for build in builds] == [(64, 48), (64, 48), (32, 24), (32, 24)]
    usual = builds_for(CompileOptions(styles=(str(small_style),)))
    assert {(build.width, build.height) for build in usual} == {(640, 360)}


@pytest.mark.parametrize(
    ("changes", "uses"),
    [
        ({}, ["live, image", "video"]),
        ({"requests": 1, "mode": "latency"}, ["live, image"]),
        ({"requests": 2, "mode": "throughput"}, ["video"]),
        ({"requests": 3}, ["programs that load it with requests=3"]),
        ({"threads": 2, "requests": 1}, ["programs that load it with threads=2"]),
        (
            {"pinned": True, "mode": "throughput"},
            [
                "programs that load it with pinned=True, mode='throughput'",
                "programs that load it with requests=2, pinned=True, mode='throughput'",
            ],
        ),
        ({"size_range": SizeSpan((32, 24), (64, 48))}, ["live, meanwhile"]),
        ({"size_range": SizeSpan((32, 24), (64, 48)), "requests": 2}, ["programs that load it with requests=2"]),
        ({"size_range": SizeSpan((32, 24), (64, 48)), "threads": 2}, ["programs that load it with threads=2"]),
    ],
)
def test_commands_are_named_where_they_would_take_the_engine(
    small_style: Path, changes: dict[str, Any], uses: list[str]
) -> None:
    builds = builds_for(CompileOptions(styles=(str(small_style),), engine="openvino", **changes))
    assert [build.uses for build in builds] == uses


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "name a STYLE"),
        ("--list --prune", "--list and --prune: leave one of them out"),
        ("candy --list", "--list builds nothing"),
        ("--prune --engine openvino", "--prune builds nothing"),
        ("--list --size 640x360", "--list builds nothing"),
        ("candy --size 64x48 --size-range 32x24-64x48", "--size and --size-range: leave one of them out"),
        ("candy --all", "--older-than and --all belong to --prune"),
        ("--list --older-than 3", "--older-than and --all belong to --prune"),
        ("--prune --all --older-than 3", "--all and --older-than: leave one of them out"),
        ("candy --calibrate clip.mp4", "--calibrate belongs to --precision int8 or fp8"),
        ("candy --size 640", "is not a size such as"),
        ("candy --size 8x48", "8x48 is not between 16 and 16384 pixels on each side"),
        ("candy --size-range 64x48-64x20000", "64x20000 is not between 16 and 16384 pixels on each side"),
        ("candy --mode fast", "--mode is 'fast'; choose auto, latency or throughput"),
        ("candy --size-range 64x48", "is not a range of sizes such as"),
        ("candy --size-range 64x48-32x96", "begins with the larger size"),
        ("candy --requests 0", "--requests"),
    ],
)
def test_what_excludes_each_other_is_a_wrong_command_line(arguments: str, says: str) -> None:
    result = impasto_compile(*arguments.split())
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""
    assert not default_cache_folder().exists()


@pytest.mark.usefixtures("auto_precision")
def test_live_and_video_take_what_was_compiled_and_compile_nothing(
    small_style: Path, tmp_path: Path, make_clip: Callable[[int], Path]
) -> None:
    result = impasto_compile(str(small_style), "--size", "64x48")
    assert result.exit_code == 0
    live_line, video_line, folder = result.stdout.splitlines()
    figures = r"openvino \S+ \w+ on CPU; (?:\d+\.\d|inf) dB from .*; built in \d+\.\d s; \d+\.\d MiB"
    assert re.fullmatch(rf"small 64x48 for live, image: {figures}", live_line)
    assert re.fullmatch(rf"small 64x48 for video: {figures}", video_line)
    assert folder == f"kept in {default_cache_folder()}"
    told = result.stderr.splitlines()
    assert any(line.startswith("preparing openvino") for line in told)
    assert len(told) == len(set(told))  # what both builds have in common is told once
    before, lines = stored(), list[str]()
    assert len(before) == 2
    options = LiveOptions(style=str(small_style), frames=3, control=False)
    run_live("pattern:64x48@25", ["null:"], options, report=lines.append)
    stylize_video(str(make_clip(3)), tmp_path / "out.mp4", VideoOptions(style=str(small_style)), report=lines.append)
    assert sum(line.startswith("engine: openvino") for line in lines) == 2
    assert not any("preparing" in line for line in lines)
    assert stored() == before


def test_one_use_can_be_chosen(small_style: Path) -> None:
    engines = compiled(str(small_style), "--size", "64x48", "--requests", "2")
    assert [(engine["uses"], engine["requests"], engine["mode"]) for engine in engines] == [("video", 2, "throughput")]


def test_one_engine_is_for_all_styles_of_a_file(small_style: Path, tmp_path: Path) -> None:
    other = write_small_style(tmp_path / "other.onnx", name="other", seed=1)
    names = [f"{small_style}:waves", f"{small_style}:night", str(other.path)]
    engines = compiled(*names, "--size", "64x48", "--requests", "1")
    assert [(Path(engine["file"]).stem, engine["styles"]) for engine in engines] == [
        ("small", ["waves", "night"]), ("other", ["waves", "night"]),
    ]  # fmt: skip
    assert len({engine["entry"] for engine in engines}) == 2


def test_what_is_there_already_is_told_and_not_built_again(small_style: Path) -> None:
    arguments = [str(small_style), "--size", "64x48", "--requests", "1"]
    (first,), (second,) = compiled(*arguments), compiled(*arguments)
    assert (first["built"], second["built"]) == (True, False)
    assert second | {"built": True} == first
    assert "was there already" in impasto_compile(*arguments).stdout


@pytest.mark.usefixtures("backends")
def test_one_engine_for_a_range_of_sizes(small_style: Path) -> None:
    (engine,) = compiled(
        str(small_style), "--size-range", "32x24-96x64", "--engine", "adjustable",
    )  # fmt: skip
    assert (engine["uses"], engine["requests"]) == ("live, meanwhile", 1)
    assert (engine["size_range"], engine["width"], engine["height"]) == ("32x24-96x64", 96, 64)


@pytest.mark.usefixtures("backends")
def test_an_int8_engine_is_calibrated_as_video_does_and_taken_wherever_int8_is_asked_for(
    small_style: Path, tmp_path: Path, make_clip: Callable[[int], Path]
) -> None:
    kind = ["--engine", "adjustable", "--precision", "int8"]
    arguments = [str(small_style), "--size", "64x48", "--requests", "2", *kind]
    clip = make_clip(40)
    assert all(engine["built"] for engine in compiled(*arguments, "--calibrate", str(clip)))
    before, lines = stored(), list[str]()
    options = VideoOptions(style=str(small_style), engine="adjustable", precision="int8")
    stylize_video(str(clip), tmp_path / "out.mp4", options, report=lines.append)
    assert not any("preparing" in line for line in lines)
    assert stored() == before
    (known,) = compiled(*arguments)  # with no clip, the engine of a clip is as good as any
    assert not known["built"]


@pytest.mark.parametrize("clip", ["nowhere.mp4", "text.mp4"])
def test_a_clip_that_cannot_be_read_is_a_line(small_style: Path, tmp_path: Path, clip: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    result = impasto_compile(str(small_style), "--precision", "int8", "--calibrate", str(tmp_path / clip))
    assert result.exit_code == 1
    assert re.fullmatch(rf"impasto: .*{clip}.*\n", result.stderr)


@pytest.mark.usefixtures("backends")
def test_an_engine_that_cannot_be_built_does_not_keep_the_others(
    small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADJUSTABLE_REFUSES", "32x24")
    arguments = [str(small_style), "--requests", "1", "--engine", "adjustable"]
    result = impasto_compile(*arguments, "--size", "32x24", "--size", "64x48")
    assert result.exit_code == 1
    failed, built, _ = result.stdout.splitlines()
    assert re.match(
        r"small 32x24 for live, image: not built: .*adjustable 1\.0 \w+ on card 0, 32x24 is too small", failed
    )
    assert built.startswith("small 64x48 for live, image: adjustable")
    document = json.loads(impasto_compile(*arguments, "--size", "32x24", "--json").stdout)
    assert "is too small" in document["engines"][0]["problem"]


@pytest.mark.usefixtures("backends")
def test_a_build_that_dies_is_told(small_style: Path) -> None:
    result = impasto_compile(str(small_style), "--size", "64x48", "--engine", "dying")
    assert result.exit_code == 1
    assert result.stdout.count("not built: the process that prepared the engine ended with status 7") == 2


def test_an_engine_that_cannot_be_kept_is_a_failure(
    small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "file"))
    result = impasto_compile(str(small_style), "--size", "64x48", "--requests", "1")
    assert result.exit_code == 1
    assert "not built: the engine could not be kept in" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_build_and_leaves_nothing(
    small_style: Path, tmp_path: Path, hanging: HangingBuild, number: signal.Signals
) -> None:
    environment = {**os.environ, "WORKERS": "1", "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "realtime.cli", "compile", str(small_style), "--engine", "hanging", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        building = hanging.wait_for_start()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["interrupted"] is True
    assert "stopping; engines that are ready are kept" in err
    assert "Traceback" not in err
    assert not is_alive(building)
    hanging.wait_for_end()
    assert list(default_cache_folder().iterdir()) == []


@pytest.mark.parametrize("columns", [60, 100])
def test_the_bar_is_one_line_with_build_stage_and_share(columns: int) -> None:
    shown = io.StringIO()
    console = LastingConsole(file=shown, force_terminal=True, width=columns)
    with BuildBar(console) as bar:
        bar.report("preparing openvino [not markup]")
        bar.show("1/2 small 640x360 for live", "compiling", 0)
        bar.show("2/2 small 640x360 for video", "tuning", 0.42)
    lines = Text.from_ansi(shown.getvalue()).plain.rstrip().splitlines()
    assert any("preparing openvino [not markup]" in line for line in lines)
    assert len(lines[-1]) <= columns
    assert re.match(r"2/2 small 640x360 for video: .* 42 % 0:00:\d\d$", lines[-1])
