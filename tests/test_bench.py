"""`impasto bench`: every row is there, the figures fit together, and the peer paints the same picture."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from clips import read_packets, write_clip
from typer.testing import CliRunner

from engines.scene import Motion
from realtime.bench.machine import fingerprint
from realtime.bench.peers import TutorialLoop
from realtime.bench.rows import Measurement, frames_a_second, net_only, to_file
from realtime.bench.run import Row
from realtime.bench.stability import measure_stability, warping_error
from realtime.bench.subject import Subject, prepared
from realtime.cli import app
from realtime.options import BenchOptions

FRAMES = 6


@pytest.fixture(scope="module")
def clip(make_clip: Callable[[int], Path]) -> Path:
    return make_clip(8)


@pytest.fixture
def subject(clip: Path, small_style: Path, tmp_path: Path) -> Iterator[Subject]:
    options = BenchOptions(clip=clip, style=str(small_style), height=48, frames=FRAMES)
    with prepared(options, tmp_path, print) as made:
        yield made


def test_the_document_has_every_figure(clip: Path, small_style: Path) -> None:
    choices = ["--height", "48", "--frames", str(FRAMES), "--repeats", "2", "--peers", "--stability", "--json"]
    result = CliRunner().invoke(app, ["bench", "--clip", str(clip), "--style", f"{small_style}:night", *choices])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    document = json.loads(result.stdout)
    assert (document["size"], document["frames"], document["repeats"]) == ("64x48", FRAMES, 2)
    assert set(document["rows"]) == {"net", "decode_stylize_null", "decode_stylize_encode"}
    assert all(len(row["fps_of_repeats"]) == 2 and row["fps"] > 0 for row in document["rows"].values())
    assert set(document["rows"]["decode_stylize_encode"]["stage_ms"]) == {"decode", "convert", "net", "encode"}
    alone = document["stages_alone_fps"]
    assert document["slowest_stage"] == min(alone, key=alone.get)
    assert document["peers"]["tutorial_loop"]["agreement_db"] > 40
    assert document["stability"]["e_warp"] > 0
    assert document["first_frame_seconds"] > 0
    assert 20 < document["peak_mib"] < 2000
    assert document["machine"]["cores"] >= 1


def test_the_table_for_people(clip: Path, small_style: Path) -> None:
    choices = ["--height", "48", "--frames", "3", "--repeats", "1"]
    result = CliRunner().invoke(app, ["bench", "--clip", str(clip), "--style", str(small_style), *choices])
    assert result.exit_code == 0, result.stderr
    assert all(words in result.stdout for words in ("net only", "decode, paint, encode", "slowest stage", "MiB"))


def test_the_built_in_scene_is_the_default(small_style: Path, tmp_path: Path) -> None:
    with prepared(BenchOptions(style=str(small_style), height=48, frames=2), tmp_path, print) as made:
        assert [frame.size for frame in made.frames(3)] == [(86, 48)] * 2


def test_a_source_ends_after_the_wanted_frames(subject: Subject) -> None:
    source = subject.source()
    try:
        assert len(list(iter(source.read, None))) == FRAMES
    finally:
        source.close()


def test_the_net_row_paints_every_frame(subject: Subject) -> None:
    measured = net_only(subject)
    assert measured.fps > 0
    assert measured.stage_ms["net"] > 0


def test_the_sound_of_a_longer_clip_is_not_copied_on_our_time(small_style: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", sounds=("aac",), pts=range(0, 25 * 512, 512))
    options = BenchOptions(clip=clip, style=str(small_style), height=48, frames=5)
    with prepared(options, tmp_path, print) as subject:
        to_file(subject, tmp_path / "painted.mp4")
    copied, all_of_it = (len(read_packets(path, "audio")[0]) for path in (tmp_path / "painted.mp4", clip))
    assert 0 < copied < all_of_it / 3


def test_the_tutorial_loop_writes_a_video_of_as_many_frames(subject: Subject, tmp_path: Path) -> None:
    loop = TutorialLoop(subject)
    assert loop.fps(tmp_path / "peer.mp4") > 0
    with av.open(str(tmp_path / "peer.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES


def test_a_row_is_the_median_of_its_repeats() -> None:
    row = Row.median_of([Measurement(fps, {"net": 1000 / fps}) for fps in (10.0, 40.0, 20.0)])
    assert (row.fps, row.stage_ms, row.fps_of_repeats) == (20.0, {"net": 50.0}, [10.0, 40.0, 20.0])


def test_all_work_is_done_on_the_threads() -> None:
    done: list[int] = []
    assert frames_a_second(done.append, range(20), threads=3) > 0
    assert sorted(done) == list(range(20))


def test_the_machine_is_named() -> None:
    machine = fingerprint()
    assert machine["cpu"]
    assert {"av", "numpy", "openvino"} <= set(machine["versions"])


def test_a_picture_that_only_moves_does_not_flicker() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    second = np.roll(first, (2, 3), axis=(0, 1))
    flow = np.broadcast_to(np.array([3, 2], np.float32), (40, 60, 2))
    occluded = np.ones((40, 60), bool)
    occluded[:38, :57] = False
    motion = Motion(flow, occluded, np.zeros((40, 60), bool))
    assert warping_error(first, second, motion) == 0
    brighter = np.clip(second.astype(int) + 1, 0, 255).astype(np.uint8)
    assert 0.9 / 255**2 < warping_error(first, brighter, motion) <= 1 / 255**2


def test_the_unpainted_scene_is_as_steady_as_itself(small_style: Path, tmp_path: Path) -> None:
    with prepared(BenchOptions(style=str(small_style), height=48, frames=2), tmp_path, print) as made:
        made.stylizer.controls = dataclasses.replace(made.stylizer.controls, strength=0.0)
        assert measure_stability(made.stylizer).ratio == pytest.approx(1)


def test_the_memory_of_the_parent_is_not_counted() -> None:
    """A parent with 300 MiB starts a process that needs far less."""
    ballast = np.ones(300 * 2**20, np.uint8)
    code = "from realtime.bench.start import peak_resident_mib; print(peak_resident_mib())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 < float(child.stdout) < ballast.nbytes / 2**20 / 2
