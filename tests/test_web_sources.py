"""What lies on the web as a live source: films with their sound, cameras that send JPEG, and what is no film at all."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import write_clip
from leftovers import nothing_left_behind
from web_server import serving

from engines.errors import BadFile, ImpastoError
from realtime.frames.frame import Frame, Source
from realtime.frames.request import SourceRequest, tell_nobody
from realtime.frames.sound_feed import Sound, SoundFeed
from realtime.live.openers import open_source
from realtime.sound.choice import open_sound
from realtime.sources.film_order import FilmOrder
from realtime.sources.film_sound import SoundReader

RATE = 48000
FLASH_SECONDS, FILM_SECONDS = 0.4, 1.0  # it is dark and silent first, then bright and loud
NOBODY_NOTICES_SECONDS = 0.045  # ITU-R BT.1359; a picture lasts 0.04
FILMS: dict[str, dict[str, str]] = {
    "film.mp4": {},
    "film.mkv": {},
    "fragments.mp4": {"movflags": "frag_keyframe+empty_moov"},  # all pictures of a fragment, then all its sound
    "show.m3u8": {"hls_time": "1", "hls_list_size": "0"},
}


def write_film(path: Path, options: dict[str, str] | None = None, sound_seconds: float = FILM_SECONDS) -> Path:
    """64×48 at 25 fps, one key frame at its beginning."""
    with av.open(str(path), "w", options=options) as film:
        video = film.add_stream("libx264", rate=25, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = film.add_stream("aac", rate=RATE, layout="mono")
        for number in range(round(FILM_SECONDS * 25)):
            level = 230 if number / 25 >= FLASH_SECONDS else 20
            film.mux(video.encode(av.VideoFrame.from_ndarray(np.full((48, 64), level, np.uint8), "gray")))
        film.mux(video.encode(None))
        for begins in range(0, round(sound_seconds * RATE), 1024):
            film.mux(sound.encode(_block(begins)))
        film.mux(sound.encode(None))
    return path


def _block(begins: int) -> av.AudioFrame:
    seconds = (begins + np.arange(1024)) / RATE
    samples = np.where(seconds >= FLASH_SECONDS, 0.5 * np.sin(6000 * seconds), 0).astype(np.float32)
    block = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
    block.sample_rate, block.pts, block.time_base = RATE, begins, Fraction(1, RATE)
    return block


@contextmanager
def opened(address: str, **changes: Any) -> Iterator[Source]:
    source = open_source(address, SourceRequest(**changes))
    try:
        yield source
    finally:
        source.close()


def watch(source: Source, pictures: int) -> tuple[list[Frame], list[Sound]]:
    """So many pictures, or all, and what `--audio source` hears meanwhile."""
    sound = open_sound("source", source, tell_nobody, Event())
    assert sound is not None
    listener = sound.feed.listen()
    frames: list[Frame] = []
    while len(frames) < pictures and (frame := source.read()) is not None:
        frames.append(frame)
    sounds: list[Sound] = []
    while len(listener):
        block = listener.get(timeout_seconds=1)
        assert block is not None
        sounds.append(block)
    sound.feed.leave(listener)
    return frames, sounds


def flashes(frames: list[Frame]) -> list[float]:
    return _onsets([(frame.captured_at, float(frame.data.mean()) > 128) for frame in frames])


def beeps(sounds: list[Sound]) -> list[float]:
    """To 2 ms."""
    parts = [(sound, at) for sound in sounds for at in range(0, sound.samples.shape[1], RATE // 500)]
    return _onsets(
        [
            (sound.captured_at + at / RATE, float(np.abs(sound.samples[:, at : at + RATE // 500]).max()) > 0.1)
            for sound, at in parts
        ]
    )


def _onsets(moments: list[tuple[float, bool]]) -> list[float]:
    return [later for (_, before), (later, now) in pairwise(moments) if now and not before]


def test_the_sound_of_a_film_is_in_step_with_its_pictures_and_so_is_the_next_round(tmp_path: Path) -> None:
    """Of every kind of film, from servers with and without ranges; all at once, for each is played at its speed."""
    for name, options in FILMS.items():
        write_film(tmp_path / name, options)
    with nothing_left_behind(), serving(tmp_path, ranges=True) as ranged, serving(tmp_path, ranges=False) as whole:
        addresses = [f"{ranged}/film.mp4", f"{ranged}/fragments.mp4", *(f"{whole}/{name}" for name in FILMS)]
        with ThreadPoolExecutor(len(addresses)) as pool:
            played = dict(zip(addresses, pool.map(flashes_and_beeps, addresses), strict=True))
    for address, (seen, heard) in played.items():
        assert len(seen) == len(heard) == 2, address
        assert np.abs(np.subtract(heard, seen)).max() < NOBODY_NOTICES_SECONDS, address
        assert heard[1] - heard[0] == pytest.approx(FILM_SECONDS, abs=0.5), address  # the server may be slow


def flashes_and_beeps(address: str) -> tuple[list[float], list[float]]:
    """When they come, in the first round of a film and at the beginning of the second."""
    with opened(address, loop=True) as source:
        frames, sounds = watch(source, pictures=round((FILM_SECONDS + FLASH_SECONDS + 0.32) * 25))
    return flashes(frames), beeps(sounds)


def test_the_very_beginning_is_heard_although_nobody_could_listen_yet(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4")
    with serving(tmp_path) as address, opened(f"{address}/film.mp4") as source:
        time.sleep(0.3)  # sinks and engines are opened meanwhile
        frames, sounds = watch(source, pictures=10)
    assert sounds[0].captured_at == pytest.approx(frames[0].captured_at, abs=0.05)


def test_a_film_may_pause_before_its_next_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is live has to show something soon; a film would begin again."""
    write_film(tmp_path / "film.mkv")
    monkeypatch.setattr("realtime.sources.stream_source.LONGEST_GRAB_SECONDS", 0.0)
    with serving(tmp_path) as address, opened(f"{address}/film.mkv") as source:
        frames, _ = watch(source, pictures=1000)
    assert len(frames) == round(FILM_SECONDS * 25)


