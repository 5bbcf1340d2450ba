"""ONNX files of other programs as style files: the form is found, and they paint as the nets themselves do."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from clips import write_clip
from foreign_nets import RANGES, AnimeGenerator, FastNeuralStyle, InLayout, Toned, write_onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from pretended_processor import pretended
from published_resnet import PublishedGenerator
from small_styles import one_thread_for_torch, random_frame, write_small_style
from torch import nn
from typer.testing import CliRunner

from engines.errors import BadFile, BadValue, EngineRefused, ImpastoError
from engines.export.checkpoint import ImportOptions
from engines.foreign.convention import Said
from engines.foreign.onnx_import import ImportedOnnx, import_onnx
from engines.foreign.wrapped_graph import Tiles, read_tiles
from engines.gate.golden_cases import GOLDEN
from engines.gate.memory import net_bytes
from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.packages import occasional_session
from engines.pictures import psnr
from engines.style.styles import StyleFile, load_style
from realtime.bench.roofline.cost import style_cost
from realtime.commands.all_commands import app

SHAPES = {"nchw": (1, 3, 64, 96), "nhwc": (1, 64, 96, 3), "chw": (3, 64, 96), "hwc": (64, 96, 3)}
NOTHING_SAID = Said()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


def brought_in(path: Path, said: Said = NOTHING_SAID, tiles: str | None = None) -> tuple[StyleFile, dict[str, str]]:
    """The style file, and what was taken of each thing."""
    output = path.with_name(f"style_{path.name}")
    imported = import_onnx(path, output, ImportOptions(), said, read_tiles(tiles))
    return load_style(str(output)), taken(imported)


def taken(imported: ImportedOnnx) -> dict[str, str]:
    return {finding.name: finding.taken for finding in imported.findings}


def painted(style: StyleFile, frame: np.ndarray, strength: float = 1.0, keep_colour: float = 0.0) -> np.ndarray:
    session = occasional_session(style.data)
    controls = Controls(style.card.styles[0].vector, strength, keep_colour)
    found: np.ndarray = session.run(None, controls.graph_inputs(frame[None]))[0][0]
    return found


def by_torch(net: nn.Module, frame: np.ndarray, range_in: str, range_out: str, order: int = 1) -> np.ndarray:
    """What the net of [1, 3, H, W] paints; `order` −1 is blue first."""
    (low, high), (bottom, top) = RANGES[range_in], RANGES[range_out]
    picture = torch.tensor(frame[..., ::order].copy()).permute(2, 0, 1)[None].float() / 255 * (high - low) + low
    with torch.no_grad():
        values = (net.eval()(picture)[0].permute(1, 2, 0) - bottom) / (top - bottom)
    return np.asarray((255 * values).round().clamp(0, 255).byte())[..., ::order]


def scene(height: int, width: int) -> np.ndarray:
    return GOLDEN.frame("scene", height, width)


# --- the form is found


@pytest.mark.parametrize("range_in", RANGES)
@pytest.mark.parametrize("range_out", RANGES)
def test_the_ranges_are_found(tmp_path: Path, range_in: str, range_out: str) -> None:
    net = Toned(range_in, range_out)
    style, found = brought_in(write_onnx(tmp_path / "net.onnx", net, SHAPES["nchw"], free=True))
    assert (found["range in"], found["range out"]) == (range_in, range_out)
    frame = scene(45, 62)
    assert psnr(painted(style, frame), by_torch(net, frame, range_in, range_out)) > 50


@pytest.mark.parametrize(
    ("layout", "kind"),
    [
        ("nchw", torch.float32), ("nchw", torch.uint8), ("nhwc", torch.float16), ("nhwc", torch.uint8),
        ("chw", torch.uint8), ("chw", torch.float32), ("hwc", torch.float16), ("hwc", torch.float32),
    ],
    ids=str,
)  # fmt: skip
def test_the_layout_is_found_and_the_type_is_met(tmp_path: Path, layout: str, kind: torch.dtype) -> None:
    """Half and bytes are what the pictures are; within, the net works in single precision."""
    span = "0..255" if kind == torch.uint8 else "-1..1"
    net = Toned(span, span)
    file = write_onnx(tmp_path / "net.onnx", InLayout(net, layout, kind), SHAPES[layout], free=True, kind=kind)
    style, found = brought_in(file)
    assert (found["layout"], found["range in"], found["range out"]) == (layout.upper(), span, span)
    frame = scene(45, 62)
    assert psnr(painted(style, frame), by_torch(net, frame, span, span)) > 45


def test_blue_first_is_taken_where_it_is_said_and_where_the_file_says_it(tmp_path: Path) -> None:
    net = Toned("0..1", "0..1")
    file = write_onnx(tmp_path / "net.onnx", net, SHAPES["nchw"], free=True)
    frame = scene(48, 64)
    said, _ = brought_in(file, Said(channels="bgr"))
    assert psnr(painted(said, frame), by_torch(net, frame, "0..1", "0..1", -1)) > 50
    model = onnx.load(file)
    helper.set_model_props(model, {"input": "BGR, float"})
    onnx.save(model, file)
    _, found = brought_in(file)
    assert found["order of colours"] == "BGR"


@pytest.mark.parametrize(
    ("name", "mean", "deviation", "span", "order"),
    [
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0, 1),
        ("caffe", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), 255.0, -1),
    ],
)
def test_a_mean_is_subtracted_and_put_back(
    tmp_path: Path, name: str, mean: tuple[float, ...], deviation: tuple[float, ...], span: float, order: int
) -> None:
    """Told in the order in which the net has the colours: Caffe's has blue first."""

    class Normed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            shift, scale = (torch.tensor(each).view(1, 3, 1, 1) for each in (mean, deviation))
            plain = 2 * (x * scale + shift) / span - 1
            return ((torch.tanh(2 * plain) + 1) * span / 2 - shift) / scale

    file = write_onnx(tmp_path / "net.onnx", Normed(), SHAPES["nchw"], free=True)
    style, found = brought_in(file, Said(mean=name))
    assert found["range out"] == "as-in"
    frame = scene(48, 64)
    wanted = (np.tanh(2 * (2 * (frame / 255.0) - 1)) + 1) * 127.5
    assert psnr(painted(style, frame), wanted.round().astype(np.uint8)) > 50
    assert found["order of colours"] == ("BGR" if order == -1 else "RGB")


