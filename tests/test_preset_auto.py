"""`impasto video --preset auto`: a frame of the film is tried before the first is written, and the preset told."""

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import read_packets, read_times, write_clip, write_frames
from counting_style import write_counting_style
from fakes import CopyingEngine, copying_stylizer
from PIL import Image

from engines.errors import BadValue
from engines.loading.engine import Controls
from engines.machine import usable_cores
from realtime.files.excerpt import LEAST_PICTURES, Excerpt, excerpt_of
from realtime.files.options import VideoOptions
from realtime.files.preset import Load, choose_preset
from realtime.files.video import stylize_video
from realtime.frames.frame import Pixels
from realtime.media.encoders import Encoding, Rung
from realtime.media.encoding import choose_encoding
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sources.file import FileSource
from realtime.sources.pictures import PictureSource

SETTINGS = re.compile(rb"x264 - core.*? options: ([^\0]*)")


@pytest.fixture
def options(small_style: Path) -> VideoOptions:
    return VideoOptions(style=str(small_style), engine="openvino", precision="fp32", preset="auto")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in.mp4", pts=range(0, 20 * 512, 512), sounds=("aac",))


def settings_in(path: Path) -> bytes:
    """What x264 says of itself in the stream."""
    found = SETTINGS.search(path.read_bytes())
    assert found is not None
    return found[1]


def take(rung: Rung | None, patch: pytest.MonkeyPatch) -> None:
    """Have this one chosen, whatever was measured."""
    patch.setattr("realtime.files.preset.choose_rung", lambda ladder, load: rung)


