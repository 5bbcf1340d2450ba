"""Two nets of the same styles: which of them paints, and that every command takes that one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_styles import write_small_style
from typer.testing import CliRunner

import engines.style.styles
from engines.backends import registry
from engines.backends.registry import fast_gpu_paints
from engines.errors import BadFile, BadValue
from engines.machine import NVIDIA
from engines.protocols import BackendState
from engines.style.styles import StyleFile, gallery_items, list_gallery, load_style, resolve
from realtime.commands.all_commands import app
from realtime.commands.styles import describe
from realtime.compiling.options import CompileOptions
from realtime.compiling.run import builds_for
from realtime.files.image import stylize_images
from realtime.files.options import ImageOptions, VideoOptions
from realtime.files.video import stylize_video
from realtime.live.control.settings import LiveSettings
from realtime.live.look_book import LookBook
from realtime.media.picture_file import read_picture
from realtime.painting.net_choice import net_of, wanted_fine_net
from realtime.painting.opening import choose_style
from realtime.painting.options import StylizeOptions
from realtime.painting.style_painter import open_style
from realtime.sources.file import FileSource

STYLE = "waves"


@dataclass(frozen=True)
class Nets:
    """A style file and its fine net, which lacks the style `plain`."""

    fast: StyleFile
    fine: StyleFile

    def options(self, **changes: object) -> StylizeOptions:
        return StylizeOptions(**{"style": f"{self.fast.path}:{STYLE}", **changes})  # type: ignore[arg-type]


@pytest.fixture
def nets(tmp_path: Path) -> Nets:
    return Nets(
        write_small_style(tmp_path / "mine.onnx", names=("waves", "night", "plain")),
        write_small_style(tmp_path / "mine.fine.onnx", names=("waves", "night"), seed=1),
    )


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "may_have_gpu", lambda vendors: False)
    fast_gpu_paints.cache_clear()
    yield
    fast_gpu_paints.cache_clear()


@pytest.fixture
def gpu(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An NVIDIA GPU whose first backend is not installed; the second one is, and knows only fp16."""
    states = {
        "tensorrt": BackendState("tensorrt", available=False),
        "torch-half": BackendState("torch-half", available=True, precisions=("fp16",), device="a GPU"),
        "openvino": BackendState("openvino", available=True, precisions=("fp32",), on_request=("int8",)),
    }
    monkeypatch.setattr(registry, "may_have_gpu", lambda vendors: vendors == (NVIDIA,))
    monkeypatch.setattr(registry, "probe", states.__getitem__)
    monkeypatch.setattr(registry, "backend_names", lambda: iter(states))


def chosen(nets: Nets, net: str, *, patient: bool, name: str = STYLE) -> str:
    return net_of(nets.fast, [name], net, patient=lambda: patient).path.name


def test_who_waits_gets_the_fine_net_and_who_does_not_the_fast_one(nets: Nets) -> None:
    assert chosen(nets, "auto", patient=True) == "mine.fine.onnx"
    assert chosen(nets, "auto", patient=False) == "mine.onnx"


def test_it_can_be_asked_for_by_name(nets: Nets) -> None:
    assert chosen(nets, "fast", patient=True) == "mine.onnx"
    assert chosen(nets, "fine", patient=False) == "mine.fine.onnx"
    assert net_of(nets.fine, [STYLE], "fine", patient=lambda: False) is nets.fine
    with pytest.raises(BadValue, match="there is no net 'quick'; choose auto or one of fast, fine"):
        chosen(nets, "quick", patient=True)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(
    ("engine", "precision", "expected"),
    [
        ("auto", "auto", "mine.fine.onnx"),
        ("auto", "fp16", "mine.fine.onnx"),
        ("auto", "int8", "mine.onnx"),
        ("torch-half", "auto", "mine.fine.onnx"),
        ("openvino", "auto", "mine.onnx"),
        ("tensorrt", "auto", "mine.onnx"),
    ],
)
def test_a_fast_gpu_keeps_up_with_the_fine_net(nets: Nets, engine: str, precision: str, expected: str) -> None:
    file, vector = choose_style(nets.options(engine=engine, precision=precision))
    assert file.path.name == expected
    assert np.array_equal(vector, file.vector(STYLE))