def test_how_sure_it_is_is_told(tmp_path: Path) -> None:
    """A tanh says what comes out, and instance norms make all the same of what goes in."""
    file = write_onnx(tmp_path / "net.onnx", PublishedGenerator(8, 1), (1, 3, 64, 64))
    imported = import_onnx(file, tmp_path / "style.onnx", ImportOptions(), NOTHING_SAID)
    why = {finding.name: finding.why for finding in imported.findings}
    assert why["layout"] == "by its shape"
    assert why["range out"] == "sure"
    assert "would look the same" in why["range in"]
    assert "--channels bgr" in why["order of colours"]
    assert "licence not known" in imported.remarks[-1]


def test_a_painting_that_shows_little_is_told(tmp_path: Path) -> None:
    """It stands on its head."""

    class Turned(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.flip(x, [2, 3])

    file = write_onnx(tmp_path / "net.onnx", Turned(), SHAPES["nchw"])
    imported = import_onnx(file, tmp_path / "style.onnx", ImportOptions(), NOTHING_SAID)
    assert "shows little of the picture" in imported.remarks[0]


# --- nets as they are found elsewhere


@pytest.mark.parametrize("opset", [9, 11, 17, 20])
@pytest.mark.parametrize(
    ("make", "span"),
    [(FastNeuralStyle, "0..255"), (AnimeGenerator, "-1..1"), (lambda: PublishedGenerator(4, 1), "-1..1")],
    ids=["fast-neural-style", "AnimeGAN", "CycleGAN"],
)
def test_exported_nets_paint_pictures_of_any_size(
    tmp_path: Path, make: Callable[[], nn.Module], span: str, opset: int
) -> None:
    """Though the file says 96x64: the exporter wrote the size of its example."""
    if opset == 9 and make is AnimeGenerator:
        pytest.skip("bilinear ×2 of half a pixel came with opset 11")
    net = make()
    style, found = brought_in(write_onnx(tmp_path / "net.onnx", net, SHAPES["nchw"], opset=opset), Said(range_in=span))
    assert found["range out"] == span
    assert found["sizes"].startswith("any")
    frame = scene(120, 88)
    assert psnr(painted(style, frame), by_torch(net, frame, span, span)) > 45
    assert painted(style, scene(45, 62)).shape == (45, 62, 3)


def with_one_size(path: Path, range_: str = "-1..1") -> Toned:
    """A net that flattens its picture, as those do that were traced for one size."""

    class Flattening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Toned(range_, range_)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            painted: torch.Tensor = self.net(x).reshape(1, 3, 64 * 96).reshape(1, 3, 64, 96)
            return painted

    net = Flattening()
    write_onnx(path, net, SHAPES["nchw"])
    return net.net


def test_a_net_of_one_size_gets_the_picture_scaled(tmp_path: Path) -> None:
    net = with_one_size(tmp_path / "net.onnx")
    style, found = brought_in(tmp_path / "net.onnx")
    assert found["sizes"] == "96x64 alone"
    frame = scene(128, 192)
    assert painted(style, frame).shape == frame.shape
    halved = frame.reshape(64, 2, 96, 2, 3).mean((1, 3)).round().astype(np.uint8)
    at_its_size = Image.fromarray(by_torch(net, halved, "-1..1", "-1..1"))
    wanted = np.asarray(at_its_size.resize((192, 128), Image.Resampling.BILINEAR))
    assert psnr(painted(style, frame), wanted) > 30


def test_tiles_keep_more_detail_and_show_no_seams(tmp_path: Path) -> None:
    """What a net without norms paints in tiles is what it paints in whole pictures, the rims of tiles aside."""
    net = with_one_size(tmp_path / "net.onnx")
    whole, _ = brought_in(tmp_path / "net.onnx")
    tiled, found = brought_in(tmp_path / "net.onnx", tiles="3x2")
    assert found["sizes"] == "96x64 alone"
    frame = scene(120, 264)  # three times 96 by twice 64, less what they share
    wanted = by_torch(net, frame, "-1..1", "-1..1")
    seen = [psnr(painted(style, frame), wanted) for style in (whole, tiled)]
    assert seen[1] > seen[0] + 6
    once, six = (style_cost(style, 360, 640).macs for style in (whole, tiled))
    assert six - once == 5 * (3 * 9 * 64 * 96)  # its one convolution, colour by colour
    weights = [np.outer(*Tiles(3, 2).weights(number, (64, 96))) for number in range(6)]
    total = np.zeros((120, 264))
    for (top, left), each in zip(Tiles(3, 2).corners((64, 96)), weights, strict=True):
        total[top : top + 64, left : left + 96] += each
    np.testing.assert_allclose(total, 1)


def test_a_net_that_enlarges_is_brought_back(tmp_path: Path) -> None:
    net = nn.Sequential(Toned("0..1", "0..1"), nn.Upsample(scale_factor=2))
    style, _ = brought_in(write_onnx(tmp_path / "net.onnx", net, SHAPES["nchw"], free=True))
    frame = scene(48, 64)
    assert psnr(painted(style, frame), by_torch(net[0], frame, "0..1", "0..1")) > 40


def test_strength_and_colours_go_around_it(tmp_path: Path) -> None:
    style, _ = brought_in(write_onnx(tmp_path / "net.onnx", Toned("0..1", "0..1"), SHAPES["nchw"], free=True))
    frame = scene(48, 64)
    np.testing.assert_array_equal(painted(style, frame, strength=0), frame)
    full, half = painted(style, frame).astype(float), painted(style, frame, strength=0.5).astype(float)
    assert np.abs(half - (full + frame) / 2).max() <= 1
    chroma = painted(style, frame, keep_colour=1).astype(float) - frame
    inside = (painted(style, frame, keep_colour=1) % 255 != 0).all(axis=-1)
    assert np.ptp(chroma[inside], axis=-1).max() <= 1.01


def test_the_card_says_where_it_is_from(tmp_path: Path) -> None:
    style, _ = brought_in(write_onnx(tmp_path / "my net.onnx", Toned("0..1", "0..1"), SHAPES["nchw"]))
    assert style.card.licence == style.card.styles[0].licence == "not known"
    assert style.card.training["checkpoint"] == "my net.onnx"
    assert style.card.training["producer"].startswith("pytorch")
    assert style.card.preprocessing["layout"] == "nchw"
    assert style.card.names == ("my_net",)


def test_weights_beside_the_file_are_taken_in(tmp_path: Path) -> None:
    model = onnx.load(write_onnx(tmp_path / "net.onnx", FastNeuralStyle(), SHAPES["nchw"]))
    plain, _ = brought_in(tmp_path / "net.onnx")
    onnx.save(model, tmp_path / "apart.onnx", save_as_external_data=True, location="apart.data", size_threshold=0)
    apart, _ = brought_in(tmp_path / "apart.onnx")
    np.testing.assert_array_equal(painted(apart, scene(64, 64)), painted(plain, scene(64, 64)))


def test_functions_are_put_in_where_they_are_called(tmp_path: Path) -> None:
    """torch's newer exporter writes its operators so."""
    model = onnx.load(write_onnx(tmp_path / "net.onnx", Toned("0..1", "0..1"), SHAPES["nchw"], free=True, opset=18))
    for node in model.graph.node:
        if node.op_type == "Tanh":
            node.domain, node.op_type = "pkg.torch", "bend"
    body = [helper.make_node("Tanh", ["x"], ["y"])]
    model.functions.append(helper.make_function("pkg.torch", "bend", ["x"], ["y"], body, [helper.make_opsetid("", 18)]))
    model.opset_import.append(helper.make_opsetid("pkg.torch", 1))
    onnx.save(model, tmp_path / "functions.onnx")
    frame, (style, _) = scene(48, 64), brought_in(tmp_path / "functions.onnx")
    assert psnr(painted(style, frame), by_torch(Toned("0..1", "0..1"), frame, "0..1", "0..1")) > 50


# --- engines and commands


@pytest.fixture(scope="module")
def anime(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    file = write_onnx(tmp_path_factory.mktemp("anime") / "anime.onnx", AnimeGenerator(), SHAPES["nchw"])
    return brought_in(file)[0]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    file = write_onnx(tmp_path_factory.mktemp("published") / "net.onnx", PublishedGenerator(8, 1), SHAPES["nchw"])
    return brought_in(file)[0]


def agreement(style: StyleFile, backend: str, precision: str) -> float:
    """In dB with what the file's graph paints, of an engine that passed the gate; EngineRefused where none does."""
    engine = load_engine(style, height=45, width=62, choice=EngineChoice(backend, precision, strict=True))
    assert engine.gate is not None
    assert engine.gate.passed
    frame = random_frame(45, 62)
    found = psnr(engine(frame, Controls(style.card.styles[0].vector)), painted(style, frame))
    engine.close()
    return found


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_an_engine_passes_the_gate(published: StyleFile, backend: str) -> None:
    assert agreement(published, backend, "fp32") > 45


def test_one_in_8_bits_passes_where_they_suit_the_net(published: StyleFile, tmp_path: Path) -> None:
    """Of random weights they do not suit all, and which depends on the processor; floats beside them are not bf16.

    The other net is built only where they do not suit the first.
    """
    file = write_onnx(tmp_path / "affine.onnx", PublishedGenerator(8, 1, affine=True), SHAPES["nchw"])
    found: list[float] = []
    for style in (brought_in(file)[0], published):
        with pretended("fp32"), suppress(EngineRefused):
            found.append(agreement(style, "openvino", "int8"))
            break
    assert found
    assert found[0] > 25


def test_a_tiled_one_passes_too(tmp_path: Path) -> None:
    with_one_size(tmp_path / "net.onnx")
    style, _ = brought_in(tmp_path / "net.onnx", tiles="2x2")
    engine = load_engine(style, height=48, width=64, choice=EngineChoice("openvino", "fp32", strict=True))
    assert engine.gate is not None
    assert engine.gate.reference.startswith("OpenCV")
    engine.close()


def test_memory_is_estimated_behind_paddings(anime: StyleFile) -> None:
    """Sides are padded to a multiple in the graph; the widest stage is the last ×2, of 16 channels at full size."""
    assert anime.card.size_multiple == 2
    assert 2 * 4 * 16 < net_bytes(anime, (721, 1279)) / (721 * 1279) < 2 * 4 * 32 + 60


def video(style: str, folder: Path) -> list[str]:
    return ["video", str(write_clip(folder / "in.mp4")), str(folder / "out.mp4"), "--style", style, "--strength", "0.7"]


def image(style: str, folder: Path) -> list[str]:
    Image.fromarray(random_frame(48, 64)).save(folder / "in.png")
    return ["image", str(folder / "in.png"), str(folder / "out.png"), "--style", style, "--keep-colour", "1"]


def live(style: str, folder: Path) -> list[str]:
    return ["live", "pattern:64x48@25", "--to", "null:", "--style", style, "--frames", "4", "--no-control"]


def bench(style: str, folder: Path) -> list[str]:
    clip = write_clip(folder / "in.mp4")
    short = ["--height", "48", "--frames", "4", "--repeats", "1", "--requests", "1"]
    return ["bench", "--clip", str(clip), "--style", style, *short]


def compiled(style: str, folder: Path) -> list[str]:
    return ["compile", style, "--size", "64x48", "--requests", "1"]


def styles(style: str, folder: Path) -> list[str]:
    return ["styles", style]


@pytest.mark.parametrize(
    "command", [video, image, live, bench, compiled, styles], ids=lambda command: str(command.__name__)
)
def test_a_command_takes_its_style(anime: StyleFile, tmp_path: Path, command: Callable[[str, Path], list[str]]) -> None:
    engine = [] if command is styles else ["--engine", "openvino", "--precision", "fp32"]
    result = CliRunner().invoke(app, [*command(str(anime.path), tmp_path), *engine, "--json"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    if command is styles:
        assert document["files"][0]["licence"] == "not known"


def test_the_command_tells_what_it_found(tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "net.onnx", Toned("-1..1", "-1..1"), SHAPES["nchw"], free=True)
    arguments = ["import", str(file), str(tmp_path / "style.onnx"), "--range", "-1..1"]
    told = CliRunner().invoke(app, arguments).stdout
    assert "range in -1..1 (as was said)" in told
    assert "range out -1..1 (sure)" in told
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert {"what": "layout", "taken": "NCHW", "why": "by its shape"} in document["findings"]


# --- what cannot be imported


def without_meaning(path: Path) -> Path:
    """Gives the same grey whatever goes in."""
    node = helper.make_node("Mul", ["picture", "zero"], ["painting"])
    return save_graph(path, [node], zero=0.0)


def save_graph(
    path: Path, nodes: list[onnx.NodeProto], *, opset: int = 17, inputs: int = 1, **constants: float
) -> Path:
    sides: list[int | str | None] = [1, 3, "h", "w"]
    names = ["picture", "other"][:inputs]
    weights = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in names],
        [helper.make_tensor_value_info("painting", TensorProto.FLOAT, sides)], weights,
    )  # fmt: skip
    domains = {"": opset} | {node.domain: 1 for node in nodes if node.domain}
    imports = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=10), path)
    return path


