"""`impasto bench`: every combination has its row or its reason, and the figures fit together."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clips import read_packets, write_clip
from fakes import CopyingEngine
from small_styles import one_thread_for_torch
from typer.testing import CliRunner, Result

from engines.backends.ours import OURS
from realtime.bench import run
from realtime.bench.inputs import clips
from realtime.bench.inputs.clips import LEAST_FRAMES, Allowance
from realtime.bench.inputs.subject import Bench, Subject, combinations, opened
from realtime.bench.options import BenchOptions
from realtime.bench.peers import peers
from realtime.bench.rows.rows import (
    each_ms,
    frames_a_second,
    net_latency_ms,
    net_throughput,
    on_gpu_ms,
    to_file,
    to_null,
)
from realtime.bench.rows.stages import StageAlone, stages_alone
from realtime.bench.rows.start import fresh_start
from realtime.bench.turn import Turn, take_turn
from realtime.commands.all_commands import app
from realtime.commands.console.border import INTERRUPTED
from realtime.files.stats import STAGES
from realtime.painting.stylizer import Stylizer
from realtime.sinks.file import FileSink
from realtime.sinks.null import NullSink
from realtime.sources.file import FileSource

FRAMES = 6
ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60


def bench(*words: object) -> Result:
    return CliRunner().invoke(app, ["bench", "--frames", str(FRAMES), *map(str, words)])


@pytest.fixture(scope="module")
def clip(make_clip: Callable[[int], Path]) -> Path:
    return make_clip(8)


@pytest.fixture(scope="module")
def subject(clip: Path, small_style: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    options = BenchOptions(clip=clip, styles=(str(small_style),), height=48, frames=FRAMES)
    with subject_of(options, tmp_path_factory.mktemp("bench")) as made:
        yield made


def subject_of(options: BenchOptions, folder: Path) -> AbstractContextManager[Subject]:
    return opened(combinations(options, [(64, 48)], folder)[0], Bench(options, folder), print)


@pytest.fixture(scope="module")
def document(clip: Path, small_style: Path) -> dict[str, Any]:
    """What a run over two engines, one of which cannot run here, prints as JSON."""
    with one_thread_for_torch(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(OURS, "steam", "steam_engines:Backend")
        patch.setattr(peers, "COMPILERS", ("no-such-compiler",))  # compiling takes half a minute
        result = bench(
            *("--clip", clip, "--style", f"{small_style}:night", "--height", 48, "--repeats", 2, "--json"),
            *("--engine", "openvino", "--engine", "steam", "--peers", "--stability"),
        )
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_combination_has_a_result_or_a_reason(document: dict[str, Any]) -> None:
    ran, refused = document["combinations"]
    assert ran["asked"] == {"style": "small.onnx:night", "size": "64x48", "engine": "openvino", "precision": "auto"}
    assert ran["reason"] == ""
    assert refused["result"] is None
    assert "No module named 'steam_engines'" in refused["reason"]


def test_every_row_has_its_spread(document: dict[str, Any]) -> None:
    ran = document["combinations"][0]["result"]
    assert set(ran["rows"]) == {"net", "decode_stylize_null", "decode_stylize_encode"}
    for row in ran["rows"].values():
        assert row["fps"]["count"] == 2
        assert 0 < row["fps"]["least"] <= row["fps"]["median"] <= row["fps"]["most"]
    late = ran["latency"]
    assert late["count"] == 2 * FRAMES
    assert 0 < late["p50"] <= late["p95"] <= late["p99"]


def test_every_peer_has_its_ratios_or_a_reason(document: dict[str, Any]) -> None:
    found = {peer["name"]: peer for peer in document["combinations"][0]["result"]["peers"]}
    assert set(found) == set(peers.PEERS)
    assert "no-such-compiler" in found["torch.compile"]["reason"]
    assert found["torch eager fp32"]["agreement_db"] > 40
    for peer in found.values():
        assert bool(peer["reason"]) != bool(peer["net_ratio"] and peer["fps_ratio"])


def test_the_waterfall_adds_up(document: dict[str, Any]) -> None:
    ran = document["combinations"][0]["result"]
    assert tuple(ran["stages"]) == STAGES
    assert sum(stage["share"] for stage in ran["stages"].values()) == pytest.approx(1, abs=0.001)
    slowest = min(ran["stages"], key=lambda name: ran["stages"][name]["fps"]["median"])
    assert ran["slowest_stage"] == slowest
    assert 0 < ran["efficiency"]["least"] <= ran["efficiency"]["median"] <= ran["efficiency"]["most"]


def test_start_memory_and_gate_are_told(document: dict[str, Any]) -> None:
    ran = document["combinations"][0]["result"]
    assert ran["build_seconds"] > 0
    assert ran["restore_seconds"]["count"] == ran["first_frame_seconds"]["count"] == 2
    assert 20 < ran["peak_mib"]["median"] < 2000
    assert ran["gate_db"] > 38
    assert ran["stability"]["e_warp"] > 0


def test_no_folder_and_no_name_of_a_person_is_told(document: dict[str, Any], clip: Path) -> None:
    text = json.dumps(document)
    assert str(clip.parent) not in text
    assert str(Path.home()) not in text
    assert document["clip"] == clip.name


def test_a_fresh_process_opens_the_engine_and_builds_none(subject: Subject) -> None:
    """What a build took would be told as the wait for the first frame, and the next turn would build again."""

    def kept() -> dict[str, bytes]:
        assert subject.engines is not None
        return {path.name: path.read_bytes() for path in subject.engines.iterdir()}

    before = kept()
    fresh_start(subject)
    assert kept() == before


def test_a_net_of_random_weights_leaves_nothing_in_the_users_cache(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "users"))
    options = BenchOptions(clip=clip, styles=("ultra",), height=48, frames=FRAMES)
    with subject_of(options, tmp_path) as made:
        assert made.single is not made.stylizer
    assert not list((tmp_path / "users").rglob("*.engine"))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_both_engines_are_calibrated_alike_and_every_build_is_cold(
    precision: str, clip: Path, small_style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's int8 engine may be calibrated on another clip, and a net in int8 is kept for other sizes."""
    caches: list[Path | None] = []

    def opened_in(*_: object, cache_dir: Path | None, **__: object) -> CopyingEngine:
        caches.append(cache_dir)
        assert cache_dir is None or not cache_dir.exists()
        return CopyingEngine()

    monkeypatch.setattr("realtime.bench.inputs.subject.engine_for", opened_in)
    styles = f"{small_style}:waves", f"{small_style}:night"
    options = BenchOptions(clip=clip, styles=styles, precisions=(precision,), frames=FRAMES)
    for combination in combinations(options, [(64, 48), (96, 64)], tmp_path):
        with opened(combination, Bench(options, tmp_path), print) as made:
            assert made.engines == caches[-2]
    small, large = caches[0], caches[2]
    single = [None, None] if precision == "fp32" else [small, large]
    assert None not in (small, large)
    assert small != large
    assert caches == 2 * [small, single[0], large, single[1]]  # styles of one file share their engines


