"""A web server for tests in Python alone, of a folder and of cameras that send without end."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Sending = Callable[[Callable[[bytes], object]], None]
NO_CAMERAS: Mapping[str, Sending] = {}
JPEG_AFTER_JPEG = "multipart/x-mixed-replace;boundary=12345678900987654321"


class _Handler(SimpleHTTPRequestHandler):
    """`ranges` answers requests for a part of a file, which Python's own handler does not."""

    ranges = False
    cameras: dict[str, Sending]
    sent_as: str

    def do_GET(self) -> None:
        camera = self.cameras.get(self.path)
        try:
            if camera is not None:
                self._send_camera(camera)
            elif self.ranges and "Range" in self.headers:
                self._send_part()
            else:
                super().do_GET()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the other end has seen enough

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def _send_camera(self, camera: Sending) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.sent_as)
        self.end_headers()
        camera(self.wfile.write)

    def _send_part(self) -> None:
        data = Path(self.translate_path(self.path)).read_bytes()
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1 if last else None]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        self.wfile.write(part)


@contextmanager
def serving(
    folder: Path,
    cameras: Mapping[str, Sending] = NO_CAMERAS,
    *,
    sent_as: str = JPEG_AFTER_JPEG,
    ranges: bool = False,
) -> Iterator[str]:
    """The address of a folder; each camera is under its name, and writes until it returns or nobody listens."""
    by_path = {f"/{name}": camera for name, camera in cameras.items()}
    kind = type("Handler", (_Handler,), {"ranges": ranges, "cameras": by_path, "sent_as": sent_as})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