def test_gpus_are_asked_only_where_there_is_a_choice(nets: Nets, small_style: Path) -> None:
    def asked() -> bool:
        raise AssertionError

    alone = load_style(str(small_style))
    assert net_of(alone, [STYLE], "auto", patient=asked) is alone
    assert net_of(nets.fast, [STYLE], "fast", patient=asked) is nets.fast
    assert net_of(nets.fast, [STYLE], "fine", patient=asked).path == nets.fine.path


def test_a_style_that_it_lacks_is_painted_by_the_fast_one_or_refused(nets: Nets, small_style: Path) -> None:
    assert chosen(nets, "auto", patient=True, name="plain") == "mine.onnx"
    with pytest.raises(BadValue, match=r"--net fine: mine\.fine\.onnx has no style 'plain'; choose"):
        chosen(nets, "fine", patient=True, name="plain")
    with pytest.raises(BadValue, match=r"beside small\.onnx there is no small\.fine\.onnx"):
        net_of(load_style(str(small_style)), [STYLE], "fine", patient=lambda: True)


def test_a_picture_is_painted_by_the_net_that_read_it(nets: Nets) -> None:
    """Though the fine net may have a style that is called like the picture."""
    vector = nets.fast.vector("plain")
    picture = StyleFile(nets.fast.path, nets.fast.data, {"night": vector})
    painting = net_of(picture, ["night"], "auto", patient=lambda: True)
    assert painting is picture
    with pytest.raises(
        BadValue, match=r"^--net fine: .* has no style 'night', for pictures are read for the other net"
    ):
        net_of(picture, ["night"], "fine", patient=lambda: True)
    assert np.array_equal(painting.vector("night"), vector)


def test_a_fine_net_that_cannot_be_read_is_left_out_or_told(nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
    nets.fine.path.write_bytes(nets.fine.data[:1000])
    assert chosen(nets, "auto", patient=True) == "mine.onnx"
    assert "the fine net beside mine.onnx is left out: " in caplog.text
    with pytest.raises(BadFile):
        chosen(nets, "fine", patient=True)


def test_a_file_of_another_kind_of_name_has_none(nets: Nets, tmp_path: Path) -> None:
    (tmp_path / "mine.v2").write_bytes(nets.fast.data)
    file = load_style(str(tmp_path / "mine.v2"))
    assert net_of(file, [STYLE], "auto", patient=lambda: True) is file


def test_a_mix_is_of_one_net(nets: Nets) -> None:
    both, lacking = (nets.options(mix=mix, net="auto") for mix in ("waves=0.5,night=0.5", "waves=0.5,plain=0.5"))
    file, vector = choose_style(both, patient=True)
    assert file.sha256 == nets.fine.sha256
    np.testing.assert_allclose(vector, nets.fine.mix({"waves": 0.5, "night": 0.5}))
    file, vector = choose_style(lacking, patient=True)
    assert file.sha256 == nets.fast.sha256
    np.testing.assert_allclose(vector, nets.fast.mix({"waves": 0.5, "plain": 0.5}))


def test_a_picture_is_painted_by_the_fine_net_unless_told_otherwise(nets: Nets, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    told: list[str] = []
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8))

    def painted(style: str, net: str) -> np.ndarray:
        options = ImageOptions(style=style, net=net, engine="openvino", precision="fp32")
        done = stylize_images([photo], tmp_path / "painted.png", options, report=told.append)
        assert done.as_dict()["net"] == ("mine.onnx" if net == "fast" and "fine" not in style else "mine.fine.onnx")
        return read_picture(done.outputs[0]).rgb

    fast, fine = (painted(f"{file.path}:{STYLE}", "fast") for file in (nets.fast, nets.fine))
    assert not np.array_equal(fast, fine)
    told.clear()
    assert np.array_equal(painted(f"{nets.fast.path}:{STYLE}", "auto"), fine)
    assert told[0] == "a fine net paints (mine.fine.onnx); --net fast is quicker"