def test_the_preset_is_chosen_told_and_written(
    clip: Path, tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(Rung("fast", 3.0, 16), monkeypatch)
    lines: list[str] = []
    report = stylize_video(str(clip), tmp_path / "auto.mp4", options, report=lines.append)
    named = replace(options, preset="fast", crf=16)
    stylize_video(str(clip), tmp_path / "named.mp4", named)
    assert settings_in(tmp_path / "auto.mp4") == settings_in(tmp_path / "named.mp4")
    told = [line for line in lines if re.fullmatch(r"note: preset auto: fast \(.* fps foreseen, superfast: .*\)", line)]
    assert len(told) == 1
    facts = report.as_dict()
    assert (facts["encoder"], facts["preset"], facts["crf"]) == ("libx264", "fast", 16)
    assert facts["notes"] == [told[0].removeprefix("note: ")]


def test_nothing_of_the_film_is_lost_to_the_trial(
    clip: Path, tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very file that the same preset gives where it is named."""
    take(None, monkeypatch)
    stylize_video(str(clip), tmp_path / "auto.mkv", options)
    stylize_video(str(clip), tmp_path / "plain.mkv", replace(options, preset=None))
    for each in ("video", "audio"):
        assert read_packets(tmp_path / "auto.mkv", each) == read_packets(tmp_path / "plain.mkv", each)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["auto.mkv", "in.mp4", "plain.mkv"]


def test_what_a_style_carries_begins_anew_behind_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(None, monkeypatch)
    style = write_counting_style(tmp_path / "counting.onnx")
    clip = write_frames(tmp_path / "in.mp4", [np.full((48, 64, 3), 100, np.uint8)] * 12)
    options = VideoOptions(style=f"{style.path}:plain", engine="openvino", precision="fp32", crf=0)
    stylize_video(str(clip), tmp_path / "auto.mkv", replace(options, preset="auto"))
    stylize_video(str(clip), tmp_path / "plain.mkv", options)
    assert read_packets(tmp_path / "auto.mkv", "video") == read_packets(tmp_path / "plain.mkv", "video")


def test_a_crf_that_is_given_stays(
    clip: Path, tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(Rung("veryfast", 2.0, 17), monkeypatch)
    report = stylize_video(str(clip), tmp_path / "out.mp4", replace(options, crf=30))
    assert report.encoding is not None
    assert (report.encoding.preset, report.encoding.crf) == ("veryfast", 30)
    assert b"crf=30.0" in settings_in(tmp_path / "out.mp4")


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_other_encoders_are_tried_as_they_will_write(
    clip: Path, tmp_path: Path, options: VideoOptions, codec: str
) -> None:
    report = stylize_video(str(clip), tmp_path / "out.mp4", replace(options, codec=codec))
    encoding = choose_encoding(tmp_path / "out.mp4", codec)
    assert report.encoding is not None
    assert report.encoding.preset in (encoding.preset, *(rung.preset for rung in encoding.encoder.ladder))
    assert "fps foreseen" in report.notes[-1]
    assert len(read_times(tmp_path / "out.mp4")) == 20


def test_pictures_are_tried_too(tmp_path: Path, options: VideoOptions) -> None:
    (tmp_path / "shots").mkdir()
    for number in range(5):
        Image.fromarray(np.full((48, 64, 3), 40 * number, np.uint8)).save(tmp_path / "shots" / f"{number}.png")
    report = stylize_video(str(tmp_path / "shots"), tmp_path / "out.mp4", options)
    assert "fps foreseen" in report.notes[0] or "superfast, as nothing" in report.notes[0]
    assert len(read_times(tmp_path / "out.mp4")) == 5


def test_a_pipe_is_not_read_before(clip: Path, tmp_path: Path, options: VideoOptions) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    film = write_clip(tmp_path / "in.mkv", pts=range(0, 20 * 512, 512))
    writer = threading.Thread(target=lambda: pipe.write_bytes(film.read_bytes()))
    writer.start()
    report = stylize_video(str(pipe), tmp_path / "out.mkv", options)
    writer.join()
    assert "preset auto: superfast, as nothing of the film can be tried before" in report.notes
    assert len(read_times(tmp_path / "out.mkv")) == 20


def test_key_frames_are_not_painted_for_a_trial(clip: Path, tmp_path: Path) -> None:
    report = stylize_video(
        str(clip), tmp_path / "out.mp4", VideoOptions(preset="auto"), open_painter=lambda size: copying_stylizer()
    )
    assert report.encoding is not None
    assert report.encoding.preset == "superfast"
    assert any(note.startswith("preset auto: superfast, as ") for note in report.notes)


def test_a_stop_ends_the_trial_as_well(clip: Path, tmp_path: Path, options: VideoOptions) -> None:
    stop = threading.Event()
    stop.set()
    report = stylize_video(str(clip), tmp_path / "out.mp4", options, stop=stop)
    assert report.interrupted
    assert not (tmp_path / "out.mp4").exists()


def test_where_painting_fails_nothing_is_left(
    clip: Path, tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Stylizer, *_: object) -> None:
        raise OSError("the card fell off")

    monkeypatch.setattr(Stylizer, "paint", broken)
    with pytest.raises(OSError, match="the card fell off"):
        stylize_video(str(clip), tmp_path / "out.mp4", options)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize(("name", "codec"), [("out.webm", "vp9")])
def test_encoders_without_a_ladder_name_their_presets(name: str, codec: str) -> None:
    with pytest.raises(BadValue, match=r"has no preset 'auto'; choose one of"):
        choose_encoding(Path(name), codec, preset="auto")


class Painter(CopyingEngine):
    """Copies, and takes its time: asleep, as a net on a GPU leaves the processor."""

    def __init__(self, device: str, seconds: float) -> None:
        super().__init__(paint=self._wait)
        self.spec = replace(self.spec, device=device)
        self._seconds = seconds

    def _wait(self, pixels: Pixels) -> Pixels:
        time.sleep(self._seconds)
        return np.copy(pixels)


@pytest.fixture
def noise(tmp_path: Path) -> Iterator[FileSource]:
    """Pictures that cost an encoder more than all else here."""
    pixels = np.random.default_rng(1).integers(0, 256, (12, 240, 320, 3), np.uint8)
    source = FileSource(write_frames(tmp_path / "noise.mkv", list(pixels)))
    yield source
    source.close()


def chosen(source: FileSource, engine: CopyingEngine, folder: Path) -> Encoding:
    encoding = choose_encoding(folder / "out.mp4", preset="auto")
    sink = FileSink(folder / "out.mp4", source.clip, encoding=encoding, waits=True)
    try:
        stylizer = Stylizer(engine, Controls(np.zeros(1, np.float32)))
        return choose_preset(encoding, excerpt_of(source, threading.Event()), stylizer, sink, print)
    finally:
        sink.abort()


def test_a_gpu_that_paints_for_long_leaves_time_for_the_slowest(
    noise: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.files.preset.idle_core_seconds", lambda: None)
    assert chosen(noise, Painter("cuda:0", 0.5), tmp_path).preset == "slow"


def test_a_processor_that_paints_less_than_it_encodes_has_none(noise: FileSource, tmp_path: Path) -> None:
    assert chosen(noise, Painter("CPU", 0.0), tmp_path).preset == "superfast"


def test_the_load_is_of_the_painting_and_of_the_encoder(
    noise: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Load] = []
    monkeypatch.setattr("realtime.files.preset.choose_rung", lambda ladder, load: loads.append(load))
    chosen(noise, Painter("cuda:0", 0.3), tmp_path)
    (load,) = loads  # though four pictures took longer than it goes on for
    assert 0.2 < load.seconds < 3
    assert load.core_seconds < 0.3  # asleep is not at work
    assert load.encoder_core_seconds > 0
    assert not load.net_on_processor
    assert load.cores <= usable_cores()


def test_cores_that_other_programs_have_are_not_counted(
    noise: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Load] = []
    monkeypatch.setattr("realtime.files.preset.choose_rung", lambda ladder, load: loads.append(load))
    for idle in (None, 0.0):  # seconds that cores have been idle: nobody knows, and never
        monkeypatch.setattr("realtime.files.preset.idle_core_seconds", lambda idle=idle: idle)
        chosen(noise, Painter("cuda:0", 0.2), tmp_path)
    assert loads[0].cores == usable_cores()
    assert 0 < loads[1].cores < 0.8  # what was at work for us, most of the time asleep


def test_a_film_that_begins_in_black_is_tried_in_the_middle(tmp_path: Path) -> None:
    black, grey = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 200, np.uint8)
    source = FileSource(write_frames(tmp_path / "in.mp4", [black] * 40 + [grey] * 40))
    excerpt = excerpt_of(source, threading.Event())
    assert isinstance(excerpt, Excerpt)
    frames = [frame for _ in range(LEAST_PICTURES) if (frame := excerpt.read()) is not None]
    assert len(frames) == LEAST_PICTURES
    assert min(frame.data.mean() for frame in frames) > 150
    first = source.read()
    source.close()
    assert first is not None
    assert first.data.mean() < 20


def test_of_pictures_those_in_the_middle_are_tried(tmp_path: Path) -> None:
    for number in range(6):
        Image.fromarray(np.full((48, 64, 3), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
    source = PictureSource(sorted(tmp_path.glob("*.png")), Fraction(25))
    excerpt = excerpt_of(source, threading.Event())
    assert excerpt is not None
    levels = [int(frame.data[0, 0, 0]) for frame in iter(excerpt.read, None)]
    assert levels == [120, 160, 200]
