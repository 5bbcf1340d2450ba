"""`impasto evaluate`: which photos and styles it takes, how it measures flicker, and what it says at the end."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_styles import write_small_style
from typer.testing import CliRunner

from engines.errors import ImpastoError
from engines.loading.engine import Controls
from engines.spec import EngineSpec
from realtime.bench.rows.stability import Stability
from realtime.commands.all_commands import app
from realtime.commands.console.terminal import Bar
from realtime.evaluation.jury import Jury, load_optimiser
from realtime.evaluation.options import EvaluateOptions
from realtime.evaluation.painted import noise_pair
from realtime.evaluation.photos import Photo, evenly, fair_shares, gather_photos, scaled_to, scene_photos
from realtime.evaluation.report import EvaluationReport, OptimisedRow, PictureFigures, StyleRow
from realtime.evaluation.run import run_evaluation
from realtime.evaluation.subjects import find_painting, find_subjects
from realtime.evaluation.table import as_text
from realtime.frames.frame import Pixels
from realtime.painting.notes import EngineFacts
from realtime.painting.stylizer import Stylizer
from realtime.scene import Scene
from trainers.figures.evaluation import load_judge
from trainers.losses.patches import PatchTargets

FIGURES = {
    "brush_distance": 0.04, "patch_distance": 0.3, "kept_content": 0.2, "plain_content": 0.4, "gram": 0.01,
    "weave": 0.25,
}  # fmt: skip


def write_picture(path: Path, size: tuple[int, int] = (80, 60), seed: int = 0) -> Path:
    colours = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture(autouse=True)
def one_scene_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """To build the scene takes longer than all that is done with it here."""
    monkeypatch.setattr("realtime.evaluation.run.Scene", small_scene)


@cache
def small_scene(width: int, height: int) -> Scene:
    assert (width, height) == (128, 72)
    return Scene(width, height)


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paintings")
    for seed, name in enumerate(("waves.png", "night.jpg")):
        write_picture(folder / name, (200, 160), seed)
    return folder


@pytest.mark.parametrize(
    ("capacities", "count", "shares"),
    [
        ((776, 1, 1, 1, 1), 8, [4, 1, 1, 1, 1]),
        ((5, 5), 3, [2, 1]),
        ((1, 2), 9, [1, 2]),
        ((0, 3), 2, [0, 2]),
        ((), 2, []),
    ],
)
def test_every_path_gives_as_many_photos_as_the_others(
    capacities: tuple[int, ...], count: int, shares: list[int]
) -> None:
    assert fair_shares(capacities, count) == shares


def test_photos_are_spread_evenly() -> None:
    assert evenly(range(10), 3) == [1, 5, 8]
    assert evenly(range(10), 10) == list(range(10))
    assert evenly([], 0) == []


def test_pictures_are_scaled_to_a_long_side_in_sixteens() -> None:
    assert scaled_to(np.zeros((540, 960, 3), np.uint8), 640).shape == (352, 640, 3)
    assert scaled_to(np.zeros((400, 300, 3), np.uint8), 640).shape == (640, 480, 3)
    same = np.zeros((480, 640, 3), np.uint8)
    assert scaled_to(same, 640) is same
    with pytest.raises(ImpastoError, match="too narrow"):
        scaled_to(np.zeros((10, 900, 3), np.uint8), 640)


def test_photos_come_from_folders_pictures_and_videos(make_clip: Callable[[int], Path], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        write_picture(tmp_path / "folder" / name)
    (tmp_path / "folder" / "text.txt").write_text("no picture")
    content = [tmp_path / "folder", write_picture(tmp_path / "one.jpg"), make_clip(7)]
    photos = gather_photos(content, 4, 128)
    assert [photo.name for photo in photos] == ["a", "c", "one", "ramps #3"]
    assert {photo.pixels.shape for photo in photos} == {(96, 128, 3)}
    assert len(gather_photos(content, 99, 128)) == 5
    with pytest.raises(FileNotFoundError, match="there is no file"):
        gather_photos([tmp_path / "none.png"], 1, 128)


def test_a_long_video_gives_a_frame_every_so_often(make_clip: Callable[[int], Path]) -> None:
    assert [photo.name for photo in gather_photos([make_clip(600)], 9, 128)] == ["ramps #150", "ramps #450"]


def test_a_file_stands_for_all_its_styles_each_with_its_painting(small_style: Path, paintings: Path) -> None:
    both = find_subjects([str(small_style)], [paintings])
    assert [(subject.label, subject.painting.name) for subject in both] == [
        ("waves", "waves.png"),
        ("night", "night.jpg"),
    ]
    named = find_subjects([f"{small_style}:night", str(small_style)], [paintings])
    assert [subject.label for subject in named] == ["night", "waves"]


def test_styles_of_one_name_are_told_apart(paintings: Path, tmp_path: Path) -> None:
    for painting in ("udnie.jpg", "unrelated.jpg"):
        write_picture(tmp_path / painting)
    write_small_style(tmp_path / "mine.onnx", name="mine", names=("udnie", "night"))
    subjects = find_subjects(["udnie", f"{tmp_path / 'mine.onnx'}:udnie"], [paintings, tmp_path])
    assert [subject.label for subject in subjects] == ["gallery:udnie", "mine:udnie"]


def test_a_missing_painting_is_told_with_the_remedy(paintings: Path) -> None:
    with pytest.raises(ImpastoError, match=r"no painting of the style 'udnie'.*called udnie\.jpg"):
        find_painting("udnie", [paintings])
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        find_painting("udnie", [paintings / "none"])


def test_a_painting_whose_name_no_style_may_bear_is_found(tmp_path: Path) -> None:
    write_picture(tmp_path / "boats, at dusk.jpg")
    assert find_painting("boats_ at dusk", [tmp_path]).name == "boats, at dusk.jpg"


class Unpainting:
    """An engine that gives back what it is given."""

    spec = EngineSpec("none", "fp32", 120, 160, "CPU", "1")

    def __call__(self, frame: Pixels, controls: Controls) -> Pixels:
        return frame


def test_the_noise_pair_of_no_painting_is_that_of_the_noise() -> None:
    """Two draws of deviation 2 differ by 2√2·√(2/π) in the mean; rounding to bytes adds a hundredth."""
    stylizer = Stylizer(Unpainting(), Controls(np.zeros(1), strength=0))  # type: ignore[arg-type]
    grey = np.full((120, 160, 3), 128, np.uint8)
    assert noise_pair(stylizer, grey) == pytest.approx(4 / np.sqrt(np.pi), rel=0.03)
    assert noise_pair(stylizer, grey, seed=1) != noise_pair(stylizer, grey)


def test_frames_of_the_scene_lie_seconds_apart() -> None:
    photos = scene_photos(small_scene(128, 72), 3)
    assert [photo.name for photo in photos] == ["scene at 0 s", "scene at 3 s", "scene at 6 s"]
    assert all(photo.of_scene for photo in photos)


def test_without_photos_the_scene_is_judged_and_pixels_may_be_optimised(small_style: Path, paintings: Path) -> None:
    asked: list[tuple[str, int]] = []

    def unchanged(photo: Pixels, painting: Path, iterations: int) -> Pixels:
        asked.append((painting.name, iterations))
        return photo

    options = EvaluateOptions(
        styles=(f"{small_style}:waves",),
        paintings=(paintings,),
        photos=2,
        size=128,
        optimiser=(1, 4),
        engine="openvino",
    )
    evaluation = run_evaluation(options, optimise=unchanged)
    report = evaluation.report(options)
    assert report.photos == ["scene at 0 s", "scene at 3 s"]
    assert asked == [("waves.png", 1), ("waves.png", 4)] * 2
    assert report.rows[0].on_photos == report.rows[0].on_scene
    assert report.rows[0].on_photos["kept_content"] > 0
    assert [figures["kept_content"] for figures in report.optimised_by_iterations.values()] == [0, 0]
    assert not report.interrupted


def test_the_command_gives_json_and_a_sheet(small_style: Path, paintings: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "photo.png", (128, 72))
    wanted = ["--paintings", str(paintings), "--content", str(tmp_path / "photo.png"), "--size", "128", "--json"]
    sheet = tmp_path / "sheet.png"
    result = CliRunner().invoke(app, ["evaluate", str(small_style), *wanted, "--sheet", str(sheet)])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert [style["style"] for style in document["styles"]] == ["waves", "night"]
    assert document["photos"] == ["photo", "scene at 0 s", "scene at 3 s"]
    assert document["judge"]["network"] == "5se"
    assert document["painting_size"] == 179
    first = document["styles"][0]
    assert first["brush_distance"] == first["pictures"][0]["brush_distance"] > 0
    assert min(first[name] for name in ("kept_content", "gram", "noise_pair", "e_warp", "net_ms")) > 0
    assert first["precision"] == "fp32"
    assert document["worst"]["kept_content"] == max(style["kept_content"] for style in document["styles"])
    with Image.open(sheet) as drawn:
        assert drawn.width > 4 * 300
        assert drawn.height > 3 * 200


def test_ctrl_c_keeps_what_was_judged(small_style: Path, paintings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(bar: Bar, done: int, total: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "progress", interrupt)
    wanted = ["--paintings", str(paintings), "--photos", "2", "--size", "128", "--json"]
    result = CliRunner().invoke(app, ["evaluate", str(small_style), *wanted])
    assert result.exit_code == 130
    document = json.loads(result.stdout)
    assert document["interrupted"] is True
    assert [style["style"] for style in document["styles"]] == ["waves"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["udnie"], 2, "--paintings"),
        (["udnie", "--paintings", "{paintings}", "--photos", "0"], 2, "--photos"),
        (["udnie", "--paintings", "{paintings}"], 1, "impasto: there is no painting of the style 'udnie'"),
        (
            ["{style}", "--paintings", "{paintings}", "--sheet", "a.gif"],
            2,
            "impasto: a.gif: '.gif' is no picture format",
        ),
        (["{style}", "--paintings", "{paintings}", "--sheet", "no/a.png"], 1, "impasto: there is no folder no"),
        (
            ["{style}", "--paintings", "{paintings}", "--size", "128", "--check", "no.npz"],
            1,
            "impasto: no loss network",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], code: int, says: str, small_style: Path, paintings: Path
) -> None:
    words = [word.format(paintings=paintings, style=small_style) for word in arguments]
    result = CliRunner().invoke(app, ["evaluate", *words], env={"COLUMNS": "240"})
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""


def test_without_torch_the_remedy_is_named(small_style: Path, paintings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trainers.figures.evaluation", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    wanted = ["--paintings", str(paintings), "--size", "128", "--photos", "1"]
    result = CliRunner().invoke(app, ["evaluate", str(small_style), *wanted])
    assert result.exit_code == 1
    assert result.stderr.endswith("impasto: judging needs torch; install it with: pip install 'impasto[train]'\n")


def test_the_optimiser_comes_nearer_to_the_painting_with_time(paintings: Path, tmp_path: Path) -> None:
    photo = np.asarray(Image.open(write_picture(tmp_path / "photo.png", (96, 64), seed=9)))
    painting, judge = paintings / "waves.png", load_judge()
    seen, wanted = judge.photo(photo), judge.painting(scaled_to(np.asarray(Image.open(painting)), 134))
    painted = [load_optimiser()(photo, painting, iterations) for iterations in (1, 12)]
    early, late = (judge.figures(picture, seen, wanted).brush_distance for picture in painted)
    assert late < early


def test_what_is_optimised_is_as_large_as_its_photo(paintings: Path) -> None:
    """Beyond the size that a picture by optimisation has where none is asked for, too."""
    photo = np.full((48, 1056, 3), 128, np.uint8)
    assert load_optimiser()(photo, paintings / "waves.png", 1).shape == photo.shape


def row(label: str, brush: float, noise: float) -> StyleRow:
    pictures = [
        PictureFigures("photo", False, {**FIGURES, "brush_distance": brush}),
        PictureFigures("scene", True, {**FIGURES, "kept_content": 0.9}),
    ]
    facts = EngineFacts("openvino", "fp32", "1", 80.0, 50.0)
    return StyleRow(label, "small.onnx", {}, pictures, noise, Stability(0.001, 0.0005), 20.0, facts)


def test_the_table_ends_with_the_median_the_worst_and_the_optimiser() -> None:
    rows = [row("waves", 0.01, 1.0), row("night", 0.02, 3.0), row("sun", 0.06, 2.0)]
    optimised = [OptimisedRow("waves", count, 9.0, rows[0].pictures[0]) for count in (25, 100)]
    report = EvaluationReport(640, ["photo", "scene"], {"painting_size": 896}, rows, optimised)
    lines = [line.split() for line in as_text(report, 160).splitlines()]
    cells = {line[1]: line[3::2] for line in lines if len(line) > 9}
    assert cells["median"] == [
        "0.0200",
        "0.300",
        "0.200",
        "0.400",
        "0.0100",
        "0.250",
        "0.0400",
        "0.900",
        "2.00",
        "0.00100",
        "20.0",
    ]
    assert cells["worst"][0] == "0.0600"
    assert cells["worst"][8] == "3.00"
    assert sum("optimiser," in line for line in lines) == 2
    document = report.as_dict()
    assert (document["median"]["brush_distance"], document["optimiser"]["25"]["seconds"]) == (0.02, 9.0)


def test_what_no_network_sees_is_judged_once(paintings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, judged, by_patches = np.full((96, 128, 3), 128, np.uint8), [], PatchTargets.loss

    def counted(targets: PatchTargets, *given: Any) -> Any:
        judged.append(targets)
        return by_patches(targets, *given)

    monkeypatch.setattr(PatchTargets, "loss", counted)
    jury = Jury([Photo("photo", pixels, False)], 128, check=Path("5se"))
    found = jury.figures(pixels, 0, paintings / "waves.png")
    checked = {"brush_distance", "kept_content", "plain_content", "gram"}
    assert {*found} == {*FIGURES, *(f"check_{name}" for name in checked)}
    assert len(judged) == 1


def test_a_check_has_columns_of_its_own() -> None:
    one = row("waves", 0.01, 1.0)
    figures = {**FIGURES, "check_brush_distance": 0.1234, "check_kept_content": 0.567}
    checked = replace(one, pictures=[replace(picture, figures=figures) for picture in one.pictures])
    report = EvaluationReport(640, ["photo"], {"check": {"network": "vgg19"}}, [checked])
    text = as_text(report, 200)
    assert all(word in text for word in ("vgg19:", "0.1234", "0.567"))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_figure_is_cut_in_a_narrow_terminal(width: int) -> None:
    rows = [row("water_lilies", 0.01, 1.0), row("night", 0.02, 3.0)]
    lines = as_text(EvaluationReport(640, ["photo"], {}, rows), width).splitlines()
    assert not any("…" in line for line in lines)
    assert max(map(len, lines)) <= max(width, 85)


def test_what_is_printed_says_that_weave_alone_is_not_better_the_smaller_it_is() -> None:
    words = " ".join(as_text(EvaluationReport(640, ["photo"], {}, [row("waves", 0.01, 1.0)]), 160).split())
    assert "Weave: 0 where strokes run on" in words
    assert "All but weave are better the smaller they are." in words
