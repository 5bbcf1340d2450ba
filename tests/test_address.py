"""No secret of an address is shown."""

import pytest

from realtime.frames.address import redacted


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("camera:0", "camera:0"),
        ("out.mp4", "out.mp4"),
        ("rtmp://live.example.com/app/abcd-efgh", "rtmp://live.example.com/app/***"),
        ("rtmp://live.example.com/app", "rtmp://live.example.com/app"),
        ("rtsp://me:word@10.0.0.1:554/one?x=1", "rtsp://***@10.0.0.1:554/one?x=1"),
        ("srt://host:9000?passphrase=word&mode=caller", "srt://host:9000?passphrase=***&mode=caller"),
        ("https://host/a.m3u8?token=word#word", "https://host/a.m3u8?token=***"),
        ("http://10.0.0.1/video?usr=me&pwd=word", "http://10.0.0.1/video?usr=me&pwd=***"),
        ("rtsp://10.0.0.1/user=me&password=word&channel=1", "rtsp://10.0.0.1/user=me&password=***&channel=1"),
        ("rtsp://10.0.0.1/user=me_password=word_channel=1", "rtsp://10.0.0.1/user=me_password=***_channel=1"),
        ("hls:https://me:word@host/a.m3u8?token=word", "hls:https://***@host/a.m3u8?token=***"),
        ("udp://@:5000", "udp://@:5000"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("rtsp://me:word@host:port/one", "rtsp://***"),
    ],
)
def test_what_is_shown_of_an_address(address: str, shown: str) -> None:
    assert redacted(address) == shown
