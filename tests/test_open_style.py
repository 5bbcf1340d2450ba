"""`open_style`, for programs of one's own: arrays in, painted arrays out, and errors that can be told apart."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from clips import psnr_db
from small_styles import one_thread_for_torch, random_frame

import engines
import realtime
from engines import BadValue, Controls, EngineRefused, FileMissing, ImpastoError, UnknownStyle, load_engine, load_style
from realtime import StylePainter, open_style
from realtime.painting.full_size.join import Join

HEIGHT, WIDTH = 48, 64
FRAME = random_frame(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def paint(small_style: Path) -> Iterator[StylePainter]:
    with one_thread_for_torch(), open_style(str(small_style), height=HEIGHT, width=WIDTH) as painter:
        yield painter


def test_a_frame_comes_back_painted_and_is_left_alone(paint: StylePainter) -> None:
    frame = FRAME.copy()
    painted = paint(frame)
    assert painted.shape == FRAME.shape
    assert painted.dtype == np.uint8
    assert np.array_equal(frame, FRAME)
    assert not np.array_equal(painted, FRAME)


def test_it_paints_as_the_engine_does(paint: StylePainter, small_style: Path) -> None:
    style = load_style(str(small_style))
    engine = load_engine(style, height=HEIGHT, width=WIDTH)
    in_full = engine(FRAME, Controls(style.mix({"waves": 1, "night": 3})))
    engine.close()
    controls = Controls(style.mix({"waves": 1, "night": 3}), 0.5, 1.0)
    painted = paint(FRAME, style={"waves": 0.5, "night": 1.5}, strength=0.5, keep_colour=1.0)
    assert np.array_equal(painted, Join().rgb(FRAME, FRAME, in_full, controls))


def test_a_call_changes_nothing_for_the_next(paint: StylePainter) -> None:
    as_opened = paint(FRAME)
    assert not np.array_equal(paint(FRAME, style="night"), as_opened)
    assert psnr_db(paint(FRAME, strength=0), FRAME) > 45
    assert np.array_equal(paint(FRAME), as_opened)


def test_what_it_was_opened_with_is_what_a_call_leaves_out(paint: StylePainter, small_style: Path) -> None:
    opened = open_style(f"{small_style}:night", height=HEIGHT, width=WIDTH, strength=0.5, keep_colour=1)
    with opened as night:
        assert np.array_equal(night(FRAME), paint(FRAME, style="night", strength=0.5, keep_colour=1))


def test_pictures_of_other_libraries_need_no_copy_of_ones_own(paint: StylePainter) -> None:
    """OpenCV's BGR turned round, and a part of a larger picture: views whose rows do not lie one after the other."""
    bgr = np.ascontiguousarray(FRAME[..., ::-1])
    larger = np.pad(FRAME, ((0, 0), (3, 5), (0, 0)))
    for view in (bgr[..., ::-1], larger[:, 3:-5]):
        assert np.array_equal(paint(view), paint(FRAME))


def test_it_says_what_it_is(paint: StylePainter) -> None:
    assert paint.names == ("waves", "night")
    assert paint.size == (WIDTH, HEIGHT)
    assert paint.facts.engine
    assert paint.facts.psnr_db is None or paint.facts.psnr_db > 38


@pytest.mark.parametrize(
    "picture",
    [
        random_frame(HEIGHT, WIDTH + 1),
        FRAME[..., 0],
        FRAME.astype(np.float32),
        np.dstack([FRAME, FRAME[..., :1]]),
    ],
    ids=["another size", "grey", "floats", "with alpha"],
)
def test_another_kind_of_picture_is_refused(paint: StylePainter, picture: np.ndarray) -> None:
    with pytest.raises(BadValue, match="picture"):
        paint(picture)


def test_a_wrong_argument_is_told_and_breaks_nothing(paint: StylePainter) -> None:
    before = paint(FRAME)
    for wrong in ({"strength": 1.5}, {"keep_colour": -1.0}, {"strength": float("nan")}, {"style": {"waves": -1.0}}):
        with pytest.raises(ValueError, match=r"number|weights"):
            paint(FRAME, **wrong)
    with pytest.raises(UnknownStyle, match="choose one of waves, night"):
        paint(FRAME, style={"waves": 1.0, "noon": 1.0})
    assert np.array_equal(paint(FRAME), before)


def test_after_closing_a_call_is_an_error(small_style: Path) -> None:
    with open_style(str(small_style), height=HEIGHT, width=WIDTH) as painter:
        pass
    with pytest.raises(ValueError, match="closed"):
        painter(FRAME)


def test_what_cannot_be_opened_is_told(small_style: Path) -> None:
    opened = partial(open_style, height=HEIGHT, width=WIDTH)
    with pytest.raises(FileMissing, match=r"nowhere\.onnx"):
        opened("nowhere.onnx")
    with pytest.raises(
        UnknownStyle, match=r"^there is no style 'Starry Nigth' \(do you mean starry_night\?\); choose one"
    ):
        opened("Starry Nigth")
    with pytest.raises(UnknownStyle, match=r"https://example\.com/a\.onnx: styles are files of this computer"):
        opened("https://example.com/a.onnx")
    with pytest.raises(UnknownStyle, match="there is no style 'nobody'"):
        opened("nobody")
    with pytest.raises(BadValue, match="16x16 at least"):
        open_style(str(small_style), height=8, width=WIDTH)
    with pytest.raises(BadValue, match="there is no engine 'steam'"):
        opened(str(small_style), engine="steam")
    with pytest.raises(BadValue, match="strength is 2"):
        opened(str(small_style), strength=2)
    with pytest.raises(EngineRefused, match="fp8"):
        opened(str(small_style), engine="openvino", precision="fp8", strict=True)


def test_a_report_tells_of_the_engine(small_style: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with open_style(str(small_style), height=32, width=32, cache_dir=tmp_path, report=told.append) as painter:
        assert any(str(painter.facts.engine) in line for line in told)
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize("package", [realtime, engines], ids=lambda package: package.__name__)
def test_every_public_name_is_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name).__doc__
    with pytest.raises(AttributeError, match="nosuch"):
        _ = package.nosuch  # type: ignore[attr-defined]


def test_importing_the_packages_loads_nothing_heavy() -> None:
    heavy = ("numpy", "av", "cv2", "torch", "openvino", "onnx", "typer", "rich")
    code = f"import sys, realtime, engines, trainers; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[]"


def test_all_that_is_raised_for_people_is_one_kind() -> None:
    assert issubclass(realtime.SignalLost, ImpastoError)


@pytest.mark.parametrize("stroke", [0, -1, 9, float("nan")])
def test_strokes_are_as_on_the_command_line(small_style: Path, stroke: float) -> None:
    with pytest.raises(BadValue, match=rf"stroke is {stroke}; give a number from 0\.5 to 4"):
        open_style(str(small_style), height=48, width=64, stroke=stroke)
