"""Streams pulled from real servers, that end, break off and return."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import av
import pytest
from clips import psnr_db, write_clip, write_tone
from servers import WebServer, free_port, read_some, rtsp_server, running

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, SignalLost, Source
from realtime.frames.request import SourceRequest
from realtime.frames.sound_feed import Sound
from realtime.live.openers import open_source
from realtime.media.colour.rgb import ColourTags
from realtime.sources import stream, stream_source
from realtime.sources.file import FileSource
from realtime.sources.stream_source import Arrival


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    server = WebServer(tmp_path)
    with running(server):
        yield server


@contextmanager
def opened(address: str, **changes: object) -> Iterator[Source]:
    source = open_source(address, SourceRequest(**changes))  # type: ignore[arg-type]
    try:
        yield source
    finally:
        source.close()


def read_until_lost(source: Source, keep: Callable[[Frame], object] = id) -> str:
    """The message of the loss, after all frames before it."""
    for _ in range(500):
        try:
            frame = source.read()
            assert frame is not None
            keep(frame)
        except SignalLost as lost:
            return str(lost)
    raise AssertionError("the loss was not noticed")


def test_rtsp_with_sound_breaks_off_and_returns(tmp_path: Path) -> None:
    with running(rtsp_server(str(tmp_path / "x.ts"))) as server:
        address = f"rtsp://127.0.0.1:{server.port}/play"
        with opened(address) as source:
            assert source.live
            assert source.size == (320, 240)
            listener = source.sound.listen()  # type: ignore[attr-defined]
            frames = read_some(source, 30)
            sound = listener.get(timeout_seconds=5)
            assert isinstance(sound, Sound)
            assert abs(sound.captured_at - frames[0].captured_at) < 1
            seconds = frames[-1].captured_at - frames[5].captured_at
            assert seconds == pytest.approx(24 / 25, abs=0.3)
            server.kill()
            assert "127.0.0.1" in read_until_lost(source)
        with pytest.raises(ImpastoError, match="is the server running"):
            open_source(address, SourceRequest())
        server.start()
        with opened(address) as source:
            read_some(source, 3)


def test_rtsp_asks_for_a_password(tmp_path: Path) -> None:
    with running(rtsp_server(str(tmp_path / "x.ts"), "vincent", "sunflower")) as server:
        place = f"127.0.0.1:{server.port}/play"
        with opened(f"rtsp://vincent:sunflower@{place}") as source:
            read_some(source, 1)
        with pytest.raises(ImpastoError, match=r"wrong or missing user and password \(401\)") as told:
            open_source(f"rtsp://vincent:secretly@{place}", SourceRequest())
        assert "secretly" not in str(told.value)
        with pytest.raises(ImpastoError, match=r"nothing under this path|password"):
            open_source(f"rtsp://vincent:sunflower@127.0.0.1:{server.port}/nowhere", SourceRequest())


def test_http_file_is_played_at_its_speed(web: WebServer) -> None:
    write_clip(web.www / "clip.mp4", pts=range(0, 25 * 512, 512))
    with opened(f"http://127.0.0.1:{web.http_port}/clip.mp4", loop=True) as source:
        frames = read_some(source, 40)
    assert frames[-1].captured_at - frames[0].captured_at == pytest.approx(39 / 25, abs=0.2)
    assert all(later.pts_seconds > earlier.pts_seconds for earlier, later in pairwise(frames))


def test_a_server_that_is_away_when_the_film_begins_again_may_come_back(web: WebServer) -> None:
    """As one that goes away in the middle of it."""
    write_clip(web.www / "clip.mp4", pts=range(0, 25 * 512, 512))
    with opened(f"http://127.0.0.1:{web.http_port}/clip.mp4", loop=True) as source:
        read_some(source, 3)
        web.kill()
        with pytest.raises(SignalLost, match="the connection was refused"):
            read_some(source, 100)


def test_http_file_ends(web: WebServer) -> None:
    write_clip(web.www / "clip.mp4")
    with opened(f"http://127.0.0.1:{web.http_port}/clip.mp4") as source:
        frames: list[Frame] = list(iter(source.read, None))
    assert len(frames) == 10


def test_hls_is_played(web: WebServer) -> None:
    write_clip(web.www / "show.m3u8", pts=range(0, 25 * 512, 512))
    with opened(f"http://127.0.0.1:{web.http_port}/show.m3u8") as source:
        assert len(list(iter(source.read, None))) == 25


def test_what_http_answers(web: WebServer) -> None:
    (web.www / "page.html").write_text("<html>no video</html>")
    for path, remedy in (
        ("nowhere.mp4", r"nothing under this path \(404\)"),
        ("secret/clip.mp4?token=abc", r"wrong or missing user and password \(401\)"),
        ("page.html", "is a web page"),
    ):
        with pytest.raises(ImpastoError, match=remedy) as told:
            open_source(f"http://127.0.0.1:{web.http_port}/{path}", SourceRequest())
        assert "abc" not in str(told.value)
        assert "\n" not in str(told.value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what never comes."""
    monkeypatch.setattr(stream, "OPEN_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_rtmp_that_nobody_sends(web: WebServer) -> None:
    with pytest.raises(ImpastoError, match=r"/live/\*\*\*: "):
        open_source(f"rtmp://127.0.0.1:{web.port}/live/key", SourceRequest())


def send(connection: socket.socket, data: bytes) -> Callable[[], None]:
    def run() -> None:
        with connection:
            connection.sendall(data)

    thread = threading.Thread(target=run)
    thread.start()
    return thread.join


@pytest.mark.parametrize("changing", [False, True])
def test_tcp_transport_stream(tmp_path: Path, changing: bool) -> None:
    data = write_clip(tmp_path / "a.ts").read_bytes()
    if changing:
        data += write_clip(tmp_path / "b.ts", size=(96, 64), pts=range(512 * 20, 512 * 40, 512)).read_bytes()
    frames: list[Frame] = []
    with sent_over_tcp(data) as address, opened(address) as source:
        assert read_until_lost(source, frames.append).endswith("has ended")
    assert {frame.size for frame in frames} == {(64, 48)}
    assert len(frames) >= (20 if changing else 9)


@contextmanager
def sent_over_tcp(data: bytes) -> Iterator[str]:
    """The address at which the first who calls is sent the data."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        finished: list[Callable[[], None]] = []
        thread = threading.Thread(target=lambda: finished.append(send(server.accept()[0], data)))
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join()
        finished[0]()


def test_an_interlaced_stream_is_shown_as_the_file_is(shared_data: Path) -> None:
    path = shared_data / "video" / "odd" / "interlaced_mpeg2.ts"
    assert_shown_as_a_file(path, "interlaced")


def test_an_hdr_stream_is_shown_as_the_file_is(tmp_path: Path) -> None:
    hlg = ColourTags(9, 1, 9, 18)
    path = write_clip(tmp_path / "hlg.ts", codec="libx265", pixel_format="yuv420p10le", tags=hlg)
    assert_shown_as_a_file(path, "HDR")


def assert_shown_as_a_file(path: Path, word: str) -> None:
    told: list[str] = []
    frames: list[Frame] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_source, "MOST_BEHIND_SECONDS", 60.0)  # nothing is left out, as slow as the first may be
        with sent_over_tcp(path.read_bytes()) as address, opened(address, report=told.append) as source:
            read_until_lost(source, frames.append)
    in_file = FileSource(path, square_pixels=True)
    expected = list(iter(in_file.read, None))
    in_file.close()
    assert [line for line in told if word in line]
    assert len(frames) == len(expected)
    assert all(psnr_db(one.data, other.data) > 40 for one, other in zip(frames, expected, strict=True))


def test_a_stream_of_sound_alone(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "radio.ts"), "w") as radio:
        sound = radio.add_stream("aac", rate=48000)
        write_tone(radio, sound)
    with (
        sent_over_tcp((tmp_path / "radio.ts").read_bytes()) as address,
        pytest.raises(ImpastoError, match="sends no video, only audio; look at the address"),
    ):
        open_source(address, SourceRequest())


def test_stop_ends_the_opening() -> None:
    request = SourceRequest()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Timer(0.2, request.stop.set).start()
        with pytest.raises(ImpastoError, match="was not opened: stopped before"):
            open_source(f"http://127.0.0.1:{silent.getsockname()[1]}/x", request)


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("http://127.0.0.1:1/a.mp4", "is the server running"),
        ("tcp://127.0.0.1", "names no port"),
        ("rtsp://", "names no host"),
        ("rtsp://no-such-host.invalid/a", "there is no host no-such-host.invalid"),
    ],
)
def test_nobody_there(address: str, remedy: str) -> None:
    with pytest.raises(ImpastoError, match=remedy):
        open_source(address, SourceRequest())


@pytest.mark.usefixtures("impatient")
def test_nothing_is_sent() -> None:
    port = free_port(socket.SOCK_DGRAM)
    with pytest.raises(ImpastoError, match="nothing came in time; is anything being sent there"):
        open_source(f"udp://@127.0.0.1:{port}", SourceRequest())


def test_packets_that_lie_unread_are_behind_and_held_up_ones_are_not() -> None:
    arrival = Arrival()
    assert not arrival.behind(0.0, 100.0)
    assert not arrival.behind(1.0, 101.2)
    assert arrival.behind(2.0, 103.0)
    arrival.waited(0.01)
    assert not arrival.behind(3.0, 104.0)  # it was waited for: the way is longer now
    assert arrival.captured_at(3.5, 104.5) == pytest.approx(104.5)
    assert arrival.captured_at(3.5, 104.7) == pytest.approx(104.5)
