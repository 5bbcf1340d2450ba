"""`impasto control`: what it prints, how it fails, and that its help is the table of commands."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from realtime.commands.console.border import FAILED, at_the_border
from realtime.commands.control import CONTEXT_SETTINGS, complete_command, control
from realtime.live.control.board import ControlBoard
from realtime.live.control.commands import COMMANDS
from realtime.live.control.folder import has_sockets
from realtime.live.control.server import ControlServer
from realtime.live.control.settings import LiveSettings

WRONG_USAGE = 2

app = typer.Typer()
app.command(context_settings=CONTEXT_SETTINGS)(at_the_border(control))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlBoard]:
    if not has_sockets():
        pytest.skip("this system has no Unix sockets")
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    running = ControlBoard(
        LiveSettings(style="waves"),
        ("waves", "night"),
        on_snapshot=lambda: "picture.png",
        on_quit=lambda: None,
        figures=lambda: {"painted_fps": 29.53125, "engine": None, "latency_ms": {"null:": {"p50": 3.0, "p95": 4.5}}},
    )
    with ControlServer(running):
        yield running


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["style", "night"], "style: night"),
        (["strength", "-0.25"], "strength: 75 %"),
        (["mix", "off"], "done"),
        (["freeze"], "frozen: on"),
        (["snapshot"], "saved picture.png"),
    ],
)
def test_a_command_says_what_it_did(board: ControlBoard, words: list[str], printed: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (0, f"{printed}\n")


def test_a_file_is_named_in_full_for_a_run_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("mine.onnx", "pic.png", "waves"):
        (here / name).write_bytes(b"")
    monkeypatch.chdir(here)
    asked: list[object] = []

    def send(command: str, value: object, socket: Path | None) -> dict[str, object]:
        asked.append(value)
        return {"ok": True}

    monkeypatch.setattr("realtime.live.control.client.send", send)
    for words in (("style", "pic.png"), ("mix", "mine.onnx:pic.png"), ("style", "mine.onnx:waves"), ("style", "x.png")):
        assert run(*words).exit_code == 0
    assert run("style", "waves").exit_code == 0  # a name of the gallery, whatever lies here
    assert asked == [
        f"{here}/pic.png", f"{here}/mine.onnx:{here}/pic.png", f"{here}/mine.onnx:waves", "x.png", "waves"
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_pictures_name_may_have_colons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of screenshots, by the clock."""
    for name in ("mine.onnx", "Shot 12:30:00.png", "30:00.png"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    asked: list[object] = []

    def send(command: str, value: object, socket: Path | None) -> dict[str, object]:
        asked.append(value)
        return {"ok": True}

    monkeypatch.setattr("realtime.live.control.client.send", send)
    shot = tmp_path / "Shot 12:30:00.png"
    for words in (("learn", shot.name), ("style", f"mine.onnx:{shot.name}"), ("style", str(shot))):
        assert run(*words).exit_code == 0
    assert asked == [str(shot), f"{tmp_path}/mine.onnx:{shot}", str(shot)]


def test_status_for_people_and_for_programs(board: ControlBoard) -> None:
    shown = run("status").stdout
    rows = dict(line.split("  ", 1) for line in shown.splitlines())
    assert rows["keep colour"].strip() == "0"
    assert rows["styles"].strip() == "waves, night"
    assert rows["painted fps"].strip() == "29.53"
    assert rows["engine"].strip() == "–"
    assert rows["latency ms null:"].strip() == "p50 3, p95 4.5"
    told = json.loads(run("status", "--json").stdout)
    assert told["ok"] is True
    assert told["figures"]["painted_fps"] == 29.53125


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["style", "9"], "there is no style 9"),
        (["style", "nowhere.onnx"], "nowhere.onnx"),
        (["next", "--socket", "/nowhere/live.sock"], "no impasto live is running at /nowhere/live.sock"),
    ],
)
def test_what_the_run_refuses_is_one_line(board: ControlBoard, words: list[str], error: str) -> None:
    result = run(*words)
    assert result.exit_code == FAILED
    assert error in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "Missing argument 'COMMAND'"),
        (["stile", "night"], "there is no command 'stile'; did you mean style?"),
        (["strength", "loud"], "strength takes a number"),
        (["strength", "7"], "strength takes a number"),
        (["freeze", "perhaps"], "freeze is on or off"),
        (["style"], "style takes NAME"),
        (["style", ""], "style takes NAME"),
        (["status", "--jsn"], "status takes no value"),
        (["style", "night", "waves"], "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_exits_2_and_asks_no_run(
    words: list[str], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.live.control.client.send", lambda *_: pytest.fail("a run was asked"))
    result = run(*words)
    assert result.exit_code == WRONG_USAGE
    assert error in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


def test_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    result = run("next")
    assert result.exit_code == FAILED
    assert result.stderr.startswith("impasto: no impasto live is running")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_help_has_every_command(command: object) -> None:
    shown = run("--help").stdout
    assert all(f" {each.name} " in shown and each.help in shown for each in COMMANDS if each is command)


def test_the_shell_completes_names() -> None:
    assert complete_command("mi") == [
        ("mix", "mix with another style"), ("mix-amount", "less or more of the mix"), ("mirror", "mirror the picture")
    ]  # fmt: skip
