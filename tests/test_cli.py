"""The command line as a person meets it: help, exit codes, one line for an error, JSON alone, Ctrl-C."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest
import typer
from PIL import Image
from small_vae import random_vae, write_vae_style
from typer.testing import CliRunner

from engines.backends.ours import OURS
from engines.errors import ImpastoError, in_one_line
from engines.style.styles import list_gallery, load_style
from realtime.bench.roofline.cost import style_cost
from realtime.commands.all_commands import COMMANDS, app
from realtime.commands.console.border import WHERE, at_the_border
from realtime.commands.console.terminal import Bar
from realtime.commands.console.written import positive_fraction
from realtime.commands.on_demand import on_demand

NAMES = ("video", "live", "image", "styles", "bench", "evaluate", "doctor", "compile", "control", "train", "import")


def impasto(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120", **environment},
        timeout=120,
    )


def test_help_names_every_command() -> None:
    done = impasto("--help")
    assert done.returncode == 0
    assert all(re.search(rf"\b{command}\b", done.stdout) for command in NAMES)
    assert done.stderr == ""


@pytest.mark.parametrize("command", NAMES)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize(("command", "told"), COMMANDS.items())
def test_the_list_says_of_a_command_what_its_own_help_begins_with(command: str, told: tuple[str, str]) -> None:
    home, line = told
    assert on_demand(command, home)().help.startswith(line)


def test_version() -> None:
    assert re.fullmatch(r"impasto \d+\.\d+\.\d+\n", impasto("--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["paint"], "No such command"),
        (["video", "clip.mp4"], "Missing argument"),
        (["video", "a.mp4", "b.mp4", "--strength", "1.5"], "--strength"),
        (["video", "a.mp4", "b.mp4", "--keep-colour", "-0.1"], "--keep-colour"),
        (["video", "a.mp4", "b.mp4", "--height", "8"], "--height"),
        (["video", "a.mp4", "b.mp4", "--height", "99999"], "--height"),
        (["video", "", "b.mp4"], "'IN': it is empty"),
        (["video", "--strict", "a.mp4", ""], "'OUT': it is empty"),
        (["image", "a.png", "", "out"], "'IN...': it is empty"),
        (["live", ""], "'SOURCE': it is empty"),
        (["video", "a.mp4", "b.mp4", "--crf", "99"], "--crf"),
        (["video", "a.mp4", "b.mp4", "--fps", "0"], "--fps"),
        (["video", "a.mp4", "b.mp4", "--fps", "often"], "--fps"),
        (["video", "frames", "b.mp4", "--fps", "1/1000000000"], "--fps is 1/1000000000; give 0.001 to 1000"),
        (["video", "frames", "b.mkv", "--fps", "2000"], "--fps is 2000; give 0.001 to 1000"),
        (["image", "a.png", "b.png", "--strength", "nan"], "--strength"),
        (["live", "--engine", "steam"], "--engine is 'steam'; choose auto, tensorrt,"),
        (["compile", "udnie", "--precision", "int9"], "--precision is 'int9'; choose auto, bf16,"),
        (["bench", "--engine", "torch", "--engine", "steam"], "--engine is 'steam'"),
        (["video", "a.mp4", "b.mp4", "--decoder", "gpu"], "--decoder is 'gpu'; choose auto, software or cuda"),
        (["train", "johnson", "--styles", "s", "--out", "o.onnx"], "--content"),
        (["train", "johnson", "--styles", "s", "--content", "c", "--out", "o.onnx", "--steps", "0"], "--steps"),
        (
            ["train", "johnson", "--styles", "s", "--content", "c", "--out", "o.onnx", "--textures", "s=dabs",
             "--seed-amplitude", "0"],
            "textures says what strokes grow from, and with seed_amplitude 0 they grow from none; leave one out",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_a_wrong_command_line_exits_2_and_says_what(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "240"})
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_a_failure_is_one_line_on_stderr_and_exit_1(tmp_path: Path) -> None:
    done = impasto("import", str(tmp_path / "no.pth"), str(tmp_path / "style.onnx"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"impasto: {tmp_path / 'no.pth'}: No such file or directory\n"


@pytest.mark.parametrize(("given", "used"), [(None, "passive"), ("active", "active")])
def test_threads_that_wait_leave_the_processor_to_others(
    given: str | None, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who knows better is not overruled."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    assert CliRunner().invoke(app, ["styles"]).exit_code == 0
    assert os.environ["OMP_WAIT_POLICY"] == used


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_traceback_is_shown_only_where_it_is_asked_for(tmp_path: Path, way: str) -> None:
    arguments = ["control", "quit", "--socket", str(tmp_path / "none.sock")]
    done = impasto("--traceback", *arguments) if way == "option" else impasto(*arguments, IMPASTO_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImpastoError("no style 'x'; choose\n  one of a, b"), "no style 'x'; choose one of a, b"),
        (FileNotFoundError(2, "No such file or directory", "clip.mp4"), "clip.mp4: No such file or directory"),
        (FileNotFoundError("there is no folder out"), "there is no folder out"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("height is 3"), "height is 3"),
        (KeyError("name"), "KeyError: 'name' (IMPASTO_DEBUG=1 shows where)"),
        (
            ImportError("libGL.so.1: cannot open shared object file"),
            "OpenCV cannot be loaded (libGL.so.1: cannot open shared object file); "
            "on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0",
        ),
        (RuntimeError("at 0x1:\n  the cause\n\n"), "RuntimeError: the cause (IMPASTO_DEBUG=1 shows where)"),
        (MemoryError(), "there is not enough memory; try a smaller --height"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_in_one_line(error: Exception, line: str) -> None:
    assert in_one_line(error, WHERE) == line


def test_an_interrupted_command_exits_130() -> None:
    @at_the_border
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as caught:
        interrupted()
    assert caught.value.exit_code == 130


def test_a_video_is_painted_and_told_as_json(
    make_clip: Callable[[int], Path], small_style: Path, tmp_path: Path
) -> None:
    wanted = ["--style", f"{small_style}:night", "--strength", "0.5", "--json"]
    done = impasto("video", str(make_clip(5)), str(tmp_path / "painted.mp4"), *wanted)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["frames"], document["output"]) == (5, str(tmp_path / "painted.mp4"))
    assert set(document["stage_ms"]) == {"decode", "convert", "net", "steady", "join", "encode"}
    assert "engine: " in done.stderr
    assert len(decoded(tmp_path / "painted.mp4")) == 5


def test_pictures_are_painted_into_a_folder(small_style: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (32, 24), (200, 80, 20)).save(tmp_path / name)
    inputs = [str(tmp_path / name) for name in ("a.png", "b.png")]
    done = CliRunner().invoke(app, ["image", *inputs, str(tmp_path / "painted"), "--style", str(small_style)])
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "painted").iterdir()) == ["a.png", "b.png"]


INTERRUPTS_AN_IMPORT = """
import signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run in a shell's background, which ignores it