def test_a_video_is_painted_by_the_fast_net_unless_told_otherwise(
    nets: Nets, make_clip: Callable[[int], Path], tmp_path: Path
) -> None:
    def painted_by(net: str) -> str:
        options = VideoOptions(style=f"{nets.fast.path}:{STYLE}", net=net, engine="openvino", precision="fp32")
        report = stylize_video(str(make_clip(3)), tmp_path / f"{net}.mkv", options, report=lambda line: None)
        return str(report.as_dict()["net"])

    assert painted_by("auto") == "mine.onnx"
    assert painted_by("fine") == "mine.fine.onnx"
    first, other = (FileSource(tmp_path / f"{net}.mkv").read() for net in ("auto", "fine"))
    assert first is not None
    assert other is not None
    assert np.abs(first.data.astype(int) - other.data).mean() > 2


def test_a_program_can_choose_it(nets: Nets) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)

    def painted(path: Path, net: str) -> np.ndarray:
        with open_style(f"{path}:{STYLE}", height=32, width=48, net=net, engine="openvino", precision="fp32") as style:
            return style(picture)

    with pytest.raises(BadValue, match="has no style 'plain'"):  # which a call may ask for
        painted(nets.fast.path, "fine")
    write_small_style(nets.fast.path, names=("waves", "night"))
    assert np.array_equal(painted(nets.fast.path, "fine"), painted(nets.fine.path, "fast"))
    assert np.array_equal(painted(nets.fast.path, "auto"), painted(nets.fast.path, "fast"))


def book_of(net: str, *, patient: bool, told: list[str]) -> LookBook:
    return LookBook(told.append, lambda names: None, partial(wanted_fine_net, net=net, patient=lambda: patient))


def test_a_live_picture_changes_nets_with_its_styles(nets: Nets) -> None:
    told: list[str] = []
    hurried, patient = book_of("auto", patient=False, told=told), book_of("auto", patient=True, told=told)
    assert hurried.look(LiveSettings(style=f"{nets.fast.path}:{STYLE}")).file.sha256 == nets.fast.sha256
    first = patient.look(LiveSettings(style=f"{nets.fast.path}:{STYLE}"))
    assert first.file.sha256 == nets.fine.sha256
    assert np.array_equal(first.vector, nets.fine.vector(STYLE))
    mixed = patient.look(LiveSettings(style="waves", mix_with="night", mix=0.25))
    np.testing.assert_allclose(mixed.vector, nets.fine.mix({"waves": 0.75, "night": 0.25}), rtol=1e-6)
    lacking = patient.look(LiveSettings(style="plain", mix_with="night", mix=0.25))
    assert lacking.file.sha256 == nets.fast.sha256
    np.testing.assert_allclose(lacking.vector, nets.fast.mix({"plain": 0.75, "night": 0.25}), rtol=1e-6)
    patient.look(LiveSettings(style="plain", strength=0.5))
    assert told == ["mine.fine.onnx has no style 'plain': mine.onnx paints it"]


def test_a_fine_net_that_is_gone_from_the_disk_goes_on_painting(nets: Nets) -> None:
    told: list[str] = []
    book = book_of("fine", patient=False, told=told)
    book.look(LiveSettings(style=f"{nets.fast.path}:{STYLE}"))
    nets.fine.path.unlink()
    later = book.look(LiveSettings(style="night", strength=0.5))
    assert (later.file.sha256, later.strength, told) == (nets.fine.sha256, 0.5, [])


def test_a_live_picture_goes_on_where_the_fine_net_that_was_asked_for_cannot_be_had(
    nets: Nets, small_style: Path
) -> None:
    told: list[str] = []
    with pytest.raises(BadValue, match="there is no small"):  # at the start it is said, and nothing begins
        book_of("fine", patient=False, told=told).look(LiveSettings(style=f"{small_style}:{STYLE}"))
    book = book_of("fine", patient=False, told=told)
    book.look(LiveSettings(style=f"{nets.fast.path}:{STYLE}"))
    assert book.look(LiveSettings(style="plain", strength=0.5)).strength == 0.5
    later = book.look(LiveSettings(style=f"{small_style}:{STYLE}", strength=0.25))
    assert (later.file.path, later.strength) == (small_style, 0.25)
    assert told[0] == "mine.fine.onnx has no style 'plain': mine.onnx paints it"
    assert [line.split(":")[0] for line in told[1:]] == ["the style file's own net paints"]


