"""Which source or sink an address means."""

from pathlib import Path

import pytest

from engines.errors import ImpastoError
from realtime.frames.address import refuse_doubles, sink_scheme, source_scheme
from realtime.frames.request import SinkRequest, SourceRequest
from realtime.live.openers import SINKS, SOURCES, open_sink, open_source


@pytest.mark.parametrize(
    ("address", "scheme"),
    [
        ("camera:0", "camera"),
        ("camera:/dev/video2", "camera"),
        ("pattern:", "pattern"),
        ("RTSP://host/one", "rtsp"),
        ("clip.mp4", "file"),
        ("C:/clips/clip.mp4", "file"),
        ("folder/clip 12:30.mp4", "file"),
    ],
)
def test_the_scheme_of_a_source(address: str, scheme: str) -> None:
    assert source_scheme(address) == scheme


@pytest.mark.parametrize(
    ("address", "scheme"),
    [("window:", "window"), ("out.mp4", "file"), ("site/live.m3u8", "hls"), ("srt://host:9000", "srt")],
)
def test_the_scheme_of_a_sink(address: str, scheme: str) -> None:
    assert sink_scheme(address) == scheme


def test_a_file_that_is_called_like_a_scheme_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("screen:one.mp4").touch()
    assert source_scheme("screen:one.mp4") == "file"


def test_an_unknown_scheme_names_the_known_ones_and_no_secret() -> None:
    with pytest.raises(ImpastoError, match=r"ftp://\*\*\*@host/a: there is no source ftp:, only camera, .*rtsp"):
        open_source("ftp://me:word@host/a", SourceRequest())


def test_an_unknown_sink_names_the_known_ones(sink_request: SinkRequest) -> None:
    with pytest.raises(ImpastoError, match=r"there is no sink ndi:, only window, virtualcam"):
        open_sink("ndi:one", sink_request)


def test_a_url_may_be_longer_than_a_path() -> None:
    """Services sign theirs with tokens of hundreds of letters."""
    url = f"https://host/{'a' * 300}.m3u8?token={'b' * 5000}"
    assert source_scheme(url) == "https"
    assert sink_scheme(f"rtmp://host/app/{'k' * 300}") == "rtmp"
    refuse_doubles(url, [f"rtmp://host/app/{'k' * 300}"])


def test_every_scheme_leads_to_a_function() -> None:
    from importlib import import_module

    for where in {*SOURCES.values(), *SINKS.values()}:
        module, _, function = where.partition(":")
        assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize(
    ("source", "sinks"),
    [
        ("camera:0", ["out.mp4", "./out.mp4"]),
        ("clip.mp4", ["clip.mp4"]),
        ("camera:0", ["window:", "window:"]),
        ("camera:0", ["pipe:", "pipe:rawvideo"]),
        ("camera:0", ["rtmp://host/app/key", "rtmp://host/app/key"]),
        ("camera:0", ["hls:site", "site/stream.m3u8"]),
    ],
)
def test_two_sinks_for_one_thing_are_refused(source: str, sinks: list[str]) -> None:
    with pytest.raises(ImpastoError, match="name another"):
        refuse_doubles(source, sinks)


@pytest.mark.parametrize("source", ["camera:0", "pattern:", "screen:"])
def test_different_sinks_go_together(source: str) -> None:
    refuse_doubles(source, ["window:", "out.mp4", "out.mkv", "null:", "null:"])
