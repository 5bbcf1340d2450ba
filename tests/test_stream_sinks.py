"""Streams pushed to real servers, and pulled back."""

import io
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from pushed_streams import FRAMES, RATE, SIZE, pull, push, push_until_lost, request, watch_while_pushing
from servers import WebServer, frames_of_scene, free_port, rtsp_server, running, wait_for

from engines.errors import ImpastoError
from realtime.frames.frame import Frame, WatchedSink
from realtime.frames.request import SourceRequest
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.live.openers import open_sink, open_source
from realtime.sinks import stream


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """A second of the scene and a little more."""
    return frames_of_scene(FRAMES, SIZE, RATE)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    server = WebServer(tmp_path)
    with running(server):
        yield server


def test_rtmp(web: WebServer, frames: list[Frame]) -> None:
    address = f"rtmp://127.0.0.1:{web.port}/live/key"
    pictures, source = watch_while_pushing(address, address, frames)
    assert pictures == list(range(pictures[0], pictures[0] + FRAMES))
    assert source.size == SIZE
    assert source.sound is not None  # a silent track


def test_rtmp_returns_with_its_server(web: WebServer, frames: list[Frame]) -> None:
    address = f"rtmp://127.0.0.1:{web.port}/live/key"
    sink = open_sink(address, request())
    sink.write(frames[0])
    web.kill()
    lost = push_until_lost(sink, frames)
    assert f"rtmp://127.0.0.1:{web.port}/live/***" in lost
    assert "key" not in lost
    with pytest.raises(ImpastoError, match="refused"):
        open_sink(address, request())
    web.start()
    push(address, frames)


