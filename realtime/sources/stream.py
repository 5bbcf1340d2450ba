"""Streams from the network: RTSP, RTMP, HTTP, HLS, and MPEG-TS over UDP and TCP.

Where FFmpeg finds no video, a look at the first bytes tells what the address sends.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import av
from av.container import InputContainer

from engines.errors import BadFile, ImpastoError
from engines.failures import on_failure
from realtime.frames.address import PLAYLIST, redacted, source_scheme
from realtime.frames.frame import SignalLost, Source
from realtime.frames.request import SourceRequest, refuse_modes
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.media.blocking_calls import BlockingCalls
from realtime.media.network import cannot_open, check_host, playlist_path
from realtime.media.streams import file_url
from realtime.sources.film_sound import SoundAhead
from realtime.sources.playback import PlaybackSource, Reel
from realtime.sources.stream_source import FIRST_PICTURE_SECONDS, ReceivedPicture, StreamSource

OPEN_SECONDS = 2.5  # twice: to connect, and to learn what comes
LONGEST_OPEN_SECONDS = 2 * OPEN_SECONDS + FIRST_PICTURE_SECONDS + 1  # FFmpeg's own timeouts come first and know more
SILENCE_SECONDS = 0.9  # between two packets of a live stream
PLAYBACK_SILENCE_SECONDS = 4.0  # a file that is fetched ahead may pause
HLS_SILENCE_SECONDS = 10.0  # a new segment comes only every few seconds
HLS = "hls"
WEB = ("http", "https")
MJPEG = "mjpeg"  # pictures one after the other, whatever stands between them
PICTURES = ("image2", "_pipe")  # how the formats of single pictures are called
# Bytes, microseconds, frames. The defaults look for 5 s, and 20 frames alone for the frame rate.
QUICK_LOOK = {"probesize": "1000000", "analyzeduration": "500000", "fpsprobesize": "3"}
OPTIONS = {
    "rtsp": {"rtsp_transport": "tcp"},
    "rtsps": {"rtsp_transport": "tcp"},
    "udp": {"fifo_size": "20000", "overrun_nonfatal": "1", "buffer_size": "1048576"},
}
FORMATS = {"udp": "mpegts", "tcp": "mpegts", "rtmp": "flv", "rtmps": "flv"}
HLS_EDGE = {"live_start_index": "-2"}  # the default begins three segments late
LOOK_BYTES = 4096
# Where the demuxer that takes all for bytes may stop looking for more.
LOOK_OPTIONS = {"probesize": "2048"}
PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
JPEG_BEGINS = b"\xff\xd8\xff"
# A part of multipart/x-mixed-replace (RFC 2046, 5.1) without the boundary that is to stand before it.
PART_OF_JPEG = re.compile(rb"\s*(?:[\w-]+:[^\r\n]*\r?\n)+\r?\n\xff\xd8\xff")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open stream. One for `playback` has an end, or comes in pieces, and is shown at its own pace."""

    source: StreamSource
    playback: bool


def open_stream(address: str, request: SourceRequest) -> Source:
    """The stream behind an address; ImpastoError where there is none within five seconds, no
    picture within five more, or `stop` is set before.

    What FFmpeg knows the length of is a film, played at its own speed, and again with `loop`; so is HLS, whose pictures
    come in segments. All else is live.
    """
    refuse_modes(redacted(address), request)
    opened = _open_in_time(address, request)
    if not opened.playback:
        return opened.source
    feed = opened.source.sound
    return PlaybackSource(
        _reel(opened.source),
        lambda: _reel(_open_again(address, request, feed)),
        request,
        waits=True,
        sound=SoundAhead(feed) if feed else None,
    )


def _open_again(address: str, request: SourceRequest, feed: SoundFeed | None) -> StreamSource:
    """At the end of a loop; a server that is gone then may come back, as in mid-film."""
    try:
        return _open_in_time(address, request, feed).source
    except ImpastoError as error:
        raise SignalLost(str(error)) from None


def _reel(source: StreamSource) -> Reel:
    return Reel(source, _seconds, _sounds, lasts=_lasts)


def _seconds(picture: ReceivedPicture) -> float:
    return picture.seconds


def _lasts(picture: ReceivedPicture) -> float:
    return float((picture.picture.duration or 0) * (picture.picture.time_base or 0))


