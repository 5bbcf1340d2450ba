"""The server's side of the control socket: several clients at once, on one thread that none of them can hold up."""

import selectors
import socket
import threading
from contextlib import suppress
from pathlib import Path

from engines.errors import ImpastoError
from realtime.live.control.board import ControlBoard
from realtime.live.control.folder import has_sockets, own_socket
from realtime.live.control.protocol import MOST_LINE_BYTES, TOO_LONG, answer_to, refusal

PRIVATE_SOCKET = 0o600
MOST_CLIENTS = 64
READ_BYTES = 65536
CLOSE_SECONDS = 0.5


class ControlServer:
    """Listens at `path` from its start to `close`; a context manager.

    Without a path it is `live-PID.sock` in the user's private folder. ImpastoError where it cannot listen there: the
    run can go on without, controlled by keys.
    """

    def __init__(self, board: ControlBoard, path: Path | None = None) -> None:
        if not has_sockets():
            raise ImpastoError("this system has no Unix sockets: `impasto control` cannot reach this run, its keys can")
        self.path = path or own_socket()
        self._board = board
        self._listener = _listen(self.path)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._ending, self._end = socket.socketpair()
        self._selector.register(self._ending, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, name="impasto-control", daemon=True)
        self._thread.start()

    def __enter__(self) -> "ControlServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread, the connections and the socket's file; what was answered but not read is lost.

        A command that is being carried out is waited for half a second, for a style may lie on a disk that hangs.
        """
        if self._end.fileno() < 0:  # closed before, and the path may be another run's by now
            return
        with suppress(OSError):
            self.path.unlink()
        self._end.close()  # the thread sees it at the other end
        self._thread.join(CLOSE_SECONDS)

    def _serve(self) -> None:
        try:
            while self._step():
                pass
        finally:
            for key in list(self._selector.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
            self._selector.close()

    def _step(self) -> bool:
        """Wait for something to do and do it; False when it is time to end."""
        for key, events in self._selector.select():
            if key.fileobj is self._ending:
                return False
            if key.data is None:
                self._welcome()
            else:
                self._attend(key.data, events)
        return True

    def _welcome(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it went away again, or there are no more file descriptors
            return
        if len(self._selector.get_map()) >= MOST_CLIENTS + 2:
            connection.close()
            return
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, _Client(connection, self._board))

    def _attend(self, client: "_Client", events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                client.read()
            client.write()
        except OSError:  # it has hung up
            client.finished = True
            client.outgoing.clear()
        if client.finished and not client.outgoing:
            self._selector.unregister(client.connection)
            client.connection.close()
        else:
            # Nothing is read from a client that does not read its answers, so its memory is bounded.
            self._selector.modify(client.connection, client.wants, client)


class _Client:
    """One connection: what came and is no whole line yet, and what it has not taken yet."""

    def __init__(self, connection: socket.socket, board: ControlBoard) -> None:
        self.connection = connection
        self.outgoing = bytearray()
        self.finished = False
        self._board = board
        self._incoming = bytearray()
        self._too_long = False

    @property
    def wants(self) -> int:
        return selectors.EVENT_WRITE if self.outgoing else selectors.EVENT_READ

    def read(self) -> None:
        """Take what came and answer every whole line of it; a last line needs no newline."""
        with suppress(BlockingIOError):
            piece = self.connection.recv(READ_BYTES)
            self.finished = not piece
            self._incoming += piece if piece else b"\n"
        *lines, rest = self._incoming.split(b"\n")
        for line in lines:
            self._answer(bytes(line))
        self._incoming = rest
        if len(rest) > MOST_LINE_BYTES:
            self._refuse_length()
            self._incoming.clear()

    def write(self) -> None:
        with suppress(BlockingIOError):
            while self.outgoing:
                del self.outgoing[: self.connection.send(self.outgoing)]

    def _answer(self, line: bytes) -> None:
        if self._too_long:  # the end of a line that was refused already
            self._too_long = False
        elif len(line) > MOST_LINE_BYTES:
            self.outgoing += refusal(TOO_LONG)
        elif line.strip():
            self.outgoing += answer_to(line, self._board)

    def _refuse_length(self) -> None:
        if not self._too_long:
            self.outgoing += refusal(TOO_LONG)
        self._too_long = True


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path)
        listener.bind(str(path))
        path.chmod(PRIVATE_SOCKET)
        listener.listen()
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ImpastoError(f"cannot listen at {path} ({error.strerror or error}); give another --socket") from None
    return listener


def _remove_dead(path: Path) -> None:
    """A socket that nobody listens at any more; anything else that lies there is left, and binding fails."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
