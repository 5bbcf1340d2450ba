"""`impasto live` from end to end, over the built-in scene and a small net."""

import json
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import psnr_db, read_pictures, read_rgb, write_clip
from fakes import painting_threads

from engines.errors import BadValue, EngineRefused, FileMissing, ImpastoError
from engines.loading.engine import EngineChoice, load_engine
from engines.style.styles import load_style
from realtime.frames.address import labels_of
from realtime.frames.pacing import sink_rate
from realtime.live.control.client import send
from realtime.live.control.settings import settings_of
from realtime.live.options import LiveOptions
from realtime.live.picture import LivePicture
from realtime.live.report import LiveReport
from realtime.live.run import run_live

PATTERN = "pattern:128x96@25"
ABOVE_THE_CODE = 72  # rows: below, the time is written into the picture


PATIENCE_SECONDS = 20.0


def options(style: Path, **others: object) -> LiveOptions:
    return LiveOptions(style=f"{style}:waves", engine="openvino", control=False, **others)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def engine_in_the_cache(small_style: Path) -> None:
    """Built beforehand, so that it is there within the first frames however busy the machine is."""
    load_engine(load_style(str(small_style)), height=96, width=128, choice=EngineChoice(backend="openvino")).close()


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> object:
    before = set(threading.enumerate())
    yield
    until = time.perf_counter() + PATIENCE_SECONDS  # an engine that nobody waits for is still being opened
    while set(threading.enumerate()) - before and time.perf_counter() < until:
        time.sleep(0.05)
    assert not set(threading.enumerate()) - before
    assert not painting_threads()


def test_the_scene_is_painted_and_its_latency_is_read_back(small_style: Path) -> None:
    report = run_live(PATTERN, ["null:"], options(small_style, frames=60))
    assert report.figures.painted > 0
    assert report.figures.latency_ms["null:"].count >= 30  # what is shown again, as on a busy machine, is not counted
    assert report.figures.coded_ms is not None
    assert not report.interrupted
    assert report.engine is not None
    assert (report.engine.width, report.engine.height) == (128, 96)


def test_the_report_is_json(small_style: Path) -> None:
    report = run_live(PATTERN, ["null:"], options(small_style, frames=5))
    told = json.loads(json.dumps(report.as_dict()))
    assert told["sinks"] == [{"sink": "null:", "frames": 5, "error": None}]
    assert {"capture", "compose"} <= set(told["stage_ms"])
    assert told["latency_ms"]["null:"]["p95"] > 0