def test_the_tables_for_people(clip: Path, small_style: Path, tmp_path: Path) -> None:
    page = tmp_path / "tables.md"
    result = bench("--clip", clip, "--style", small_style, "--height", 48, "--repeats", 1, "--markdown", page)
    assert result.exit_code == 0, result.stderr
    for words in ("Speed", "Start and memory", "Waterfall", "small.onnx", "64x48"):
        assert words in result.stdout
        assert words in page.read_text()


def test_a_quick_run_says_how_long_it_takes_and_what_it_left_out(clip: Path, small_style: Path) -> None:
    words = ("--quick", "--clip", clip, "--style", small_style, "--height", 48, "--engine", "openvino")
    result = bench(*words, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("1 combination, 1 turn: ")
    assert " s at most" in result.stderr.splitlines()[0]
    assert result.stdout.count("\n") == 1
    found = json.loads(result.stdout)
    assert (found["quick"], found["repeats"], found["requests"]) == (True, 1, 1)
    ran = found["combinations"][0]["result"]
    assert set(ran["rows"]) == {"decode_stylize_encode"}
    assert (ran["latency"]["count"], ran["stages"], ran["build_seconds"]) == (FRAMES, {}, None)
    again = bench(*words)
    assert "preparing openvino" not in again.stderr  # the first run has left the engine in the user's cache
    assert "Speed, measured quickly" in again.stdout


@pytest.mark.parametrize("beside", ["--peers", "--roofline", "--stability", "--live"])
def test_a_quick_run_has_nothing_beside_it(beside: str) -> None:
    result = bench("--quick", beside)
    assert result.exit_code == 2
    assert f"--quick leaves out {beside}" in " ".join(result.stderr.replace("│", " ").split())


def test_where_nothing_can_run_the_command_has_failed(
    clip: Path, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OURS, "steam", "steam_engines:Backend")
    result = bench("--clip", clip, "--style", small_style, "--engine", "steam", "--repeats", 1)
    assert result.exit_code == 1
    assert "No module named 'steam_engines'" in " ".join(result.stdout.split())


def test_a_style_that_is_not_there_ends_it_at_once(clip: Path) -> None:
    result = bench("--clip", clip, "--style", "nowhere.onnx")
    assert result.exit_code == 1
    assert "nowhere.onnx" in result.stderr


def test_the_same_engine_is_not_measured_twice(clip: Path, small_style: Path) -> None:
    words = ("--quick", "--clip", clip, "--style", small_style, "--height", 48, "--json")
    result = bench(*words, "--engine", "openvino", "--engine", "openvino", "--precision", "fp32")
    first, second = json.loads(result.stdout)["combinations"]
    assert first["result"]["precision"] == "fp32"
    assert "same engine as" in second["reason"]


def test_a_clip_is_scaled_to_each_size(clip: Path, small_style: Path, tmp_path: Path) -> None:
    options = BenchOptions(clip=clip, styles=(str(small_style),), sizes=((96, 64),), frames=FRAMES, requests=1)
    with opened(combinations(options, [(96, 64)], tmp_path)[0], Bench(options, tmp_path), print) as made:
        frames = made.frames(20)
        assert [frame.size for frame in frames] == [(96, 64)] * FRAMES
        assert made.stylizer(frames[0]).size == (96, 64)


def test_the_built_in_scene_is_the_default(small_style: Path, tmp_path: Path) -> None:
    options = BenchOptions(styles=(str(small_style),), frames=FRAMES, requests=1)
    with subject_of(options, tmp_path) as made:
        assert [frame.size for frame in made.frames(20)] == [(64, 48)] * FRAMES


def test_each_engine_takes_as_many_frames_as_its_row_needs(subject: Subject) -> None:
    assert (subject.single.requests, subject.stylizer.requests) == (1, 2)
    assert len(net_latency_ms(subject)) == FRAMES
    assert net_throughput(subject).fps > 0


def test_frames_stay_on_the_gpu_where_video_would_leave_them(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, type]] = []

    def keep(decoder: str, source: object, stylizer: object, sink: object, report: object) -> None:
        assert isinstance(source, FileSource)
        assert stylizer is subject.stylizer
        asked.append((decoder, type(sink)))

    monkeypatch.setattr(clips, "choose_frames", keep)
    to_null(subject)
    to_file(subject, tmp_path / "painted.mp4")
    stages_alone(subject, tmp_path / "painted.mp4", StageAlone(1, 1))
    assert asked == [("auto", NullSink), ("auto", FileSink), ("auto", FileSink)]


