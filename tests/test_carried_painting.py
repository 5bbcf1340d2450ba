"""What a style carries from frame to frame in `video`, `image` and `live`: where it goes on, and where it begins."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clips import read_rgb, write_clip, write_frames
from counting_style import counts_of, frames_painted, write_counting_style
from painter_stage import LoaderByHand, shown
from PIL import Image
from test_live_picture import Studio

from engines.loading.engine import Controls, Engine, EngineChoice, load_engine
from engines.style.styles import StyleFile
from realtime.files.image import stylize_images
from realtime.files.loop import run
from realtime.files.options import ImageOptions, VideoOptions
from realtime.files.video import stylize_video
from realtime.frames.frame import Frame, Pixels
from realtime.frames.request import SourceRequest
from realtime.painting.cuts import CutDetector
from realtime.painting.engine_loader import LoadedEngine
from realtime.painting.full_size.join import Painted
from realtime.painting.gliding import Look
from realtime.painting.opening import open_stylizer
from realtime.painting.painter import LivePainter
from realtime.painting.stylizer import Stylizer
from realtime.sources.file import FileSource
from realtime.sources.playback import PlaybackSource, Reel

SIZE = (64, 48)
GREY = np.full((48, 64, 3), 100, np.uint8)


def shot(seed: int, level: int = 90) -> Pixels:
    """Something to see, in colours of its own, nowhere near white."""
    noise = np.random.default_rng(seed).integers(0, 90, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC) // 2 + level, np.uint8)


SHOTS = HERE, THERE = shot(1), shot(2, 20)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_counting_style(tmp_path_factory.mktemp("styles") / "counting.onnx")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    """Another file that counts, by the ten."""
    return write_counting_style(tmp_path_factory.mktemp("styles") / "by_ten.onnx", step=10.0)


@pytest.fixture
def open_engine(style: StyleFile) -> Iterator[Callable[..., Engine]]:
    opened: list[Engine] = []

    def open_it(file: StyleFile = style, size: tuple[int, int] = SIZE) -> Engine:
        choice = EngineChoice("openvino", "fp32", requests=2)
        opened.append(load_engine(file, height=size[1], width=size[0], choice=choice))
        return opened[-1]

    yield open_it
    for engine in opened:
        engine.close()


def options(style: StyleFile) -> VideoOptions:
    return VideoOptions(style=f"{style.path}:plain", engine="openvino", precision="fp32", crf=0, steady=0)


def painted_counts(stylizer: Stylizer, footage: Sequence[Pixels | Frame]) -> list[int]:
    """What the net painted; joining it with the frame would round it."""
    frames = [each if isinstance(each, Frame) else Frame(each, number / 25, 0.0) for number, each in enumerate(footage)]
    painted = [stylizer.paint(frame, stylizer.small(frame)) for frame in frames]
    return [frames_painted(each.pixels, each.small) for each in painted]


@pytest.fixture
def stylizer(open_engine: Callable[..., Engine], style: StyleFile) -> Stylizer:
    return Stylizer(open_engine(), Controls(style.vector("plain")))


def test_a_cut_begins_anew(stylizer: Stylizer) -> None:
    assert painted_counts(stylizer, [HERE, HERE, HERE, THERE, THERE, HERE]) == [1, 2, 3, 1, 2, 1]
    assert stylizer.in_order
    assert stylizer.requests == 1


def test_a_flash_and_a_fade_go_on(stylizer: Stylizer) -> None:
    flash = np.clip(HERE.astype(int) + 60, 0, 255).astype(np.uint8)
    fade = [cv2.addWeighted(HERE, 1 - share, np.zeros_like(HERE), share, 0) for share in np.arange(0, 1, 0.05)]
    footage = [np.asarray(each, np.uint8) for each in (HERE, flash, HERE, *fade)]
    assert painted_counts(stylizer, footage) == list(range(1, len(footage) + 1))


@pytest.mark.parametrize(
    "jump", [Frame(HERE, 1.0, 0.0, take=1), Frame(HERE, 0.2, 0.0)], ids=["its source was wound", "time ran back"]
)
def test_a_jump_of_the_source_begins_anew(stylizer: Stylizer, jump: Frame) -> None:
    before = [Frame(HERE, 0.5 + number / 25, 0.0) for number in range(3)]
    assert painted_counts(stylizer, [*before, jump, jump]) == [1, 2, 3, 1, 2]


def test_a_new_painter_begins_anew(stylizer: Stylizer) -> None:
    """So an engine that comes back from the kept ones has forgotten what it painted."""
    assert painted_counts(stylizer, [HERE, HERE]) == [1, 2]
    assert painted_counts(Stylizer(stylizer.engine, stylizer.controls), [HERE, HERE]) == [1, 2]


def test_nobody_looks_for_cuts_where_nothing_is_carried(
    small_style: Path, monkeypatch: pytest.MonkeyPatch, style: StyleFile
) -> None:
    monkeypatch.setattr(CutDetector, "__call__", lambda self, pixels: pytest.fail("the frame was looked at"))
    opened = open_stylizer(VideoOptions(style=str(small_style), engine="openvino"), SIZE, report=print)
    opened(Frame(HERE, 0.0, 0.0))
    assert not opened.in_order
    assert opened.requests == 2
    opened.engine.close()


def test_frames_of_a_gpu_are_looked_at_too() -> None:
    found = CutDetector()
    assert [found(torch.tensor(frame)) for frame in (HERE, HERE, THERE, THERE)] == [False, False, True, False]


@pytest.mark.parametrize("size", [(16, 16), (24, 200), (1921, 1081)], ids=str)
def test_cuts_are_found_at_any_size(size: tuple[int, int]) -> None:
    found = CutDetector()
    here, there = (np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_CUBIC), np.uint8) for each in SHOTS)
    assert [found(frame) for frame in (here, here, there, here)] == [False, False, True, True]


def test_a_clip_is_counted_shot_by_shot(style: StyleFile, tmp_path: Path) -> None:
    frames = [HERE] * 6 + [THERE] * 5
    clip = write_frames(tmp_path / "in.mkv", frames)
    report = stylize_video(str(clip), tmp_path / "out.mkv", options(style))
    assert report.stats.frames == 11
    captured = [read_rgb(clip, index).astype(int) for index in range(11)]
    painted = [read_rgb(tmp_path / "out.mkv", index) for index in range(11)]
    brighter = [round(float((after - before).mean())) for after, before in zip(painted, captured, strict=True)]
    assert brighter == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5]


def test_a_long_clip_is_painted_in_order(style: StyleFile, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in.mp4", pts=range(0, 40 * 512, 512))
    opened = open_stylizer(options(style), SIZE, report=print)
    counted: list[int] = []
    run(FileSource(clip), PlainGrey(opened), [CountingSink(counted)])
    opened.engine.close()
    assert counted == list(range(1, 41))


class PlainGrey(Stylizer):
    """Paints a grey picture in place of every frame of its source, so that the count can be read."""

    def __init__(self, stylizer: Stylizer) -> None:
        super().__init__(stylizer.engine, stylizer.controls)

    def small(self, frame: Frame) -> Pixels:
        return GREY

    def join(self, painted: Painted) -> Frame:
        frame = painted.frame
        return super().join(replace(painted, frame=Frame(GREY, frame.pts_seconds, frame.captured_at)))


class CountingSink:
    def __init__(self, counted: list[int]) -> None:
        self._counted = counted

    def write(self, frame: Frame) -> None:
        self._counted += counts_of([frame.data], GREY)

    def close(self) -> None: ...


def test_each_picture_is_the_first(style: StyleFile, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        Image.fromarray(HERE).save(tmp_path / f"{name}.png")
    chosen = ImageOptions(style=f"{style.path}:plain", engine="openvino", precision="fp32")
    done = stylize_images([tmp_path / f"{name}.png" for name in "abc"], tmp_path / "out", chosen)
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in done.outputs]
    assert [round(float((picture.astype(int) - HERE).mean())) for picture in pictures] == [1, 1, 1]


class Repeated:
    """Footage of two grey frames."""

    size, frame_rate = SIZE, None

    def __init__(self) -> None:
        self._left = 2

    def grab(self) -> int | None:
        self._left -= 1
        return self._left if self._left >= 0 else None

    def retrieve(self, grabbed: int) -> Frame:
        return Frame(GREY, 0.0, 0.0)

    def close(self) -> None: ...


def test_a_loop_begins_anew(stylizer: Stylizer) -> None:
    stop = threading.Event()

    def reel() -> Reel:
        return Reel(Repeated(), lambda left: (1 - left) / 25)

    source = PlaybackSource(reel(), reel, SourceRequest(loop=True, stop=stop))
    frames = [frame for _ in range(6) if (frame := source.read()) is not None]
    stop.set()
    source.close()
    takes = [frame.take for frame in frames]
    assert takes == sorted(takes)
    assert takes[-1] > 0
    counts = painted_counts(stylizer, frames)
    assert next(count for count, take in zip(counts, takes, strict=True) if take == takes[-1]) == 1
    assert max(counts) <= 2


class LiveStage:
    """A live painter whose engines are real, handed out when the test says so; looks change at once."""

    def __init__(self, open_engine: Callable[..., Engine], fade_seconds: float = 0.0) -> None:
        self.loader, self.now = LoaderByHand(), 100.0
        self.painter = LivePainter(self.loader, print, clock=lambda: self.now, fade_seconds=fade_seconds)
        self._open = open_engine

    def paint(self, look: Look, size: tuple[int, int] = SIZE) -> Pixels:
        self.painter.aim(look, size)
        painting = self.painter(Frame(GREY, self.now, self.now))
        self.now += 0.125
        return GREY if painting.painted is None else shown(painting)

    def ready(self) -> None:
        wanted = self.loader.asked[-1]
        engine = self._open(wanted.file, (wanted.width, wanted.height))
        self.loader.ready.append(LoadedEngine(wanted, engine))

    def count(self, look: Look, frames: int) -> list[int]:
        return counts_of([self.paint(look) for _ in range(frames)], GREY)


@pytest.fixture
def stage(open_engine: Callable[..., Engine]) -> LiveStage:
    return LiveStage(open_engine)


def test_live_goes_on_in_another_style_of_the_file(stage: LiveStage, style: StyleFile) -> None:
    stage.paint(Look(style, style.vector("plain")))
    stage.ready()
    assert stage.count(Look(style, style.vector("plain")), 3) == [1, 2, 3]
    assert stage.count(Look(style, style.vector("brighter")), 3)[1:] == [55, 56]
    assert stage.count(Look(style, style.vector("plain"), strength=0.5), 3)[1:] == [4, 4]  # halves go to the even
    assert len(stage.loader.asked) == 1


def test_live_begins_anew_with_another_file(stage: LiveStage, style: StyleFile, other: StyleFile) -> None:
    here, there = Look(style, style.vector("plain")), Look(other, other.vector("plain"))
    stage.paint(here)
    stage.ready()
    stage.count(here, 3)
    stage.paint(there)
    stage.ready()
    assert stage.count(there, 3) == [10, 20, 30]
    stage.paint(here)
    stage.loader.ready.append(stage.loader.returned[0])  # the first engine, which was kept
    assert stage.count(here, 2) == [1, 2]


def test_live_begins_anew_at_another_size(stage: LiveStage, style: StyleFile) -> None:
    look = Look(style, style.vector("plain"))
    stage.paint(look)
    stage.ready()
    stage.count(look, 3)
    stage.paint(look, (32, 24))
    stage.ready()
    assert int(stage.paint(look, (32, 24))[0, 0, 0]) == 101


def test_both_files_of_a_fade_count_for_themselves(
    open_engine: Callable[..., Engine], style: StyleFile, other: StyleFile
) -> None:
    """Half way the picture is the mean of both: five frames of one file, and three of the other by the ten."""
    stage = LiveStage(open_engine, fade_seconds=0.5)
    here, there = Look(style, style.vector("plain")), Look(other, other.vector("plain"))
    stage.paint(here)
    stage.ready()
    for _ in range(8):
        stage.paint(here)
    stage.paint(there)
    stage.ready()
    counted = counts_of([stage.paint(there) for _ in range(7)], GREY)
    assert counted[0] == 10  # the tenth of the first file
    assert counted[2] == pytest.approx((12 + 30) / 2, abs=1)
    assert counted[4:] == [50, 60, 70]


def test_what_parts_a_live_picture_from_the_one_before_begins_anew(
    style: StyleFile, open_engine: Callable[..., Engine]
) -> None:
    studio = Studio(style.path)
    studio.board.do("steady", 0)  # which would average counts
    engine = open_engine()
    studio.loader.take = lambda: LoadedEngine(studio.loader.asked.pop(), engine) if studio.loader.asked else None  # type: ignore[method-assign]
    studio.loader.give_back = lambda loaded: None  # type: ignore[method-assign]
    grey = [int(studio.show(GREY)[0, 0, 0]) for _ in range(3)]
    studio.board.do("mirror", True)
    grey += [int(studio.show(GREY)[0, 0, 0]) for _ in range(2)]
    assert grey == [101, 102, 103, 101, 102]
