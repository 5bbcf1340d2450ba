"""A picture's style that is learnt while a live picture plays in it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from PIL import Image
from small_styles import write_small_style

from engines.errors import ImpastoError
from engines.style.file import StyleFile, read_style_file
from realtime.live.control.board import ControlBoard
from realtime.live.control.settings import LiveSettings
from realtime.live.look_book import LookBook
from realtime.live.options import LiveOptions
from realtime.live.run import run_live
from realtime.live.style_learner import StyleLearner
from realtime.painting.learning_process import (
    ENOUGH,
    ArrivingViews,
    end_in,
    learning,
    rest_after,
    said_vector,
    said_view,
    vector_in,
    view_in,
)
from trainers.export.predictor_export import write_predictor
from trainers.losses.perceptual import load_perceptual
from trainers.predictor import TrainedPredictor
from trainers.settings.predictor_options import PredictorOptions
from trainers.style_predictor import StylePredictor, frozen_net


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "painting.png"
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((128, 96)).save(path)
    return path


@pytest.fixture
def net(tmp_path: Path) -> StyleFile:
    """A net that takes pictures, by a predictor that knows nothing yet."""
    file = write_small_style(tmp_path / "small.onnx")
    predictor = StylePredictor(load_perceptual("5se"), frozen_net(file).styles, 8)
    options = PredictorOptions(net=file.path, paintings=(tmp_path,), content=(tmp_path,))
    write_predictor(options, TrainedPredictor(predictor, file, []))
    return file


class Spoken:
    """A process that says what it is given to say, and `last` where it is told that it is enough."""

    last = "done mine.onnx"

    def __init__(self) -> None:
        self.lines: SimpleQueue[str | None] = SimpleQueue()
        self.told: SimpleQueue[str] = SimpleQueue()
        self.ended = threading.Event()

    def tell(self, line: str) -> None:
        if line == ENOUGH:
            self.lines.put(self.last)
        else:
            self.told.put(line)

    def next_line(self) -> str | None:
        return self.lines.get(timeout=10)

    def end(self) -> None:
        self.ended.set()
        self.lines.put(None)

    def how_it_ended(self) -> str:
        return "ended with status 3"


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Spoken:
    process = Spoken()
    monkeypatch.setattr("realtime.live.style_learner.learning", lambda *_: process)
    return process


class Stage:
    """A board whose learner tells its looks."""

    def __init__(self, style: str, folder: Path) -> None:
        self.reported: SimpleQueue[str] = SimpleQueue()
        self.board = ControlBoard(
            LiveSettings(style=style), (), on_snapshot=str, on_quit=lambda: None,
            on_learn=lambda picture: self.learner.ask(picture or self.board.settings.style),
        )  # fmt: skip
        self.captured: np.ndarray | None = None
        self.looks = LookBook(self.reported.put, lambda names: None)
        self.learner = StyleLearner(self.board, self.looks, folder, self.reported.put, lambda: self.captured)

    def vector(self) -> np.ndarray:
        return self.looks.look(self.board.settings).vector


def test_the_look_drifts_to_what_is_learnt(net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path) -> None:
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    read = stage.vector()
    assert stage.board.carry_out("learn").line == "learning painting.png while it plays"
    learnt = (read + 0.25).astype(np.float32)
    spoken.lines.put(said_vector(0.4, learnt))
    spoken.lines.put("done mine.onnx")
    assert stage.reported.get(timeout=10) == "painting.png is learnt: mine.onnx"
    assert spoken.ended.is_set()
    np.testing.assert_array_equal(stage.vector(), learnt)
    stage.board.do("strength", 0.5)
    np.testing.assert_array_equal(stage.vector(), learnt)


def frames_told(spoken: Spoken) -> list[np.ndarray]:
    return [view for _ in range(spoken.told.qsize()) if (view := view_in(spoken.told.get())) is not None]


def test_it_is_learnt_on_what_plays_and_no_more_of_it_once_that_is_given_up(
    net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path
) -> None:
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    stage.captured = np.asarray(Image.open(picture).convert("RGB"))
    stage.board.do("learn")
    view = view_in(spoken.told.get(timeout=10))
    assert view is not None
    np.testing.assert_array_equal(view, stage.captured)
    stage.learner.close()
    for thread in threading.enumerate():
        if thread.name == "impasto-views":
            thread.join(10)
            assert not thread.is_alive()
    assert spoken.told.empty()


def test_views_arrive_as_they_were_and_the_first_is_waited_for() -> None:
    views = ArrivingViews(first_seconds=10)
    sent = [np.random.default_rng(seed).integers(0, 256, (3, 5, 3), dtype=np.uint8) for seed in range(2)]
    threading.Timer(0.05, lambda: views.hear(said_view(sent[0]))).start()
    np.testing.assert_array_equal(views(), sent[:1])
    assert views() == []
    for view in sent:
        views.hear(said_view(view))
    views.hear("another line")
    np.testing.assert_array_equal(views(), sent)
    assert ArrivingViews(first_seconds=0)() == []


@pytest.mark.parametrize(
    ("last", "told"),
    [("done mine.onnx", "painting.png is learnt: mine.onnx"),
     ("failed the disk is full", "painting.png is not learnt: the disk is full")],
)  # fmt: skip
def test_what_is_learnt_so_far_is_kept_at_the_end(
    last: str, told: str, net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path
) -> None:
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    stage.board.do("learn")
    learnt = np.ones(net.card.style_size, np.float32)
    spoken.lines.put(said_vector(0.1, learnt))
    wait_until(lambda: bool(np.array_equal(stage.vector(), learnt)))
    spoken.last = last
    stage.learner.close()
    assert [stage.reported.get(timeout=10) for _ in range(2)] == ["keeping what is learnt of painting.png", told]
    stage.learner.close()
    assert stage.reported.empty()


def test_before_the_first_step_there_is_nothing_to_wait_for(
    net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken, "tell", lambda line: pytest.fail(line) if line == ENOUGH else None)
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    stage.board.do("learn")
    stage.learner.close()
    assert spoken.ended.is_set()
    assert stage.reported.get(timeout=10) == "painting.png is not learnt: the run ended before the first step"


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


def test_what_cannot_be_written_in_time_is_told(
    net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.live.style_learner.KEPT_SECONDS", 0.05)
    monkeypatch.setattr(spoken, "tell", lambda line: None)
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    stage.board.do("learn")
    learnt = np.ones(net.card.style_size, np.float32)
    spoken.lines.put(said_vector(0.1, learnt))
    wait_until(lambda: bool(np.array_equal(stage.vector(), learnt)))
    stage.learner.close()
    assert spoken.ended.is_set()
    assert stage.reported.get(timeout=10).startswith("keeping what is learnt")
    assert stage.reported.get(timeout=10) == "painting.png is not learnt: what there is could not be written in 0 s"


def test_the_picture_in_a_mix_is_learnt_too(net: StyleFile, picture: Path, tmp_path: Path) -> None:
    other = f"{net.path}:waves"
    stage = Stage(other, tmp_path)
    stage.board.do("mix", f"{net.path}:{picture}")
    learnt = np.ones(net.card.style_size, np.float32)
    stage.looks.use_vector(f"{net.path}:{picture}", learnt)
    np.testing.assert_allclose(stage.vector(), (net.vector("waves") + learnt) / 2, atol=1e-6)


def test_what_goes_wrong_is_told_and_the_look_stays(
    net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path
) -> None:
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    read = stage.vector()
    stage.board.do("learn")
    spoken.lines.put("failed the disk is full")
    assert stage.reported.get(timeout=10) == "painting.png is not learnt: the disk is full"
    np.testing.assert_array_equal(stage.vector(), read)


def test_a_process_that_is_gone_is_told(net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path) -> None:
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    stage.board.do("learn")
    spoken.lines.put(None)
    assert stage.reported.get(timeout=10) == "painting.png is not learnt: ended with status 3"


def test_what_cannot_be_asked_is_one_line(net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path) -> None:
    with pytest.raises(ImpastoError, match=r"takes a picture, and .*small.onnx:waves is none"):
        Stage(f"{net.path}:waves", tmp_path).board.do("learn")
    stage = Stage(f"{net.path}:{picture}", tmp_path)
    with pytest.raises(ImpastoError, match="takes a picture, and waves is none"):
        stage.board.do("learn", "waves")
    stage.board.do("learn")
    with pytest.raises(ImpastoError, match=r"painting\.png is being learnt already"):
        stage.board.do("learn")
    stage.learner.close()
    assert spoken.ended.is_set()


def test_a_live_run_begins_in_the_picture_and_learns_it(
    net: StyleFile, picture: Path, spoken: Spoken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.live.stream_views.LOOK_SECONDS", 0.001)
    lines: list[str] = []
    options = LiveOptions(learn=f"{net.path}:{picture}", frames=8, engine="onnxruntime", control=False, folder=tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    run_live("pattern:128x96", ["null:"], options, report=lines.append)
    assert "learning painting.png while it plays" in lines
    assert spoken.ended.is_set()
    assert frames_told(spoken)[0].shape == (96, 128, 3)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_run_that_cannot_learn_writes_nothing(net: StyleFile, tmp_path: Path) -> None:
    options = LiveOptions(learn=f"{net.path}:waves", frames=8, engine="onnxruntime", control=False, folder=tmp_path)
    with pytest.raises(ImpastoError, match="learn takes a picture"):
        run_live("pattern:128x96", [str(tmp_path / "out.mkv")], options)
    assert not list(tmp_path.glob("*.mkv"))
    with pytest.raises(ImpastoError, match="--learn and --mix"):
        run_live("pattern:128x96", ["null:"], LiveOptions(learn="a.jpg", mix="a=0.5,b=0.5"))
    with pytest.raises(ImpastoError, match="leave --style out"):
        run_live("pattern:128x96", ["null:"], LiveOptions(learn="a.jpg", style="udnie"))


def test_the_process_says_vectors_and_when_it_is_enough_where_the_style_is(
    net: StyleFile, picture: Path, tmp_path: Path
) -> None:
    with learning(picture, str(net.path), tmp_path / "mine.onnx", steps=1000) as process:
        process.tell(said_view(np.asarray(Image.open(picture).convert("RGB"))))
        lines = [process.next_line(120) or ""]
        process.tell(ENOUGH)
        lines += iter(lambda: process.next_line(120), None)
    vectors = [found for line in lines if (found := vector_in(line))]
    assert vectors
    assert all(vector.shape == (net.card.style_size,) for _, vector in vectors)
    assert end_in(lines[-1]) == str(tmp_path / "mine.onnx")
    card = read_style_file(tmp_path / "mine.onnx").card
    assert card.names == ("painting",)
    assert card.training["vectors"]["painting"]["joined_views"] == 1


def test_the_process_says_why_it_cannot(net: StyleFile, tmp_path: Path) -> None:
    with learning(tmp_path / "gone.png", str(net.path), tmp_path / "mine.onnx", steps=2) as process:
        lines = list(iter(lambda: process.next_line(120), None))
    with pytest.raises(ImpastoError, match=r"gone\.png"):
        end_in(lines[-1])
    assert not (tmp_path / "mine.onnx").exists()


@pytest.mark.parametrize(
    ("threads", "cores", "rest"), [(1, 2, 0.5), (1, 1, 2.0), (1, 3, 0.0), (2, 8, 0.0), (2, 6, 0.0)]
)
def test_it_rests_so_that_a_third_of_the_processor_is_taken(threads: int, cores: int, rest: float) -> None:
    assert rest_after(1.0, threads, cores) == pytest.approx(rest)
