"""Real servers for tests of streams, each on a port of its own: nginx with its RTMP module, GStreamer's RTSP server."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, Source
from realtime.frames.request import SourceRequest
from realtime.live.openers import open_source
from realtime.sources.pattern import PatternSource
from realtime.sources.stream_source import StreamSource

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
SYSTEM_PYTHON = "/usr/bin/python3"
START_SECONDS = 20
NGINX = """
load_module {module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
rtmp {{
    server {{
        listen 127.0.0.1:{rtmp_port};
        application live {{ live on; wait_key on; }}
        application closed {{ live on; deny publish all; }}
    }}
}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{http_port};
        root {folder}/www;
        location /secret/ {{ return 401; }}
    }}
}}
"""


class Server:
    """A program that is started, killed and started again under the same port."""

    def __init__(self, command: Sequence[str], port: int, ready: Callable[[], bool]) -> None:
        self.port = port
        self._command, self._ready = command, ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for(lambda: self._ready() or self._died())

    def kill(self) -> None:
        """At once, as in a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _died(self) -> bool:
        process = self._process
        if process is not None and process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(f"{self._command[0]} ended: {process.stderr.read().decode()}")
        return False


def wait_for(true: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Wait until something is true."""
    deadline = time.perf_counter() + seconds
    while not true():
        assert time.perf_counter() < deadline, "it did not come true in time"
        time.sleep(0.02)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def needs(program: str) -> str:
    """The program's path; skips the test where it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        pytest.skip(f"needs {program}")
    return path


class WebServer(Server):
    """nginx: RTMP under rtmp://127.0.0.1:PORT/live/NAME, and the folder `www` under http://127.0.0.1:HTTP_PORT/."""

    def __init__(self, folder: Path) -> None:
        program = needs("nginx")
        if not RTMP_MODULE.exists():
            pytest.skip("needs nginx's RTMP module (libnginx-mod-rtmp)")
        self.http_port, rtmp_port = free_port(), free_port()
        self.www = folder / "www"
        self.www.mkdir(exist_ok=True)
        config = folder / "nginx.conf"
        config.write_text(
            NGINX.format(module=RTMP_MODULE, folder=folder, rtmp_port=rtmp_port, http_port=self.http_port)
        )
        command = [program, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)]
        super().__init__(command, rtmp_port, lambda: listens(rtmp_port) and listens(self.http_port))


def rtsp_server(recording: str, *credentials: str) -> Server:
    """GStreamer's: /play to watch, /record to push to, which is written to the file `recording`."""
    has_gstreamer = [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(has_gstreamer, capture_output=True).returncode:
        pytest.skip("needs GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0, python3-gi)")
    port = free_port()
    script = Path(__file__).with_name("rtsp_server.py")
    return Server([SYSTEM_PYTHON, str(script), str(port), recording, *credentials], port, lambda: listens(port))


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


def frames_of_scene(count: int, size: tuple[int, int] = (320, 240), rate: Fraction = Fraction(25)) -> list[Frame]:
    """Frames of the built-in scene with the times that a steady sink gets."""
    scene = PatternSource(*size, frame_rate=rate, frames=count)
    return list(iter(scene.read, None))


def open_soon(address: str) -> StreamSource:
    """The source, as soon as something is sent there."""
    opened: list[StreamSource] = []

    def try_to_open() -> bool:
        try:
            source = open_source(address, SourceRequest())
        except ImpastoError:
            return False
        assert isinstance(source, StreamSource)
        opened.append(source)
        return True

    wait_for(try_to_open)
    return opened[0]


def read_some(source: Source, count: int) -> list[Frame]:
    """The next frames of a source that must not end."""
    frames: list[Frame] = []
    while len(frames) < count:
        frame = source.read()
        assert frame is not None, "the source ended"
        frames.append(frame)
    return frames