@pytest.mark.parametrize("audio", ["source", "none"])
def test_sound_that_nobody_will_hear_is_told(audio: str, small_style: Path, tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mp4", sounds=("aac",))
    lines: list[str] = []
    only_pictures = options(small_style, frames=1, pass_through=True, audio=audio)
    run_live(str(film), ["null:"], only_pictures, report=lines.append)
    run_live(str(film), ["null:", str(tmp_path / "out.mkv")], only_pictures, report=lines.append)
    told = "null: takes pictures alone; --audio is heard in recordings and streams"
    assert lines.count(told) == (1 if audio == "source" else 0)


def test_a_recording_begins_plain_and_ends_painted(small_style: Path, tmp_path: Path) -> None:
    """Never black: until the engine is there, the plain picture is shown."""
    plain, painted = tmp_path / "plain.mkv", tmp_path / "painted.mkv"
    run_live(PATTERN, [str(plain)], options(small_style, frames=3, pass_through=True))
    report = run_live(PATTERN, [str(painted)], options(small_style, frames=90))
    assert report.figures.painted > 0
    original, first = (read_rgb(path)[:ABOVE_THE_CODE] for path in (plain, painted))
    last = read_rgb(painted, len(read_pictures(painted)) - 1)[:ABOVE_THE_CODE]
    assert psnr_db(first, original) > 25
    assert psnr_db(last, original) < 20


def test_one_that_waits_is_painted_from_its_first_picture_on(small_style: Path, tmp_path: Path) -> None:
    plain, painted = tmp_path / "plain.mkv", tmp_path / "painted.mkv"
    run_live(PATTERN, [str(plain)], options(small_style, frames=3, pass_through=True, wait=True))
    lines: list[str] = []
    report = run_live(PATTERN, [str(painted)], options(small_style, frames=5, wait=True), report=lines.append)
    assert "it begins when the painting is ready" in lines
    assert report.figures.painted == 5
    original, first = (read_rgb(path)[:ABOVE_THE_CODE] for path in (plain, painted))
    assert psnr_db(first, original) < 20


def test_the_seconds_of_one_that_waits_begin_with_its_pictures(
    small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse = LivePicture.rehearse

    def slowly(picture: LivePicture, size: tuple[int, int], stop: threading.Event) -> None:
        rehearse(picture, size, stop)
        stop.wait(1.0)

    monkeypatch.setattr(LivePicture, "rehearse", slowly)
    report = run_live(PATTERN, ["null:"], options(small_style, wait=True, seconds=0.5))
    assert report.figures.painted > 3


def test_one_that_waits_for_what_cannot_be_had_ends_with_the_reason(small_style: Path, tmp_path: Path) -> None:
    recording = tmp_path / "out.mkv"
    wanted = LiveOptions(style=str(small_style), engine="nosuch", control=False, wait=True)
    with pytest.raises(ImpastoError, match="there is no engine 'nosuch'"):
        run_live(PATTERN, [str(recording)], wanted)
    assert not recording.exists()
    assert painting_threads() == []


def test_an_unknown_style_is_told_before_anything_is_opened(tmp_path: Path) -> None:
    recording = tmp_path / "out.mkv"
    with pytest.raises(ImpastoError, match="there is no style 'nosuch'"):
        run_live(PATTERN, [str(recording)], LiveOptions(style="nosuch"))
    assert not recording.exists()


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"socket": Path("s.sock")}, r"--socket s\.sock is for control, and --no-control is given; leave one"),
        ({"folder": Path("nowhere")}, "there is no folder nowhere for snapshots and recordings; create it first"),
        ({"style_images": ((Path("none.png"), 1.0),)}, r"there is no file none\.png for --style-image"),
        ({"style_images": ((Path("none.png"), 0.0),)}, r"the weight of none\.png is 0; give one above 0"),
    ],
)
def test_what_would_be_ignored_or_fail_late_is_refused_at_once(
    others: dict[str, object], told: str, small_style: Path, tmp_path: Path
) -> None:
    recording = tmp_path / "out.mkv"
    with pytest.raises((BadValue, FileMissing), match=told):
        run_live(PATTERN, [str(recording)], options(small_style, **others))
    assert not recording.exists()


def test_standard_output_is_no_file_to_record_to(small_style: Path) -> None:
    with pytest.raises(BadValue, match=r"--to - names no file; standard output is pipe:, as in .*--to pipe:"):
        run_live(PATTERN, ["-"], options(small_style))


def test_an_engine_that_does_not_exist_ends_the_run(small_style: Path) -> None:
    with pytest.raises((EngineRefused, ImpastoError), match="there is no engine 'nosuch'"):
        run_live(PATTERN, ["null:"], LiveOptions(style=str(small_style), engine="nosuch", control=False))


def test_a_sink_that_cannot_be_opened_ends_the_run_and_closes_the_others(small_style: Path, tmp_path: Path) -> None:
    with pytest.raises((ImpastoError, OSError)):
        run_live(PATTERN, ["null:", str(tmp_path / "nosuch" / "out.mkv")], options(small_style))


def test_an_error_after_the_sinks_are_open_closes_them(small_style: Path, tmp_path: Path) -> None:
    recording = tmp_path / "out.mkv"
    with pytest.raises(ValueError, match="goal above 0"):
        run_live(PATTERN, [str(recording)], options(small_style, target_fps=-1.0))
    assert not recording.exists()


