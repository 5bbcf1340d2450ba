"""The control socket, over real sockets: answers, bad input, many and slow clients, and an end without a trace."""

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engines.errors import ImpastoError
from realtime.live.control.board import ControlBoard
from realtime.live.control.client import send
from realtime.live.control.folder import has_sockets, living_sockets
from realtime.live.control.server import ControlServer
from realtime.live.control.settings import LiveSettings

PATIENCE_SECONDS = 30.0

pytestmark = pytest.mark.skipif(not has_sockets(), reason="this system has no Unix sockets")


def a_board(on_snapshot: Callable[[], str] = lambda: "picture.png") -> ControlBoard:
    return ControlBoard(
        LiveSettings(style="waves"),
        ("waves", "night"),
        on_snapshot=on_snapshot,
        on_quit=lambda: None,
        figures=lambda: {"painted_fps": float("nan")},
    )


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sockets, a private one as a login makes it."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "impasto"


@pytest.fixture
def server(runtime: Path) -> Iterator[ControlServer]:
    with ControlServer(a_board()) as running:
        yield running


def no_space() -> str:
    raise OSError(28, "No space left on device")


class Client:
    """Speaks to the socket byte by byte."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(str(path))
        self.answers = self.socket.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.answers.close()
        self.socket.close()

    def ask(self, data: bytes) -> dict[str, Any]:
        self.socket.sendall(data)
        return self.hear()

    def hear(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.answers.readline())
        return answer


def test_what_the_disk_refuses_is_told_and_the_server_goes_on(runtime: Path) -> None:
    with ControlServer(a_board(on_snapshot=no_space)) as server, Client(server.path) as client:
        assert client.ask(b'{"command": "snapshot"}\n') == {"ok": False, "error": "No space left on device"}
        assert client.ask(b'{"command": "next"}\n')["ok"]


def test_a_command_and_its_answer(server: ControlServer) -> None:
    answer = send("style", "night")
    assert answer["ok"] is True
    assert answer["settings"]["style"] == "night"
    assert answer["line"] == "style: night"
    assert send("strength", "-0.1")["settings"]["strength"] == 0.9
    assert send("freeze", True)["settings"]["frozen"] is True


def test_status_tells_styles_and_figures_and_json_has_no_nan(server: ControlServer) -> None:
    answer = send("status")
    assert answer["styles"] == ["waves", "night"]
    assert answer["figures"] == {"painted_fps": None}


def test_only_the_user_can_reach_it(server: ControlServer, runtime: Path) -> None:
    assert server.path == runtime / f"live-{os.getpid()}.sock"
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


def test_many_lines_in_one_piece_and_one_line_in_many(server: ControlServer) -> None:
    with Client(server.path) as client:
        client.socket.sendall(b'{"command": "next"}\n\n{"command": "next"}\r\n{"comm')
        assert [client.hear()["settings"]["style"] for _ in range(2)] == ["night", "waves"]
        assert client.ask(b'and": "mirror"}\n')["settings"]["mirror"] is True


def test_a_last_line_needs_no_newline(server: ControlServer) -> None:
    with Client(server.path) as client:
        client.socket.sendall(b'{"command": "next"}')
        client.socket.shutdown(socket.SHUT_WR)
        assert client.hear()["ok"] is True
        assert client.answers.readline() == b""


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"hello", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 30000, "not JSON"),
        (b"[]", "command"),
        (b'{"command": 3}', "command"),
        (b'{"command": "dance"}', "no command 'dance'"),
        (b'{"command": "style", "value": []}', '"value"'),
        (b'{"command": "style", "name": "x"}', "name"),
        (b'{"command": "strength", "value": 7}', "strength takes a number"),
        (b'{"command": "strength", "value": NaN}', "strength takes a number"),
        (b'{"command": "style", "value": "nowhere.onnx"}', "nowhere.onnx"),
        (b'{"command": "style", "value": "\\u0000"}', "style"),
        (b'{"command": "style", "value": "' + b"x" * 60000 + b'.onnx"}', ""),
    ],
    ids=range(13),
)
def test_bad_lines_are_answered_and_the_next_is_served(server: ControlServer, line: bytes, error: str) -> None:
    with Client(server.path) as client:
        answer = client.ask(line + b"\n")
        assert answer["ok"] is False
        assert error in answer["error"]
        assert client.ask(b'{"command": "next"}\n')["ok"] is True


def test_an_endless_line_is_refused_once(server: ControlServer) -> None:
    with Client(server.path) as client:
        assert "64 KiB" in client.ask(b"x" * 70_000)["error"]
        client.socket.sendall(b"x" * 300_000 + b"\n")
        assert client.ask(b'{"command": "next"}\n')["ok"] is True


def test_who_never_reads_stalls_nobody(server: ControlServer) -> None:
    with Client(server.path) as deaf, Client(server.path) as other:
        deaf.socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:  # until the server reads no more from it
                deaf.socket.send(b'{"command": "status"}\n' * 100)
        assert other.ask(b'{"command": "next"}\n')["ok"] is True
        assert send("mirror")["ok"] is True


def test_several_clients_at_once(server: ControlServer) -> None:
    clients = [Client(server.path) for _ in range(8)]
    for client in clients:
        client.socket.sendall(b'{"command": "next"}\n')
    assert all(client.hear()["ok"] for client in clients)
    for client in clients:
        client.__exit__()


def test_the_end_leaves_nothing(runtime: Path) -> None:
    server = ControlServer(a_board())
    with Client(server.path) as client:
        assert client.ask(b'{"command": "next"}\n')["ok"] is True
        server.close()
        server.close()
        assert client.answers.readline() == b""
    assert not list(runtime.iterdir())
    assert not [thread for thread in threading.enumerate() if thread.name == "impasto-control"]


def test_a_command_that_hangs_does_not_hold_up_the_end(runtime: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def snapshot() -> str:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS), "the end has waited for it"
        return "picture.png"

    board = ControlBoard(LiveSettings(style="waves"), ("waves",), on_snapshot=snapshot, on_quit=lambda: None)
    server = ControlServer(board)
    with Client(server.path) as client:
        client.socket.sendall(b'{"command": "snapshot"}\n')
        assert begun.wait(PATIENCE_SECONDS)
        server.close()
        assert not server.path.exists()
        go_on.set()
        assert client.hear()["ok"] is True  # and the thread ends after it
        assert client.answers.readline() == b""


def test_closing_again_leaves_the_path_to_the_next_run(runtime: Path) -> None:
    first = ControlServer(a_board())
    first.close()
    with ControlServer(a_board(), first.path):
        first.close()
        assert send("next")["ok"] is True


def test_no_run_and_several(runtime: Path) -> None:
    with pytest.raises(ImpastoError, match="no impasto live is running"):
        send("next")
    runtime.mkdir(mode=0o700)
    with ControlServer(a_board()) as one, ControlServer(a_board(), runtime / f"live-{os.getppid()}.sock") as two:
        with pytest.raises(ImpastoError, match="several impasto live are running") as refused:
            send("next")
        assert f"process {os.getpid()}: --socket {one.path}" in str(refused.value)
        assert f"process {os.getppid()}: --socket {two.path}" in str(refused.value)
        assert send("next", path=one.path)["ok"] is True
        assert send("next", path=two.path)["ok"] is True


def test_what_dead_processes_left_is_removed(runtime: Path, server: ControlServer) -> None:
    left = runtime / f"live-{2**22 + 1}.sock"  # above the highest process id of Linux
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    assert living_sockets() == {os.getpid(): server.path}
    assert not left.exists()


def test_a_number_that_another_program_has_by_now_is_no_run(runtime: Path, server: ControlServer) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(runtime / f"live-{os.getppid()}.sock"))
    assert living_sockets() == {os.getpid(): server.path}
    assert send("next")["ok"] is True


def test_a_run_in_a_container_is_found_though_its_number_is_nobody_s_here(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    with ControlServer(a_board(), runtime / f"live-{2**22 + 1}.sock") as server:
        assert living_sockets() == {2**22 + 1: server.path}
        assert send("next")["ok"] is True


def test_a_folder_of_the_super_user_is_told(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `sudo impasto live` leaves it where it keeps XDG_RUNTIME_DIR."""
    runtime.mkdir(mode=0o700)
    owner = runtime.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(ImpastoError, match="belongs to another user; set XDG_RUNTIME_DIR"):
        ControlServer(a_board())


def test_a_socket_of_our_own_number_from_before(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(runtime / f"live-{os.getpid()}.sock"))
    with ControlServer(a_board()):
        assert send("next")["ok"] is True


@pytest.mark.parametrize("name", ["taken", "x" * 200, "missing/live.sock"])
def test_where_it_cannot_listen(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("a file of somebody's")
    with pytest.raises(ImpastoError, match="cannot listen at"):
        ControlServer(a_board(), tmp_path / name)
    assert (tmp_path / "taken").read_text() == "a file of somebody's"


def test_a_second_run_at_one_path_is_refused(server: ControlServer) -> None:
    with pytest.raises(ImpastoError, match="cannot listen at"):
        ControlServer(a_board(), server.path)
    assert send("next")["ok"] is True


def test_something_else_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(tmp_path / "s"))
        stranger.listen()

        def greet() -> None:
            connection, _ = stranger.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\n")
                connection.recv(1000)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ImpastoError, match="does not answer as an impasto live"):
            send("next", path=tmp_path / "s")
        thread.join()