def _sounds(picture: ReceivedPicture) -> tuple[Sound, ...]:
    return picture.sounds


def _open_in_time(address: str, request: SourceRequest, feed: SoundFeed | None = None) -> Opened:
    """FFmpeg's opening cannot be interrupted: one that comes too late is closed by the thread it runs on."""
    late: list[Opened] = []

    def close_late() -> None:
        for opened in late:
            opened.source.close()

    thread = BlockingCalls("impasto-open", close_late)
    try:
        thread.do(lambda: late.append(_open(address, feed, request.report)), LONGEST_OPEN_SECONDS, request.stop)
        return late.pop()
    except (ImpastoError, av.FFmpegError, TimeoutError, ValueError) as error:
        if request.stop.is_set():
            raise ImpastoError(f"{redacted(address)} was not opened: stopped before") from None
        raise cannot_open(address, error) from None
    finally:
        thread.finish()


def _open(address: str, feed: SoundFeed | None, report: Callable[[str], None]) -> Opened:
    scheme, url = _scheme_and_url(address)
    check_host(url)
    options = {**QUICK_LOOK, **OPTIONS.get(scheme, {})}
    if scheme == HLS or PLAYLIST in url.lower():
        options |= HLS_EDGE
    container = _container_of_any(address, url, scheme, options)
    in_segments = container.format.name == HLS
    playback = in_segments or bool(container.duration)
    if playback:  # only now it is known, and PyAV takes the timeout only when it opens
        container.close()
        container = _container(url, scheme, options, HLS_SILENCE_SECONDS if in_segments else PLAYBACK_SILENCE_SECONDS)
    with on_failure(container.close):
        source = StreamSource(container, redacted(address), live=not playback, feed=feed, report=report)
        _refuse_single_picture(container, source, redacted(address))
        return Opened(source, playback)


def _container_of_any(address: str, url: str, scheme: str, options: dict[str, str]) -> InputContainer:
    """What FFmpeg makes nothing of may still be a camera's pictures, or a page that can be told by its name."""
    try:
        return _container(url, scheme, options, SILENCE_SECONDS)
    except (av.InvalidDataError, av.EOFError):
        begin = first_bytes(url, (OPEN_SECONDS, SILENCE_SECONDS)) if scheme in WEB else b""
        refuse_page(begin, redacted(address))
        if not is_endless_jpeg(begin):
            raise
    return _container(url, scheme, options, SILENCE_SECONDS, MJPEG)


def _refuse_single_picture(container: InputContainer, source: StreamSource, shown: str) -> None:
    """A server that sends one picture after the other in one answer is a stream."""
    if container.format.name.endswith(PICTURES) and not source.moves():
        raise BadFile(f"{shown} is one picture, which does not move; save it and paint it with `impasto image`")


def _scheme_and_url(address: str) -> tuple[str, str]:
    """A playlist on this machine is named as the sink for HLS names it."""
    scheme, _, rest = address.partition(":")
    if source_scheme(address) != HLS:
        return scheme.lower(), address
    return HLS, rest if "://" in rest else file_url(playlist_path(address))


def _container(
    url: str, scheme: str, options: dict[str, str], silence_seconds: float, format_name: str | None = None
) -> InputContainer:
    return av.open(
        url, format=format_name or FORMATS.get(scheme), options=options, timeout=(OPEN_SECONDS, silence_seconds)
    )


def first_bytes(url: str, timeout: tuple[float, float]) -> bytes:
    """Some of what is sent there; what FFmpeg raises where nothing is."""
    found = b""
    with av.open(url, format="data", options=LOOK_OPTIONS, timeout=timeout) as container:
        for packet in container.demux():
            found += bytes(packet)
            if not packet.size or len(found) >= LOOK_BYTES:
                break
    return found


def is_endless_jpeg(begin: bytes) -> bool:
    """Whether pictures come as some cameras send them (ESP32-CAM): JPEG without a boundary before the first."""
    return begin.startswith(JPEG_BEGINS) or PART_OF_JPEG.match(begin) is not None


def refuse_page(begin: bytes, shown: str) -> None:
    """BadFile where it is a web page that people mistook for the stream on it."""
    if PAGE.match(begin):
        raise BadFile(f"{shown} is a web page; give the address of the stream itself, as in .m3u8, .mp4 or rtsp://")
