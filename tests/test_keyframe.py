"""`impasto image --method gatys` as a person meets it: files, JSON, Ctrl-C and --resume, options that do not fit."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.style.styles import load_style
from realtime.commands.all_commands import app
from realtime.commands.console.terminal import Bar
from realtime.commands.console.written import weighed_picture
from realtime.painting.keyframes.palette import blended

SHORT = [
    *("--iterations", "4", "--least-size", "32", "--samples", "64", "--slices", "2", "--octaves", "1"),
    *("--style-layers", "relu1_1,relu3_1"),
]


def impasto_image(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["image", *map(str, arguments)], env={"COLUMNS": "240"})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((80, 64), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def style(tmp_path: Path) -> Path:
    coarse = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((72, 72), Image.Resampling.BICUBIC).save(tmp_path / "style.png")
    return tmp_path / "style.png"


def test_a_picture_is_painted_and_told_as_json(photo: Path, style: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = impasto_image(photo, out, "--method", "gatys", "--style-image", style, *SHORT, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["outputs"], document["sizes"], document["iterations"]) == ([str(out)], [[80, 64]], 4)
    assert document["device"] in ("cpu", "cuda")
    assert set(document["losses"]) == {"content", "style", "tv", "range", "total"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "photo.png", "style.png"]


def test_strength_0_gives_the_photo_and_kept_colour_its_chroma(photo: Path, style: Path, tmp_path: Path) -> None:
    arguments = (photo, tmp_path / "out.png", "--method", "gatys", "--style-image", style, *SHORT)
    assert impasto_image(*arguments, "--strength", "0").exit_code == 0
    assert np.array_equal(np.array(Image.open(tmp_path / "out.png")), np.array(Image.open(photo)))


def test_colours_are_kept_as_the_nets_keep_them(small_style: Path) -> None:
    """The same formula as in a style file's graph, whose net is asked once for the full style and once for a part."""
    file = load_style(str(small_style))
    frame = np.random.default_rng(0).integers(60, 190, (48, 64, 3), dtype=np.uint8)
    engine = load_engine(file, height=48, width=64, choice=EngineChoice("openvino", "fp32"), report=lambda line: None)
    full, part = (engine(frame, Controls(file.vector("waves"), *controls)) for controls in ((1, 0), (0.6, 0.7)))
    engine.close()
    ours = blended(frame, full, 0.6, 0.7)
    assert np.abs(ours.astype(int) - part).max() <= 1


