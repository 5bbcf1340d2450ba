"""A server that dies in mid-stream and comes back, seen from a whole live run: the other sinks never notice."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from clips import read_times
from leftovers import nothing_left_behind
from servers import WebServer, open_soon, read_some, running, wait_for

from engines.loading.engine import EngineChoice, load_engine
from engines.style.styles import load_style
from realtime.live.control.client import send
from realtime.live.options import LiveOptions
from realtime.live.run import run_live
from realtime.sinks import stream

PATTERN = "pattern:128x96@25"
PROVING_SECONDS = 2.0  # of the sink, which gives itself longer
AWAY_SECONDS = 2.0
MOST_APART_SECONDS = 1.0  # the machine of a test is busy, and the server is away for much longer
MOST_MORE_MS = 80.0  # two frames of latency


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with nothing_left_behind():
        yield


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    server = WebServer(tmp_path)
    with running(server):
        yield server


@pytest.fixture(scope="module")
def style(small_style: Path) -> str:
    """Its engine is built beforehand, so that the run paints from its first frames on."""
    load_engine(load_style(str(small_style)), height=96, width=128, choice=EngineChoice(backend="openvino")).close()
    return f"{small_style}:waves"


class Run:
    """A live run that another thread looks at: what it has told, how late it is, and its end."""

    def __init__(self, style: str, folder: Path) -> None:
        self.lines: list[str] = []
        self.stop = threading.Event()
        self._socket = folder / "live.sock"
        self._options = LiveOptions(style=style, engine="openvino", socket=self._socket)

    def into(self, *sinks: str) -> None:
        run_live(PATTERN, sinks, self._options, report=self.lines.append, stop=self.stop)

    def while_running(self, watch: Callable[[], None]) -> None:
        try:
            wait_for(self._socket.exists)
            watch()
        finally:
            self.stop.set()

    def told(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def latency_ms(self) -> float:
        """From capture to the sink that measures it, 19 of 20 frames of the last five seconds."""
        latency: float = send("status", None, self._socket)["figures"]["latency_ms"]["null:"]["p95"]
        return latency


def test_the_stream_returns_with_its_server_and_no_other_sink_notices(
    web: WebServer, style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PROVING_SECONDS", PROVING_SECONDS)
    address, recording = f"rtmp://127.0.0.1:{web.port}/live/key", tmp_path / "beside.mkv"
    run = Run(style, tmp_path)
    late_ms: list[float] = []

    def break_and_mend() -> None:
        wait_for(lambda: pictures_at(address) > 0)
        run.stop.wait(PROVING_SECONDS)
        late_ms.append(run.latency_ms())
        web.kill()
        wait_for(lambda: run.told("is lost"))
        run.stop.wait(AWAY_SECONDS)
        late_ms.append(run.latency_ms())
        web.start()
        wait_for(lambda: run.told("is back after"))
        assert pictures_at(address) > 0

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(run.while_running, break_and_mend)
        run.into("null:", str(recording), address)
        watching.result(timeout=20)
    assert not run.told("key")
    times = read_times(recording)
    assert float(times[-1]) > PROVING_SECONDS + AWAY_SECONDS
    assert max(float(later - earlier) for earlier, later in pairwise(times)) < MOST_APART_SECONDS
    assert late_ms[1] < late_ms[0] + MOST_MORE_MS


def pictures_at(address: str) -> int:
    """Pulled back from the server."""
    source = open_soon(address)
    try:
        return len(read_some(source, 10))
    finally:
        source.close()


def test_a_stream_that_the_server_refuses_is_not_tried_for_ever(web: WebServer, style: str, tmp_path: Path) -> None:
    """With a window beside it the run would go on; alone, it ends with the reason."""
    refused = f"rtmp://127.0.0.1:{web.port}/closed/secret"
    run = Run(style, tmp_path)
    try:
        run.into(refused)
    except Exception as error:  # FFmpeg learns of it at once or with the first pictures
        run.lines.append(str(error))
    assert [line for line in run.lines if f"rtmp://127.0.0.1:{web.port}/closed/***" in line]
    assert not run.told("secret")
    assert not run.told("is lost")