def test_rtmp_that_is_not_allowed(web: WebServer, frames: list[Frame]) -> None:
    with pytest.raises(ImpastoError) as told:  # FFmpeg learns of it at once or with the first pictures
        push(f"rtmp://127.0.0.1:{web.port}/closed/secret", frames)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what never comes."""
    monkeypatch.setattr(stream, "WRITE_SECONDS", 1.0)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_says_nothing_stops_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ImpastoError, match="no answer came in time"):
            open_sink(f"rtmp://127.0.0.1:{port}/live/key", request())


def test_rtsp(tmp_path: Path, frames: list[Frame]) -> None:
    recording = tmp_path / "pushed.ts"
    with running(rtsp_server(str(recording))) as server:
        address = f"rtsp://127.0.0.1:{server.port}/record"
        sink = open_sink(address, request())
        ticks = iter(range(1000))

        def push_one_more() -> bool:
            tick = next(ticks)
            sink.write(replace(frames[tick % FRAMES], pts=tick))
            return tick % 25 == 0 and pictures_in(recording.read_bytes()) >= FRAMES

        wait_for(push_one_more)
        sink.close()
        with pytest.raises(ImpastoError):
            open_sink(f"rtsp://127.0.0.1:{server.port}/nowhere", request())
        sink = open_sink(address, request())
        sink.write(frames[0])
        server.kill()
        assert push_until_lost(sink, frames)
        server.start()
        push(address, frames[:5])


def test_rtsp_asks_for_a_password(tmp_path: Path) -> None:
    with running(rtsp_server(str(tmp_path / "pushed.ts"), "vincent", "sunflower")) as server:
        place = f"127.0.0.1:{server.port}/record"
        open_sink(f"rtsp://vincent:sunflower@{place}", request()).close()
        with pytest.raises(ImpastoError, match=r"wrong or missing user and password \(401\)") as told:
            open_sink(f"rtsp://vincent:secretly@{place}", request())
        assert "secretly" not in str(told.value)


def test_udp(frames: list[Frame]) -> None:
    port = free_port(socket.SOCK_DGRAM)
    pictures, _ = watch_while_pushing(f"udp://127.0.0.1:{port}", f"udp://@127.0.0.1:{port}", frames)
    assert pictures == list(range(pictures[0], pictures[0] + FRAMES))


@pytest.mark.parametrize(("listens", "host"), [("sink", "127.0.0.1"), ("sink", "::1"), ("reader", "127.0.0.1")])
def test_tcp(listens: str, host: str, frames: list[Frame]) -> None:
    port = free_port()
    address = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
    with ThreadPoolExecutor() as pool:
        if listens == "sink":
            opened = open_sink(f"{address}?listen", request())
            reader = pool.submit(drain, socket.create_connection((host, port)))
        else:
            with socket.create_server(("127.0.0.1", port)) as server:
                opened = open_sink(address, request())
                reader = pool.submit(drain, server.accept()[0])
        for frame in frames:
            opened.write(frame)
        opened.close()
        assert pictures_in(reader.result(timeout=10)) == FRAMES


def drain(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as data:
        return data.read()


def pictures_in(data: bytes) -> int:
    try:
        with av.open(io.BytesIO(data), "r", format="mpegts") as stream:
            return len(list(stream.decode(video=0)))
    except (av.FFmpegError, IndexError):  # nothing is there yet
        return 0


def test_tcp_waits_for_those_who_watch_one_after_the_other(frames: list[Frame]) -> None:
    port, lines = free_port(), list[str]()
    sink = open_sink(f"tcp://127.0.0.1:{port}?listen", request(report=lines.append))
    sink.write(frames[0])  # nobody is there
    assert isinstance(sink, WatchedSink)
    assert not sink.is_watched
    with ThreadPoolExecutor() as pool:
        first = socket.create_connection(("127.0.0.1", port))
        sink.write(frames[1])
        assert sink.is_watched
        first.close()
        for number in range(2, 3000):  # as a lane goes on
            sink.write(replace(frames[number % FRAMES], pts=number))
            if len(lines) == 2:
                break
            threading.Event().wait(0.01)
        assert not sink.is_watched
        reader = pool.submit(drain, socket.create_connection(("127.0.0.1", port)))
        for number in range(4000, 4000 + FRAMES):
            sink.write(replace(frames[number % FRAMES], pts=number))
        sink.close()
        assert pictures_in(reader.result(timeout=10)) == FRAMES
    assert [line.endswith("watches") for line in lines] == [True, False, True]
    assert lines[1].endswith("; the next may call")


def test_tcp_where_the_port_is_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(
            ImpastoError, match=r"nobody can call here \(.*in use\); name an address of this machine and a free port"
        ),
    ):
        open_sink(f"tcp://127.0.0.1:{server.getsockname()[1]}?listen", request())


def test_tcp_to_a_reader_that_stops(frames: list[Frame]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = open_sink(f"tcp://127.0.0.1:{server.getsockname()[1]}", request())
        connection = server.accept()[0]
        sink.write(frames[0])
        connection.close()
        assert push_until_lost(sink, frames)


def test_hls_with_sound(tmp_path: Path, frames: list[Frame]) -> None:
    feed = SoundFeed(48000, 1)
    sink = open_sink(f"hls:{tmp_path}/live", request(sound=feed))
    wave = np.sin(np.arange(1920, dtype=np.float32) * 0.1)[None]
    for tick in range(6 * 25 + 1):
        captured_at = 100 + tick / 25
        feed.put(Sound(wave, 48000, captured_at))
        sink.write(replace(frames[tick % FRAMES], pts=tick, captured_at=captured_at))
    playlist = tmp_path / "live" / "stream.m3u8"
    assert "#EXT-X-ENDLIST" not in playlist.read_text()
    sink.close()
    assert "#EXT-X-ENDLIST" in playlist.read_text()
    pictures, sounds = pull(str(playlist))
    assert pictures == 151
    assert sounds > 270
    assert not list(tmp_path.glob("**/*.tmp"))


def test_hls_keeps_few_segments(tmp_path: Path, frames: list[Frame]) -> None:
    sink = open_sink(str(tmp_path / "show.m3u8"), request())
    for tick in range(25 * 25):
        sink.write(replace(frames[tick % FRAMES], pts=tick))
    sink.close()
    listed = (tmp_path / "show.m3u8").read_text().count("#EXTINF")
    assert listed == 6
    assert len(list(tmp_path.glob("*.ts"))) <= listed + 2


@pytest.mark.parametrize("address", ["hls:{0}/100% a:b", "{0}/site/one:two 5%.m3u8"])
def test_hls_under_any_name_is_played_back(tmp_path: Path, address: str, frames: list[Frame]) -> None:
    push(address.format(tmp_path), frames)
    source = open_source(address.format(tmp_path), SourceRequest())
    assert len(list(iter(source.read, None))) == FRAMES
    source.close()


@pytest.mark.parametrize(("folder", "reason"), [("/proc", "is not writable"), ("{}/a%d", "has a %")])
def test_hls_into_a_folder_that_cannot_be(tmp_path: Path, folder: str, reason: str) -> None:
    """Not even the superuser writes to /proc."""
    with pytest.raises(ImpastoError, match=f"{reason}.*; name another folder for HLS"):
        open_sink(f"hls:{folder.format(tmp_path)}", request())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
def test_hls_onto_a_full_disk_is_told(tmp_path: Path, frames: list[Frame]) -> None:
    """FFmpeg's muxer tells nobody."""
    sink = open_sink(f"hls:{tmp_path}", request())
    (tmp_path / "stream.m3u8.tmp").symlink_to("/dev/full")
    assert "has broken off (No space left on device)" in push_until_lost(sink, frames)


def test_hls_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImpastoError, match="name another folder for HLS"):
        open_sink(f"hls:{tmp_path}/file/live", request())


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("rtmp://127.0.0.1:1/live/key", "is the server running"),
        ("rtsp://user:pass@127.0.0.1:1/x", "is the server running"),
        ("tcp://127.0.0.1:1", "is the server running"),
        ("tcp://127.0.0.1", "names no port"),
        ("tcp://127.0.0.1?listen", "names no port"),
        ("udp://", "names no port"),
        ("rtmp://", "names no host"),
        ("rtmp://127.0.0.1:99999/live/key", "the port is a number"),
        ("rtmp://no-such-host.invalid/live/key", "there is no host no-such-host.invalid"),
    ],
)
def test_nobody_there(address: str, remedy: str) -> None:
    with pytest.raises(ImpastoError, match=remedy) as told:
        open_sink(address, request())
    assert "pass" not in str(told.value).replace("impasto", "")
    assert "\n" not in str(told.value)