def test_a_folder_is_painted_into_a_folder(photo: Path, style: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "in" / name).write_bytes(photo.read_bytes())
    done = impasto_image(tmp_path / "in", tmp_path / "out", "--method", "gatys", "--style-image", style, *SHORT)
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_ctrl_c_saves_and_resume_ends_with_the_same_picture(
    photo: Path, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--method", "gatys", "--style-image", style, *SHORT)
    assert impasto_image(photo, tmp_path / "whole.png", *arguments).exit_code == 0
    calls: list[float] = []

    def interrupt(bar: Bar, done: float, total: float | None) -> None:
        calls.append(done)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "out.png"
    with monkeypatch.context() as patch:
        patch.setattr(Bar, "progress", interrupt)
        stopped = impasto_image(photo, out, *arguments, "--json")
    assert stopped.exit_code == 130
    assert json.loads(stopped.stdout)["interrupted"] is True
    assert not out.exists()
    assert (tmp_path / "out.png.run" / "state.pt").exists()
    again = impasto_image(photo, out, *arguments)
    assert again.exit_code == 1
    assert "--resume goes on" in again.stderr
    (tmp_path / "out.png.run").rename(tmp_path / "out.run")  # as an earlier version called it
    assert impasto_image(photo, out, *arguments, "--resume").exit_code == 0
    assert out.read_bytes() == (tmp_path / "whole.png").read_bytes()
    assert not (tmp_path / "out.run").exists()
    assert "out.png is written already" in impasto_image(photo, out, *arguments, "--resume").stderr


def test_a_net_may_begin(photo: Path, style: Path, small_style: Path, tmp_path: Path) -> None:
    arguments = (
        "--method",
        "gatys",
        "--style-image",
        style,
        *SHORT,
        "--start",
        "net",
        "--style",
        f"{small_style}:night",
    )
    done = impasto_image(photo, tmp_path / "out.png", *arguments, "--engine", "openvino")
    assert done.exit_code == 0, done.stderr
    assert "engine: openvino" in done.stderr


def test_pictures_of_one_stem_have_runs_of_their_own(
    photo: Path, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes in the second."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, mode in (("a.bmp", Image.Transpose.ROTATE_180), ("a.png", Image.Transpose.FLIP_LEFT_RIGHT)):
        Image.open(photo).transpose(mode).save(folder / name)
    arguments = (folder, tmp_path / "out", "--method", "gatys", "--style-image", style, *SHORT)

    def interrupt(bar: Bar, text: str) -> None:
        if text.startswith("a.png"):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Bar, "label", interrupt)
        assert impasto_image(*arguments).exit_code == 130
    painted, run = tmp_path / "out" / "a.bmp", tmp_path / "out" / "a.png.run"
    assert sorted((tmp_path / "out").iterdir()) == [painted, run]
    done = impasto_image(*arguments, "--resume")
    assert done.exit_code == 0, done.stderr
    assert "a.bmp is written already" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bmp", "a.png"]


@pytest.mark.parametrize("method", ["net", "gatys"])
def test_ctrl_c_ends_the_building_of_an_engine(
    photo: Path, style: Path, small_style: Path, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    told: list[str] = []

    def interrupt(bar: Bar, line: str) -> None:
        told.append(line)
        if line.startswith("preparing"):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Bar, "report", interrupt)
    optimised = ("--method", method, "--style-image", style, "--start", "net", *SHORT) if method == "gatys" else ()
    arguments = (photo, tmp_path / "out.png", "--style", small_style, "--engine", "openvino", *optimised)
    assert impasto_image(*arguments).exit_code == 130
    assert [line.split()[0] for line in told] == ["preparing"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "photo.png", "style.png"]


def test_a_smaller_result_says_so_where_nobody_asked_for_it(style: Path, tmp_path: Path) -> None:
    Image.new("RGB", (1100, 44), (90, 140, 60)).save(tmp_path / "wide.png")
    arguments = (tmp_path / "wide.png", tmp_path / "out.png", "--method", "gatys", "--style-image", style, *SHORT)
    done = impasto_image(*arguments)
    assert "painted at 1024x41 of 1100x44; --size 1100 paints all of it" in done.stderr
    assert "painted at" not in impasto_image(*arguments, "--size", "200").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--method", "paint"], "there is no method 'paint'; choose net or gatys"),
        (["--method", "gatys"], "give --style-image PICTURE"),
        (["--style-image", "a.jpg"], "--style-image is for --method gatys"),
        (["--resume"], "--resume is for --method gatys"),
        (["--method", "gatys", "--style-image", "a.jpg", "--height", "200"], "--size gives the long side"),
        (["--method", "gatys", "--style-image", "a.jpg", "--style", "udnie"], "--style is for --method net"),
        (["--method", "gatys", "--style-image", "a.jpg", "--mix", "a=1"], "--mix is for --method net"),
        (["--method", "gatys", "--style-image", "a.jpg", "--stroke", "9"], "--stroke is 9.0; give 0.5 to 4"),
        (["--method", "gatys", "--style-image", "a.jpg", "--mask", "m", "--mask", "n"], "2 masks for 1 style images"),
        (["--method", "gatys", "--style-image", "a.jpg", "--size", "8"], "--size"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_options_that_do_not_fit_exit_2(arguments: list[str], says: str) -> None:
    done = impasto_image("a.png", "b.png", *arguments)
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_a_style_image_that_is_missing_is_one_line(photo: Path, tmp_path: Path) -> None:
    done = impasto_image(photo, tmp_path / "out.png", "--method", "gatys", "--style-image", tmp_path / "no.jpg")
    assert done.exit_code == 1
    assert "no.jpg" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_torch_the_remedy_is_named(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trainers.gatys", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    done = impasto_image(photo, tmp_path / "out.png", "--method", "gatys", "--style-image", "a.jpg")
    assert done.exit_code == 1
    assert done.stderr == "impasto: --method gatys needs torch; install it with: pip install 'impasto[train]'\n"


def test_pictures_are_typed_with_their_weights(tmp_path: Path) -> None:
    assert weighed_picture("a.jpg") == (Path("a.jpg"), 1.0)
    assert weighed_picture("a.jpg=0.7") == (Path("a.jpg"), 0.7)
    assert weighed_picture("a=b.jpg") == (Path("a=b.jpg"), 1.0)
    (tmp_path / "c=2").touch()
    assert weighed_picture(f"{tmp_path}/c=2") == (tmp_path / "c=2", 1.0)


def test_a_bad_picture_among_others_is_left_out(photo: Path, style: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(photo.read_bytes()[:200])
    arguments = (bad, photo, tmp_path / "out", "--method", "gatys", "--style-image", style, *SHORT)
    done = impasto_image(*arguments, "--json")
    assert done.exit_code == 1
    assert f"{bad} is cut short: left out\n" in done.stderr
    document = json.loads(done.stdout)
    assert (document["pictures"], document["left_out"]) == (1, [str(bad)])
    strict = impasto_image(*arguments, "--strict", "--resume")
    assert strict.exit_code == 1
    assert strict.stdout == ""
