"""`stylize_video`: a clip in, a painted clip out, its report, and one line for everything that can go wrong."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import psnr_db, read_packets, read_rgb, read_times, write_clip
from fakes import painting_threads

from engines.errors import BadValue, EngineRefused, ImpastoError, Interrupted
from engines.style.styles import load_style
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
from realtime.painting.opening import choose_style, open_stylizer
from realtime.painting.options import parse_mix
from realtime.sources.file import FileSource


@pytest.fixture
def options(small_style: Path) -> VideoOptions:
    return VideoOptions(style=str(small_style), engine="openvino", precision="fp32", crf=8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in.mp4", sounds=("aac",))


def test_a_clip_in_a_painted_clip_out(clip: Path, tmp_path: Path, options: VideoOptions) -> None:
    target = tmp_path / "out.mp4"
    lines: list[str] = []
    seen: list[tuple[int, int | None]] = []
    report = stylize_video(
        str(clip), target, options, report=lines.append, progress=lambda done, total: seen.append((done, total))
    )
    assert read_times(target) == read_times(clip)
    assert read_packets(target, "audio") == read_packets(clip, "audio")
    assert seen == [(done, 10) for done in range(1, 11)]
    assert [line for line in lines if line.startswith("engine: openvino")]
    stylizer = open_stylizer(options, (64, 48), report=lines.append)
    source = FileSource(clip)
    source.give_planes(stylizer.size)
    frame = source.read()
    assert frame is not None
    planes = stylizer(frame).planes
    source.close()
    stylizer.engine.close()
    assert planes is not None
    assert psnr_db(first_luma(target), planes.luma) > 35
    facts = json.loads(json.dumps(report.as_dict()))
    assert (facts["frames"], facts["size"], facts["output"]) == (10, [64, 48], str(target))
    assert (facts["engine"], facts["precision"], facts["interrupted"]) == ("openvino", "fp32", False)
    assert set(facts["stage_ms"]) == {"decode", "convert", "net", "steady", "join", "encode"}
    assert facts["gate"]["floor_db"] == 50
    assert facts["first_frame_seconds"] > 0
    assert "10 frames of 64x48" in report.summary()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def first_luma(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame.to_ndarray()[: frame.height]


def test_strength_0_gives_the_input_back(clip: Path, tmp_path: Path, small_style: Path) -> None:
    stylize_video(str(clip), tmp_path / "out.mkv", VideoOptions(style=str(small_style), strength=0.0, crf=1))
    assert psnr_db(read_rgb(tmp_path / "out.mkv", 4), read_rgb(clip, 4)) > 40


def test_stop_leaves_a_playable_file_of_what_was_painted(tmp_path: Path, options: VideoOptions) -> None:
    clip = write_clip(tmp_path / "in.mp4", pts=range(0, 500 * 512, 512))
    stop = threading.Event()
    target = tmp_path / "out.mp4"
    report = stylize_video(
        str(clip), target, options, progress=lambda done, total: stop.set() if done == 5 else None, stop=stop
    )
    assert report.interrupted
    assert 5 <= report.stats.frames < 500
    assert read_times(target) == read_times(clip)[: report.stats.frames]
    assert "stopped after" in report.summary()


def test_stop_ends_the_building_of_an_engine(
    clip: Path, tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    stop = threading.Event()

    def report(line: str) -> None:
        if line.startswith("preparing"):
            stop.set()

    with pytest.raises(Interrupted):
        stylize_video(str(clip), tmp_path / "out.mp4", options, report=report, stop=stop)
    assert stop.is_set()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "in.mp4"]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_stop_before_the_first_frame_writes_nothing(clip: Path, tmp_path: Path, options: VideoOptions) -> None:
    open_stylizer(options, (64, 48), report=print).engine.close()  # it is in the cache from here on
    stop = threading.Event()
    stop.set()
    report = stylize_video(str(clip), tmp_path / "out.mp4", options, stop=stop)
    assert report.stats.frames == 0
    assert "nothing written" in report.summary()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_recordings_joined_end_to_end_go_on(tmp_path: Path, options: VideoOptions) -> None:
    part = write_clip(tmp_path / "part.ts", pts=range(0, 50 * 512, 512), sounds=("aac",))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    report = stylize_video(str(joined), tmp_path / "out.mp4", options)
    times = read_times(tmp_path / "out.mp4")
    assert len(times) == 100
    assert np.diff([float(time) for time in times]) == pytest.approx([0.04] * 99, abs=1e-3)
    assert [note for note in report.notes if "the clock jumps back" in note]
    (sound,) = read_packets(tmp_path / "out.mp4", "audio")
    assert len(sound) == len(read_packets(joined, "audio")[0])


@pytest.mark.parametrize("name", ["http:clip.mp4", "two  words \udcff.mp4", "-y.mp4", "100%done.mp4", "[1]*?.mp4"])
def test_files_may_have_any_name(
    clip: Path, tmp_path: Path, options: VideoOptions, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    clip.rename(name)
    for target in (Path(f"new:{name}"), Path(name).with_suffix(".mov")):
        stylize_video(name, target, options)
        assert read_packets(tmp_path / target, "audio") == read_packets(tmp_path / name, "audio")
        assert len(read_times(tmp_path / target)) == 10


def test_one_frame_is_one_frame(tmp_path: Path, options: VideoOptions) -> None:
    clip = write_clip(tmp_path / "in.mp4", pts=[0])
    assert "painted 1 frame of 64x48 in " in stylize_video(str(clip), tmp_path / "out.mp4", options).summary()


@pytest.mark.parametrize("name", ["{}", "{}/*.png", "{}/shot_%02d.png"])
def test_pictures_become_a_video(tmp_path: Path, options: VideoOptions, name: str) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"shot_{number:02d}.png"), np.full((48, 64, 3), 50 * number, np.uint8))
    target = tmp_path / "out.mp4"
    fps = Fraction(30000, 1001)
    report = stylize_video(name.format(folder), target, VideoOptions(style=options.style, engine="openvino", fps=fps))
    assert report.stats.frames == 4
    assert read_times(target) == [number / fps for number in range(4)]


def test_a_video_becomes_pictures(clip: Path, tmp_path: Path, options: VideoOptions) -> None:
    (tmp_path / "out").mkdir()
    stylize_video(str(clip), tmp_path / "out" / "frame_%03d.png", replace(options, crf=None, audio="drop"))
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"frame_{number:03d}.png" for number in range(1, 11)]


def test_pictures_of_an_earlier_run_that_are_numbered_on_are_told(
    clip: Path, tmp_path: Path, options: VideoOptions
) -> None:
    (tmp_path / "out").mkdir()
    for number in (4, 11, 12, 120):
        (tmp_path / "out" / f"frame_{number:03d}.png").write_bytes(b"earlier")
    report = stylize_video(str(clip), tmp_path / "out" / "frame_%03d.png", replace(options, crf=None))
    assert report.notes[-1] == "of an earlier run: 3 more pictures from frame_011.png on, which were left"
    assert (tmp_path / "out" / "frame_012.png").read_bytes() == b"earlier"
    assert (tmp_path / "out" / "frame_004.png").read_bytes() != b"earlier"


@pytest.mark.parametrize(("seconds", "frames"), [(0.2, 5), (0.21, 6), (9.0, 10)])
def test_the_beginning_of_a_film_with_its_sound(
    tmp_path: Path, options: VideoOptions, seconds: float, frames: int
) -> None:
    clip = write_clip(tmp_path / "in.mp4", sounds=("aac",))
    totals: set[int | None] = set()
    report = stylize_video(
        str(clip), tmp_path / "out.mp4", replace(options, seconds=seconds),
        progress=lambda _done, total: totals.add(total),
    )  # fmt: skip
    assert (report.stats.frames, totals, report.interrupted) == (frames, {frames}, False)
    assert read_times(tmp_path / "out.mp4") == read_times(clip)[:frames]
    before, after = (read_packets(path, "audio")[0] for path in (clip, tmp_path / "out.mp4"))
    assert 0 < len(after) <= len(before)
    assert after == before[: len(after)]
    assert (len(after) < len(before)) == (frames < 10)


@pytest.mark.parametrize(
    ("pts", "seconds", "chapters"),
    [((0, 512, 1024), 0.5, 2), ((0, 9600, 19200), 0.9, 2), ((0, 512, 1024), 0.08, 1)],
    ids=["pictures end before", "pictures last long", "a chapter begins after it"],
)
def test_the_beginning_is_as_long_as_asked_for(
    tmp_path: Path, options: VideoOptions, pts: tuple[int, ...], seconds: float, chapters: int
) -> None:
    clip = write_clip(tmp_path / "in.mkv", pts=pts, sounds=("aac",), chapters=True)
    stylize_video(str(clip), tmp_path / "out.mkv", replace(options, seconds=seconds))
    (sound,) = read_packets(tmp_path / "out.mkv", "audio")
    assert seconds - 0.05 < float(sound[-1][1]) < seconds
    with av.open(str(tmp_path / "out.mkv")) as film:
        assert len(film.chapters()) == chapters
        assert film.duration is not None
        assert film.duration / 1e6 < seconds + 0.05


def test_the_beginning_of_pictures(tmp_path: Path, options: VideoOptions) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"shot_{number:02d}.png"), np.full((48, 64, 3), 50 * number, np.uint8))
    wanted = replace(options, seconds=0.5, fps=Fraction(4), crf=None)
    assert stylize_video(str(tmp_path / "shot_%02d.png"), tmp_path / "out.mp4", wanted).stats.frames == 2


def test_an_odd_height_is_told(clip: Path, tmp_path: Path, options: VideoOptions) -> None:
    report = stylize_video(str(clip), tmp_path / "out.mp4", replace(options, height=33))
    assert report.size[1] == 32
    assert "--height 33: written at 32 lines, for films have even ones" in report.notes


@pytest.mark.parametrize("text", ["{0}:{1}=3,{0}:{2}=1", "{1}=3,{2}=1"], ids=["files", "bare names"])
def test_a_mix_is_the_average(small_style: Path, text: str) -> None:
    one, other = load_style(str(small_style)).card.names[:2]
    mix = text.format(small_style, one, other)
    file, vector = choose_style(VideoOptions(style=f"{small_style}:{other}", mix=mix))
    assert vector == pytest.approx(0.75 * file.vector(one) + 0.25 * file.vector(other), abs=1e-6)


def test_a_mix_as_it_is_written() -> None:
    assert parse_mix("A=0.3, B=0.7") == {"A": 0.3, "B": 0.7}
    for text in ("A", "A=x", "=1", "A=1,,B=2"):
        with pytest.raises(ImpastoError, match=r"is not of the form A=0\.3,B=0\.7"):
            parse_mix(text)
    with pytest.raises(BadValue, match="names A twice; give each style one weight"):
        parse_mix("A=0.3,B=0.7, A=1")


class TestErrors:
    """Each is one line, and leaves nothing behind."""

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, tmp_path: Path, clip: Path) -> object:
        before = sorted(tmp_path.iterdir())
        yield
        assert [path for path in sorted(tmp_path.iterdir()) if path not in before and path.name != "extra"] == []
        assert painting_threads() == []

    def test_missing_input(self, tmp_path: Path, options: VideoOptions) -> None:
        with pytest.raises(FileNotFoundError, match="there is no file"):
            stylize_video(str(tmp_path / "none.mp4"), tmp_path / "out.mp4", options)

    def test_output_is_the_input(self, clip: Path, options: VideoOptions) -> None:
        before = clip.read_bytes()
        with pytest.raises(ImpastoError, match="is the input"):
            stylize_video(str(clip), clip.parent / "." / clip.name, options)
        assert clip.read_bytes() == before

    @pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
    def test_pictures_whose_links_lead_to_their_own_input(self, tmp_path: Path, options: VideoOptions) -> None:
        (out := tmp_path / "extra" / "out").mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "extra" / "01.png"), np.zeros((48, 64, 3), np.uint8))
        (out / "01.png").symlink_to(tmp_path / "extra" / "01.png")
        with pytest.raises(ImpastoError, match="its own input"):
            stylize_video(str(tmp_path / "extra"), out / "%02d.png", replace(options, crf=None))

    def test_pictures_over_their_own_input(self, tmp_path: Path, options: VideoOptions) -> None:
        folder = tmp_path / "extra"
        folder.mkdir()
        cv2.imwrite(str(folder / "shot_01.png"), np.zeros((48, 64, 3), np.uint8))
        with pytest.raises(ImpastoError, match="would write over its own input"):
            stylize_video(str(folder), folder / "shot_%02d.png", replace(options, crf=None))

    @pytest.mark.parametrize("option", [{"codec": "hevc"}, {"crf": 20}, {"preset": "auto"}, {"audio": "copy"}])
    def test_what_pictures_cannot_follow(self, clip: Path, tmp_path: Path, small_style: Path, option: Any) -> None:
        with pytest.raises(BadValue, match=f"--{next(iter(option))} is for videos, and .* is pictures; leave it out"):
            stylize_video(str(clip), tmp_path / "%03d.png", VideoOptions(style=str(small_style), **option))

    def test_missing_folder(self, clip: Path, tmp_path: Path, options: VideoOptions) -> None:
        with pytest.raises(FileNotFoundError, match="create it first"):
            stylize_video(str(clip), tmp_path / "no" / "out.mp4", options)

    def test_unknown_container(self, clip: Path, tmp_path: Path, options: VideoOptions) -> None:
        with pytest.raises(ImpastoError, match=r"'\.xyz' is no video container"):
            stylize_video(str(clip), tmp_path / "out.xyz", options)

    @pytest.mark.parametrize("name", ["extra", "extra.mp4"])
    def test_output_is_a_folder(self, clip: Path, tmp_path: Path, options: VideoOptions, name: str) -> None:
        (tmp_path / name).mkdir()
        with pytest.raises(ImpastoError, match=r"is a folder; name the file to write, such as .*painted\.mp4"):
            stylize_video(str(clip), tmp_path / name, options)
        (tmp_path / name).rmdir()

    def test_a_video_keeps_its_own_times(self, clip: Path, tmp_path: Path, options: VideoOptions) -> None:
        with pytest.raises(ImpastoError, match=r"--fps is for pictures, and .*in\.mp4 keeps its own times"):
            stylize_video(str(clip), tmp_path / "out.mp4", replace(options, fps=Fraction(12)))

    def test_folder_without_pictures(self, tmp_path: Path, options: VideoOptions) -> None:
        (tmp_path / "extra").mkdir()
        with pytest.raises(ImpastoError, match="there are no pictures in the folder"):
            stylize_video(str(tmp_path / "extra"), tmp_path / "out.mp4", options)

    def test_unknown_style(self, clip: Path, tmp_path: Path, small_style: Path) -> None:
        with pytest.raises(ImpastoError, match="nobody"):
            stylize_video(str(clip), tmp_path / "out.mp4", VideoOptions(style=f"{small_style}:nobody"))

    def test_no_engine(self, clip: Path, tmp_path: Path, options: VideoOptions) -> None:
        wrong = VideoOptions(style=options.style, engine="openvino", precision="fp99")
        with pytest.raises((ImpastoError, EngineRefused), match="fp99"):
            stylize_video(str(clip), tmp_path / "out.mp4", wrong)

    def test_existing_output_is_left_alone_when_asked(self, clip: Path, tmp_path: Path, options: VideoOptions) -> None:
        target = tmp_path / "mine.mp4"
        target.write_text("mine")
        with pytest.raises(FileExistsError, match="exists already"):
            stylize_video(str(clip), target, VideoOptions(style=options.style, overwrite=False))
        assert target.read_text() == "mine"
        target.unlink()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from realtime.files.options import VideoOptions
from realtime.files.video import stylize_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
clip, target, style = sys.argv[1:]
def fill(done, total):
    if done == 20:
        size = sum(path.stat().st_size for path in Path(target).parent.iterdir() if path.name.startswith("."))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, size + 1000))
try:
    stylize_video(clip, Path(target), VideoOptions(style=style, engine="openvino", crf=0), progress=fill)
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, small_style: Path, name: str) -> None:
    clip = write_clip(tmp_path / "in.mp4", size=(320, 240), pts=range(0, 200 * 512, 512))
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / name
    command = [sys.executable, "-W", "error", "-c", FULL_DISK, str(clip), str(target), str(small_style)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    assert done.stdout.strip().endswith(f"File too large: '{target}'"), done.stderr
    assert done.returncode == 0
    assert list((tmp_path / "out").iterdir()) == []