def test_an_error_after_a_stop_is_no_error(small_style: Path) -> None:
    """A host that did not answer until Ctrl-C."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        run_live("nosuch.mp4", ["null:"], options(small_style), stop=stop)


def test_a_stop_before_the_first_picture_is_an_interrupt(small_style: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert run_live(PATTERN, ["null:"], options(small_style), stop=stop).interrupted


def test_sinks_that_look_alike_are_told_apart(small_style: Path) -> None:
    report = run_live(PATTERN, ["null:", "null:"], options(small_style, frames=5))
    assert set(report.figures.latency_ms) == {"null:", "null: (2)"}
    addresses = ["rtmp://host/app/one", "null:", "rtmp://host/app/two"]
    assert labels_of(addresses) == ["rtmp://host/app/***", "null:", "rtmp://host/app/*** (2)"]


def test_a_film_is_recorded_to_its_last_frame(
    make_clip: Callable[[int], Path], small_style: Path, tmp_path: Path
) -> None:
    film, recording = make_clip(12), tmp_path / "out.mkv"
    run_live(str(film), [str(recording)], options(small_style, pass_through=True))
    last, copy = (read_rgb(path, len(read_pictures(path)) - 1) for path in (film, recording))
    assert psnr_db(last, copy) > 25


def test_it_plays_where_the_folder_that_it_was_started_in_is_gone(
    small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run_live(PATTERN, ["null:"], options(small_style, frames=3, folder=Path())).sinks[0].error == ""


def test_it_is_controlled_from_outside(small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Style, recording, snapshot and quit, as a stream deck would, which stands in another folder."""
    monkeypatch.chdir(tmp_path)
    socket = tmp_path / "live.sock"
    reports: list[LiveReport] = []
    answers: list[str] = []
    asked = LiveOptions(style=f"{small_style}:waves", engine="openvino", socket=socket, folder=Path())
    driver = threading.Thread(target=drive, args=(socket, answers))
    driver.start()
    reports.append(run_live(PATTERN, ["null:"], asked))
    driver.join(20)
    assert not reports[0].interrupted
    (snapshot,) = tmp_path.glob("impasto-*.png")
    assert answers == [f"saved {snapshot}"]
    recordings = list(tmp_path.glob("impasto-*.mkv"))
    assert len(recordings) == 1
    with av.open(str(recordings[0])) as container:
        assert len(list(container.decode(video=0))) > 0
    assert not socket.exists()


def drive(socket: Path, answers: list[str]) -> None:
    """Waits for what each step needs by asking, as any client would."""
    pause = threading.Event()
    while not socket.exists():
        pause.wait(0.02)
    while send("status", None, socket)["figures"]["painted"] == 0:
        pause.wait(0.05)
    send("style", "night", socket)
    send("record", True, socket)
    answers.append(send("snapshot", None, socket)["line"])
    painted = send("status", None, socket)["figures"]["painted"]
    while send("status", None, socket)["figures"]["painted"] < painted + 20:
        pause.wait(0.05)
    send("quit", None, socket)


def test_settings_follow_the_options() -> None:
    settings = settings_of(LiveOptions(mix="waves=1,night=3", strength=0.5, stroke=2.0, mirror=True))
    assert (settings.style, settings.mix_with, settings.mix) == ("waves", "night", 0.75)
    assert (settings.strength, settings.stroke, settings.mirror) == (0.5, 2.0, True)


def test_bare_names_of_a_mix_are_those_of_the_file_of_style(small_style: Path) -> None:
    settings = settings_of(options(small_style, mix="waves=1,night=3"))
    assert (settings.style, settings.mix_with) == (f"{small_style}:waves", f"{small_style}:night")
    settings = settings_of(LiveOptions(style=str(small_style), mix="night=1,udnie=1"))
    assert (settings.style, settings.mix_with) == (f"{small_style}:night", "udnie")
    report = run_live(PATTERN, ["null:"], options(small_style, mix="waves=1,night=3", frames=5))
    assert len(report.sinks) == 1


@pytest.mark.parametrize(
    ("told", "rate"),
    [(Fraction(25), 25), (Fraction(240), 240), (Fraction(1, 5), Fraction(1, 5)), (None, 30), (Fraction(90000), 30)],
)
def test_a_rate_that_no_camera_has_is_not_asked_of_sinks(told: Fraction | None, rate: Fraction) -> None:
    assert sink_rate(told) == rate


@pytest.mark.parametrize(
    ("mix", "words"),
    [("a=1,b=1,c=1", "mixes two styles"), ("a=0,b=0", "one of them above 0"), ("a=-1,b=3", "weights of 0 or more"),
     ("a=inf,b=1", "weights of 0 or more"), ("a=nan,b=1", "weights of 0 or more")],
)  # fmt: skip
def test_what_cannot_be_mixed_is_refused(mix: str, words: str) -> None:
    with pytest.raises(BadValue, match=f"^--mix '{mix}': .*{words}"):
        settings_of(LiveOptions(mix=mix))