def test_a_film_that_lies_on_its_side_is_shown_upright(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "phone.mp4", rotation=90)
    with serving(tmp_path) as address, opened(f"{address}/phone.mp4") as source, opened(str(path)) as wanted:
        seen, meant = source.read(), wanted.read()
        assert source.size == wanted.size == (48, 64)
    assert seen is not None
    assert meant is not None
    assert np.array_equal(seen.data, meant.data)


def test_pictures_go_on_where_the_sound_ends(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", sound_seconds=0.3)
    with serving(tmp_path) as address, opened(f"{address}/film.mp4") as source:
        frames, _ = watch(source, pictures=1000)
    assert len(frames) == round(FILM_SECONDS * 25)
    assert frames[-1].captured_at - frames[0].captured_at == pytest.approx(FILM_SECONDS, abs=0.2)


def test_a_film_without_sound_says_so(tmp_path: Path) -> None:
    write_clip(tmp_path / "silent.mp4")
    with (
        serving(tmp_path) as address,
        opened(f"{address}/silent.mp4") as source,
        pytest.raises(ImpastoError, match="this source has no sound"),
    ):
        open_sound("source", source, tell_nobody, Event())


class _NoSound:
    """A reader of sound that somebody listens to, beside an empty stream."""

    stream = object()

    def is_wanted(self, seconds: float) -> bool:
        return True


def packet_at(seconds: float, bytes_: int = 100) -> Any:
    packet = av.Packet(bytes_)
    packet.pts, packet.time_base = round(seconds * 1000), Fraction(1, 1000)
    return packet


@pytest.mark.parametrize(
    ("now", "seconds", "size", "goes"),
    [(0.5, 1.0, 100, 0), (1.5, 1.0, 100, 1), (0.5, 11.0, 100, 1), (0.5, 1.0, 17 * 2**20, 2)],
    ids=["it waits", "a second at most", "ten seconds of film at most", "16 MiB at most"],
)
def test_pictures_wait_only_so_long_for_sound_that_does_not_come(
    now: float, seconds: float, size: int, goes: int
) -> None:
    order = FilmOrder(_NoSound())  # type: ignore[arg-type]
    assert not list(order.put(packet_at(0.0), now=0.0))
    assert len(list(order.put(packet_at(seconds, size), now))) == goes
    assert len(list(order.rest())) == 2 - goes


def test_a_reader_that_is_given_a_feed_keeps_to_its_shape(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4")
    feed = SoundFeed(44100, 2)
    with av.open(str(tmp_path / "film.mp4")) as film:
        reader = SoundReader(film.streams.audio[0], feed)
        blocks = [block for packet in film.demux(reader.stream) for block in reader.sounds(packet, 0.0)]
    assert {(block.samples.shape[0], block.rate) for block in blocks} == {(2, 44100)}
    assert sum(block.samples.shape[1] for block in blocks) / 44100 == pytest.approx(FILM_SECONDS, abs=0.05)


PICTURE = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8))[1].tobytes()
BOUNDARY = b"\r\n--12345678900987654321\r\n"
PART = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(PICTURE)
BETWEEN_PICTURES_SECONDS = 0.04