class CtrlC:
    def find_spec(name, path, target=None):
        if name == "typer":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC)
"""


@pytest.mark.parametrize("entry", [["-m", "realtime.cli"], ["-c", "from realtime.cli import main; main()"]])
def test_an_interrupt_while_python_imports_exits_130_without_a_traceback(entry: list[str], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS_AN_IMPORT)
    ours = os.environ.get("PYTHONPATH", os.getcwd())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), ours])}
    ended = subprocess.run([sys.executable, *entry, "--help"], env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_an_interrupt_that_a_program_around_python_hears_is_left_to_it() -> None:
    """Of a handler that C has set `getsignal` says None, which `signal` does not take back."""
    command = "import signal; signal.getsignal = lambda number: None; from realtime.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", command, "--version"], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_interrupt_leaves_a_playable_video_and_exits_130(
    make_clip: Callable[[int], Path], small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(bar: Bar, done: int, total: int | None) -> None:
        if done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Bar, "progress", interrupt)
    output = tmp_path / "painted.mp4"
    result = CliRunner().invoke(app, ["video", str(make_clip(600)), str(output), "--style", str(small_style), "--json"])
    assert result.exit_code == 130
    assert json.loads(result.stdout)["interrupted"] is True
    assert 3 <= len(decoded(output)) < 600


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_styles_of_a_file_as_a_table_and_as_json(small_style: Path) -> None:
    asked = ["styles", str(small_style)]
    table = CliRunner().invoke(app, asked, env={"NO_COLOR": "1", "COLUMNS": "120"}).stdout
    assert "--height is the size of what is shown and written" in " ".join(table.split())
    assert all(word in table for word in ("waves", "Waves", "night", "Night"))
    document = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert [style["name"] for style in document["files"][0]["styles"]] == ["waves", "night"]


def test_styles_tell_the_kind_of_net_and_what_a_frame_costs(tmp_path: Path, small_style: Path) -> None:
    """Of 1280x720, where 640x360 is painted: what the graph's convolutions have at that size."""
    vae = write_vae_style(tmp_path / "vae.onnx", random_vae("plain"))
    for style, kind in ((load_style(str(small_style)), "transform net"), (vae, "autoencoder (VAE)")):
        cost = round(style_cost(style, 360, 640).macs / 1e9, 3)
        told, listed = (CliRunner().invoke(app, ["styles", str(style.path), *form]) for form in (["--json"], []))
        file = json.loads(told.stdout)["files"][0]
        assert (file["kind"], file["gmac"]) == (kind, cost)
        assert file["gmac_of"] == {"film": "1280x720", "painted": "640x360"}
        assert f"{kind}, {cost:.3g} GMAC" in " ".join(listed.stdout.split())