def test_what_is_learnt_is_painted_by_the_net_that_learns_it(nets: Nets) -> None:
    book = book_of("auto", patient=True, told=[])
    style = f"{nets.fast.path}:{STYLE}"
    assert book.look(LiveSettings(style=style)).file.sha256 == nets.fine.sha256
    learnt = nets.fast.vector("plain")
    book.use_vector(style, learnt)
    look = book.look(LiveSettings(style=style))
    assert look.file.sha256 == nets.fast.sha256
    assert np.array_equal(look.vector, learnt)


def test_what_each_command_takes_is_compiled(nets: Nets) -> None:
    def builds(style: str, **changes: Any) -> list[tuple[str, str]]:
        found = builds_for(CompileOptions(styles=(style,), **changes))
        return sorted((build.file.path.name, build.uses) for build in found)

    file = str(nets.fast.path)
    each = [("mine.fine.onnx", "image"), ("mine.onnx", "live"), ("mine.onnx", "video")]
    assert builds(file) == builds(f"{file}:night") == each
    assert builds(f"{file}:plain") == [("mine.onnx", "live, image"), ("mine.onnx", "video")]
    assert builds(file, net="fine") == [("mine.fine.onnx", "live, image"), ("mine.fine.onnx", "video")]
    assert builds(file, net="fine", requests=3) == [("mine.fine.onnx", "programs that load it with requests=3")]


@pytest.mark.usefixtures("gpu")
def test_for_a_gpu_the_fine_net_is_compiled(nets: Nets) -> None:
    found = builds_for(CompileOptions(styles=(str(nets.fast.path),)))
    assert {build.file.path.name for build in found} == {"mine.fine.onnx"}


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small_style(tmp_path / "gallery.onnx", name="gallery")
    write_small_style(tmp_path / "gallery.fine.onnx", name="gallery.fine", names=("waves",), seed=1)
    monkeypatch.setattr(engines.style.styles, "GALLERY_FOLDER", tmp_path)
    return tmp_path


def test_in_the_gallery_it_has_its_own_name_and_is_not_listed(gallery: Path) -> None:
    assert [file.path.name for file in list_gallery()] == ["gallery.onnx"]
    assert [item.name for item in gallery_items()] == ["gallery", "gallery.fine"]
    assert resolve(STYLE)[0].path.name == "gallery.onnx"
    assert resolve(f"gallery.fine:{STYLE}")[0].path.name == "gallery.fine.onnx"
    assert resolve("gallery.fine")[1] == STYLE
    (gallery / "gallery.fine.onnx").write_bytes(b"damaged")
    assert resolve(STYLE)[0].path.name == "gallery.onnx"


def test_it_is_told_with_the_styles(gallery: Path) -> None:
    told = describe(load_style("gallery"))["fine_net"]
    assert told["file"] == str(gallery / "gallery.fine.onnx")
    assert told["styles"] == ["waves"]
    assert describe(load_style("gallery.fine"))["fine_net"] is None
    done = CliRunner().invoke(app, ["styles"])
    assert "Beside it is a fine net of 1 of these, of 0." in done.stdout
    (gallery / "gallery.fine.onnx").write_bytes(b"damaged")
    assert describe(load_style("gallery"))["fine_net"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        "image a.jpg b.png --method gatys --style-image c.jpg --net fine",
        "video a.mp4 b.mp4 --keyframes auto --style-image c.jpg --net fine",
    ],
)
def test_where_no_net_paints_it_is_refused(arguments: str) -> None:
    done = CliRunner().invoke(app, arguments.split())
    assert done.exit_code == 2
    assert "--net" in done.stderr