def custom(path: Path) -> Path:
    return save_graph(path, [helper.make_node("FusedConv", ["picture"], ["painting"], domain="com.microsoft")])


def two_inputs(path: Path) -> Path:
    return save_graph(path, [helper.make_node("Add", ["picture", "other"], ["painting"])], inputs=2)


def no_picture_in(path: Path) -> Path:
    return write_onnx(path, nn.Conv2d(1, 3, 1), (1, 1, 32, 32))


def no_picture_out(path: Path) -> Path:
    return write_onnx(path, nn.Conv2d(3, 5, 1), (1, 3, 32, 32))


def many_at_once(path: Path) -> Path:
    return write_onnx(path, nn.Conv2d(3, 3, 1), (4, 3, 32, 32))


def too_large(path: Path) -> Path:
    model = onnx.load(write_onnx(path, nn.Conv2d(3, 3, 1), (1, 3, 32, 32)))
    for value in (*model.graph.input, *model.graph.output):
        for axis in (2, 3):
            value.type.tensor_type.shape.dim[axis].dim_value = 100_000
    onnx.save(model, path)
    return path


def elsewhere(path: Path, location: str = "../weights.data") -> Path:
    write_onnx(path, Toned("0..1", "0..1"), SHAPES["nchw"])
    model = onnx.load(path)
    tensor = model.graph.initializer.add(name="more", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    path.parent.parent.joinpath("weights.data").write_bytes(bytes(16))
    return path


def absolute(path: Path) -> Path:
    return elsewhere(path, "/etc/hostname")


def weights_gone(path: Path) -> Path:
    return elsewhere(path, "gone.data")


def linked(path: Path) -> Path:
    """A link in its own folder that leads out of it."""
    path.with_name("inside.data").symlink_to(path.parent.parent / "weights.data")
    return elsewhere(path, "inside.data")


def cut_short(path: Path) -> Path:
    write_onnx(path, FastNeuralStyle(), SHAPES["nchw"])
    path.write_bytes(path.read_bytes()[:-4000])
    return path


def no_onnx(path: Path) -> Path:
    path.write_bytes(b"\x08\x01 not a model")
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def a_style(path: Path) -> Path:
    write_small_style(path)
    return path


def unknown_operator(path: Path) -> Path:
    return save_graph(path, [helper.make_node("Stylise", ["picture"], ["painting"])])


def gone(path: Path) -> Path:
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (custom, r"operators that are not ONNX's own: com\.microsoft\.FusedConv"),
        (two_inputs, r"has 2 inputs \(picture, other\)"),
        (no_picture_in, r"takes \[1, 1, 32, 32\], which is no single picture"),
        (many_at_once, r"takes \[4, 3, 32, 32\], which is no single picture"),
        (too_large, r"takes \[1, 3, 100000, 100000\], .* sides from 16 to 4096"),
        (no_picture_out, r"gives \[1, 5, 32, 32\], which is no picture"),
        (elsewhere, r"keeps its weights in \.\./weights\.data, outside its own folder"),
        (absolute, r"keeps its weights in /etc/hostname, outside its own folder"),
        (linked, r"keeps its weights in inside\.data, outside its own folder"),
        (weights_gone, r"keeps its weights in gone\.data, which is not beside it"),
        (cut_short, "no ONNX file, or cut short|is damaged"),
        (no_onnx, "no ONNX file"),
        (empty, "no ONNX file"),
        (a_style, "is a style file already"),
        (unknown_operator, "is damaged|cannot be run"),
        (without_meaning, "paints one colour alone in 9 forms"),
        (gone, "there is no file"),
        (folder, "is no file"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_no_such_net_is_one_line(tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    file, output = make(inside / "net.onnx"), tmp_path / "style.onnx"
    output.write_bytes(b"kept")
    with pytest.raises(ImpastoError, match=says) as caught:
        import_onnx(file, output, ImportOptions(), NOTHING_SAID)
    assert "\n" not in str(caught.value)
    assert output.read_bytes() == b"kept"


def test_the_net_is_not_written_over(tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "net.onnx", Toned("0..1", "0..1"), SHAPES["nchw"])
    before = file.read_bytes()
    with pytest.raises(BadValue, match="would be written over the net"):
        import_onnx(file, file, ImportOptions(), NOTHING_SAID)
    assert file.read_bytes() == before


def test_tiles_are_for_nets_of_one_size(tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "net.onnx", Toned("0..1", "0..1"), SHAPES["nchw"])
    with pytest.raises(BadValue, match="--tile is for nets of one size"):
        import_onnx(file, tmp_path / "style.onnx", ImportOptions(), NOTHING_SAID, Tiles(2, 2))


@pytest.mark.parametrize("text", ["0x2", "3", "3x", "9x9", "axb", "100x1"])
def test_tiles_that_make_no_sense(text: str) -> None:
    with pytest.raises(BadValue, match="give columns and rows, as 3x2"):
        read_tiles(text)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"layout": "hwnc"}, "--layout is 'hwnc'; choose one of nchw"),
        ({"channels": "rbg"}, "--channels is 'rbg'; choose one of rgb, bgr"),
        ({"range_in": "0-1"}, "--range is '0-1'"),
        ({"range_out": "0-1"}, "--range-out is '0-1'"),
        ({"mean": "1,2"}, "--mean is '1,2'; give imagenet, caffe or three numbers"),
        ({"mean": "1,2,nan"}, "--mean is '1,2,nan'"),
        ({"deviation": "1,0,1"}, "--deviation 1,0,1 is not above 0"),
    ],
    ids=str,
)
def test_words_that_are_not_known(said: dict[str, Any], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        Said(**said)


def test_a_layout_that_does_not_fit(tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "net.onnx", Toned("0..1", "0..1"), SHAPES["nchw"])
    with pytest.raises(BadValue, match=r"--layout is nhwc, and net\.onnx takes \[1, 3, 64, 96\]"):
        import_onnx(file, tmp_path / "style.onnx", ImportOptions(), Said(layout="nhwc"))


def test_an_option_for_onnx_is_none_for_a_checkpoint(tmp_path: Path) -> None:
    torch.save(PublishedGenerator(4, 1).state_dict(), tmp_path / "net.pth")
    arguments = ["import", str(tmp_path / "net.pth"), str(tmp_path / "style.onnx"), "--range", "0..1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.strip().endswith(
        "'0..1' says how an ONNX file takes its pictures, and net.pth is none; leave it out"
    )
    assert not (tmp_path / "style.onnx").exists()


def test_damaged_is_a_bad_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        import_onnx(empty(tmp_path / "net.onnx"), tmp_path / "style.onnx", ImportOptions(), NOTHING_SAID)