def test_a_graph_whose_cost_cannot_be_told_is_listed_all_the_same(
    small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.bench.roofline.cost.count_cost", lambda *_: math.ceil(math.nan))
    listed = CliRunner().invoke(app, ["styles", str(small_style)])
    assert (listed.exit_code, "cost unknown" in listed.output, "waves" in listed.output) == (0, True, True)
    told = CliRunner().invoke(app, ["styles", str(small_style), "--json"])
    assert json.loads(told.output)["files"][0]["gmac"] is None


def test_a_reader_that_leaves_early_is_no_error(small_style: Path) -> None:
    command = f"{sys.executable} -m realtime.cli styles {small_style} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


def test_style_names_complete_in_the_shell() -> None:
    words = "impasto video --str"
    done = impasto(_IMPASTO_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="2")
    assert set(done.stdout.split()) == {"--strength", "--strict", "--stroke"}


def completed(command: str, option: str, begun: str) -> list[str]:
    """What the shell is told in this process; the test before asks as the shell does."""
    words = f"impasto {command} {option} {begun}"
    asked = {"_IMPASTO_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    return CliRunner().invoke(app, prog_name="impasto", env=asked).stdout.split()


def test_the_gallerys_styles_complete() -> None:
    names = [style.name for file in list_gallery() for style in file.card.styles]
    for begun in ("", "s"):
        assert completed("video", "--style", begun) == [name for name in names if name.startswith(begun)]


@pytest.mark.parametrize("command", ["video", "live", "compile", "bench"])
def test_engines_and_precisions_complete_in_the_shell(command: str) -> None:
    assert completed(command, "--engine", "") == ["auto", *OURS]
    assert completed(command, "--engine", "tensorrt") == ["tensorrt", "tensorrt-rtx"]
    assert completed(command, "--precision", "f") == ["fp16", "fp32", "fp8"]


def test_training_without_torch_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trainers.johnson", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(app, ["train", "johnson", "--styles", "s", "--content", "c", "--out", "o.onnx"])
    assert result.exit_code == 1
    assert result.stderr == "impasto: training needs torch; install it with: pip install 'impasto[train]'\n"


def test_frame_rates_as_people_write_them() -> None:
    assert all(24 < positive_fraction(text) < 31 for text in ("25", "29.97", "30000/1001"))


def test_a_video_that_breaks_off_is_painted_as_far_as_it_goes_and_fails(
    shared_data: Path, small_style: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    source = shared_data / "video" / "odd" / "truncated.mp4"
    wanted = ["--style", str(small_style), "--height", "64", "--json"]
    done = CliRunner().invoke(app, ["video", str(source), str(target), *wanted])
    assert done.exit_code == 1
    assert "truncated.mp4 breaks off at 1.0 s: the last 7.8 s are lost" in done.stderr
    assert json.loads(done.stdout)["frames"] == 26
    with av.open(str(target)) as painted:
        assert sum(1 for _ in painted.decode(video=0)) == 26


def test_names_of_styles_are_whole_in_a_narrow_terminal() -> None:
    done = CliRunner().invoke(app, ["styles"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    for name in (name for file in list_gallery() for name in file.card.names):
        assert re.search(rf"\b{name}\b", done.stdout)


THREAD_IN_A_RUNTIME = """
import threading, time
import cv2, numpy as np
from realtime.commands.console.border import leave

noise = np.random.rand(600, 600, 3).astype(np.float32)

def work():
    while True:
        cv2.GaussianBlur(noise, (31, 31), 0)

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
print("all is said")
leave(3)
"""


INTERRUPTED_IN_C = """
import ctypes
from realtime.commands.console.border import leave

run = ctypes.pythonapi.PyRun_String
run.restype = ctypes.py_object
try:
    run(b"raise KeyboardInterrupt", 257, *2 * [ctypes.py_object({"__builtins__": __builtins__})])
except KeyboardInterrupt:
    print("handled")
leave(130)
"""


def test_an_interrupt_that_came_in_c_leaves_the_exit_code(tmp_path: Path) -> None:
    """By sys.exit a module ends by the signal."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_IN_C)
    ours = os.environ.get("PYTHONPATH", os.getcwd())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), ours])}
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "handled\n", "")


def test_a_thread_inside_a_runtime_does_not_abort_the_process() -> None:
    """By sys.exit it ends in SIGABRT."""
    ended = subprocess.run([sys.executable, "-c", THREAD_IN_A_RUNTIME], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "all is said\n", "")