def camera(first: bytes, between: bytes) -> Callable[[Callable[[bytes], object]], None]:
    """25 pictures a second, for at most 16 s."""

    def send(write: Callable[[bytes], object]) -> None:
        write(first + PICTURE)
        for _ in range(400):
            time.sleep(BETWEEN_PICTURES_SECONDS)
            write(between + PICTURE)

    return send


CAMERAS = {
    "as_it_should": camera(BOUNDARY.lstrip() + PART, BOUNDARY + PART),
    "esp32": camera(PART, BOUNDARY + PART),
    "nothing_before": camera(b"", BOUNDARY + PART),
    "nothing_between": camera(b"", b""),
}


def test_a_camera_is_played_with_and_without_its_first_boundary(tmp_path: Path) -> None:
    """All at once, for each is played at its speed."""
    with serving(tmp_path, CAMERAS) as address, ThreadPoolExecutor(len(CAMERAS)) as pool:
        apart = dict(zip(CAMERAS, pool.map(lambda name: seconds_apart(f"{address}/{name}"), CAMERAS), strict=True))
    assert apart == pytest.approx(dict.fromkeys(CAMERAS, BETWEEN_PICTURES_SECONDS), abs=0.02)


def seconds_apart(address: str) -> float:
    """The pictures of a camera, in the mean, once it is under way."""
    with opened(address) as source:
        assert source.live
        assert source.size == (64, 48)
        frames = [frame for _ in range(40) if (frame := source.read()) is not None]
    return float(np.mean([later.captured_at - earlier.captured_at for earlier, later in pairwise(frames[-15:])]))


PAGE = "<!DOCTYPE html>\n<html><head><title>A camera</title></head><body>" + "<p>words</p>\n" * 3000


@pytest.mark.parametrize(
    "page",
    [PAGE, "<html>no video</html>", "\ufeff\n<!-- made by hand -->\n<HTML lang='de'>", "<head><title>x</title></head>"],
    ids=["long", "short", "after a remark", "old"],
)
def test_a_web_page_is_called_one(tmp_path: Path, page: str) -> None:
    (tmp_path / "page").write_text(page)
    with serving(tmp_path) as address, pytest.raises(BadFile) as told:
        open_source(f"{address}/page?token=abc", SourceRequest())
    assert "/page?token=*** is a web page; give the address of the stream itself" in str(told.value)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_a_single_picture_is_called_one(tmp_path: Path, suffix: str) -> None:
    assert cv2.imwrite(str(tmp_path / f"shot{suffix}"), np.zeros((48, 64, 3), np.uint8))
    with nothing_left_behind(), serving(tmp_path) as address, pytest.raises(BadFile) as told:
        open_source(f"{address}/shot{suffix}", SourceRequest())
    assert str(told.value).endswith(
        f"/shot{suffix} is one picture, which does not move; save it and paint it with `impasto image`"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"words, and no <html> at the beginning\n" * 100, "ends before there is a picture in it"),
        (bytes(range(256)) * 12, "is no video that FFmpeg knows|ends before there is a picture in it"),
    ],
    ids=["words", "noise"],
)
def test_other_bytes_are_no_video_and_no_page(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "notes.dat").write_bytes(content)
    with serving(tmp_path) as address, pytest.raises(ImpastoError, match=says):
        open_source(f"{address}/notes.dat", SourceRequest())