def test_a_net_on_the_gpu_is_timed_without_the_way_there(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Played by torch on the processor, which needs no card."""
    assert on_gpu_ms(subject) == []
    torch = pytest.importorskip("torch")
    painted: list[Any] = []

    class OnCard:
        spec, takes_device_frames = subject.single.engine.spec, True

        def paint_device(self, frame: Any, controls: object) -> Any:
            painted.append(frame)
            return frame

    monkeypatch.setattr("realtime.bench.rows.rows.why_no_tensors", lambda: "")
    monkeypatch.setattr("realtime.bench.rows.rows.CUDA", "cpu")
    monkeypatch.setattr("torch.cuda.synchronize", lambda: None)
    engine: Any = OnCard()
    timed = on_gpu_ms(replace(subject, single=Stylizer(engine, subject.single.controls)))
    assert len(timed) == FRAMES
    assert all(isinstance(frame, torch.Tensor) for frame in painted)


def test_the_sound_of_a_longer_clip_is_not_copied_on_our_time(small_style: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", sounds=("aac",), pts=range(0, 25 * 512, 512))
    options = BenchOptions(clip=clip, styles=(str(small_style),), height=48, frames=5, requests=1)
    with subject_of(options, tmp_path) as made:
        to_file(made, tmp_path / "painted.mp4")
    copied, all_of_it = (len(read_packets(path, "audio")[0]) for path in (tmp_path / "painted.mp4", clip))
    assert 0 < copied < all_of_it / 3


def test_all_work_is_done_on_the_threads() -> None:
    done: list[int] = []
    assert frames_a_second(done.append, range(7), Allowance(20, 60.0), threads=3) > 0
    assert sorted(done) == sorted(number % 7 for number in range(20))


def test_an_error_on_a_thread_is_raised() -> None:
    def fail(item: int) -> None:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        frames_a_second(fail, range(3), Allowance(20, 60.0), threads=2)


def test_a_slow_row_ends_after_its_first_frames() -> None:
    assert len(each_ms(print, "x", Allowance(1000, 0.0))) == LEAST_FRAMES


def test_a_run_that_is_ended_by_kill_leaves_no_folder(clip: Path, small_style: Path, tmp_path: Path) -> None:
    """It says "preparing …" when its folder is there."""
    words = ["bench", "--clip", str(clip), "--style", str(small_style), "--height", "48", "--frames", "1000"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "realtime.cli", *words, "--row-seconds", "600"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert next(line for line in process.stderr if "preparing" in line)
        assert list(tmp_path.glob("impasto-bench-*"))
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_tells_the_figures_of_its_turns(
    clip: Path, small_style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two engines take turns; Ctrl-C comes in the second round of the first."""
    turns = list[str]()

    def take(subject: Subject) -> Turn:
        turns.append(subject.stylizer.engine.spec.backend)
        if len(turns) == 2:
            raise KeyboardInterrupt
        return take_turn(subject)

    monkeypatch.setattr(run, "take_turn", take)
    words = ("--clip", clip, "--style", small_style, "--height", 48, "--repeats", 3, "--live", "--json")
    result = bench(*words, "--engine", "onnxruntime", "--engine", "openvino")
    assert result.exit_code == INTERRUPTED
    assert "ended early: the figures are those of the turns until now" in result.stderr
    found = json.loads(result.stdout)
    assert (found["interrupted"], found["live"]) == (True, None)
    complete, none = found["combinations"]
    assert complete["result"]["rows"]["net"]["fps"]["median"] > 0
    assert none["reason"] == "the run was ended before its first turn"
