"""Style files: found by name or path, read back bit for bit, and hostile ones refused in one line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_styles import NAMES, SMALL, write_small_style

import engines.style.file
import engines.style.styles
from engines.errors import BadValue, ImpastoError
from engines.export.export import export_style
from engines.networks.transform.net import TransformNet
from engines.style.file import CARD_KEY
from engines.style.metadata import read_metadata
from engines.style.styles import (
    NamedStyle,
    StyleCard,
    StyleFile,
    gallery_items,
    list_gallery,
    load_style,
    resolve,
    save_style,
)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "gallery"
    folder.mkdir()
    write_small_style(folder / "a.onnx", name="gallery", names=("starry_night", "udnie"))
    monkeypatch.setattr(engines.style.styles, "GALLERY_FOLDER", folder)
    return folder


def card_with(**changes: object) -> str:
    """A card's JSON with some fields replaced."""
    named = NamedStyle("waves", np.ones(4, np.float32))
    card = StyleCard("small", {"name": "transform", "config": {}}, (named,), 8, {}, "CC0-1.0", {}, {})
    return json.dumps({**json.loads(card.to_json()), **changes})


def write_with_card(path: Path, card: str | None, model: onnx.ModelProto | None = None) -> str:
    model = model or helper.make_model(helper.make_graph([], "empty", [], []))
    if card is not None:
        model.metadata_props.add(key=CARD_KEY, value=card)
    path.write_bytes(model.SerializeToString())
    return str(path)


def test_a_style_file_is_read_back_as_it_was_written(style: StyleFile, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    save_style(copy, style.model, style.card)
    again = load_style(str(copy))
    assert again.card.to_json() == style.card.to_json()
    assert again.sha256 == style.sha256
    for name in NAMES:
        assert again.vector(name).tobytes() == style.vector(name).tobytes()
    assert list(tmp_path.iterdir()) == [copy]


def test_its_weights_are_the_nets(style: StyleFile) -> None:
    expected = {name: value.shape for name, value in TransformNet(SMALL).state_dict().items() if name != "styles"}
    weights = style.weights()
    assert {name: value.shape for name, value in weights.items()} == expected
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}


def test_a_vector_cannot_be_changed_in_place(style: StyleFile) -> None:
    with pytest.raises(ValueError, match="read-only"):
        style.vector("waves")[0] = 1


def test_mixing_averages_by_weight(style: StyleFile) -> None:
    expected = (style.vector("waves").astype(np.float64) + 3 * style.vector("night")) / 4
    np.testing.assert_allclose(style.mix({"waves": 0.5, "night": 1.5}), expected, rtol=1e-6)
    assert np.array_equal(style.mix({"night": 7}), style.vector("night"))


@pytest.mark.parametrize("weights", [{}, {"waves": 0}, {"waves": -1, "night": 2}, {"waves": float("nan")}])
def test_a_mix_of_nothing_is_refused(style: StyleFile, weights: dict[str, float]) -> None:
    with pytest.raises(ImpastoError, match="cannot mix"):
        style.mix(weights)


def test_an_unknown_style_is_answered_with_the_names(style: StyleFile) -> None:
    for wrong in (
        lambda: style.vector("udnie"),
        lambda: style.mix({"udnie": 1}),
        lambda: resolve(f"{style.path}:udnie"),
    ):
        with pytest.raises(ImpastoError, match="choose one of waves, night"):
            wrong()


def test_a_path_may_name_a_style(style: StyleFile) -> None:
    assert resolve(str(style.path))[1] == "waves"
    file, name = resolve(f"{style.path}:night")
    assert (file.path, name) == (style.path, "night")


def test_the_gallery_is_searched_by_file_and_by_style(gallery: Path) -> None:
    found = {text: resolve(text)[1] for text in ("gallery", "gallery:udnie", "udnie")}
    assert found == {"gallery": "starry_night", "gallery:udnie": "udnie", "udnie": "udnie"}
    assert [file.path.name for file in list_gallery()] == ["a.onnx"]
    with pytest.raises(ImpastoError, match="no style 'scream'; choose one of gallery, starry_night, udnie"):
        resolve("scream")


def test_a_folder_does_not_hide_a_style_of_the_same_name(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gallery.parent)
    assert resolve("gallery")[1] == "starry_night"


def test_other_packages_add_styles(gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_style(tmp_path / "theirs.onnx", name="theirs", names=("kelp",))
    metadata = tmp_path / "site" / "kelp-1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: kelp\nVersion: 1.0\n")
    lines = ["[impasto.styles]", "kelp = kelp_styles:path", "broken = kelp_styles:nothing", "lost = kelp_styles:lost"]
    metadata.joinpath("entry_points.txt").write_text("\n".join(lines))
    source = f"def path():\n    return {str(tmp_path / 'theirs.onnx')!r}\ndef lost():\n    return {{}}['kelp']\n"
    metadata.parent.joinpath("kelp_styles.py").write_text(source)
    monkeypatch.syspath_prepend(metadata.parent)
    assert resolve("kelp")[0].card.name == "theirs"
    assert [file.card.name for file in list_gallery()] == ["gallery", "theirs"]
    (lost,) = (item for item in gallery_items() if item.name == "lost")
    with pytest.raises(ImpastoError, match="KeyError: 'kelp'"):
        lost.read()


def test_the_card_is_read_without_the_onnx_package(style: StyleFile) -> None:
    program = (
        "import sys; from engines.style.styles import load_style; "
        f"print(load_style({str(style.path)!r}).card.names, 'onnx' in sys.modules)"
    )
    root = Path(engines.style.styles.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('waves', 'night') False"


def test_metadata_are_those_that_onnx_reads() -> None:
    model = helper.make_model(helper.make_graph([], "empty", [], []), producer_name="x" * 300)
    helper.set_model_props(model, {"": "empty key", "large": "é" * 20_000, "none": ""})
    expected = {entry.key: entry.value for entry in model.metadata_props}
    assert read_metadata(model.SerializeToString()) == expected


@pytest.mark.parametrize("data", [b"\x1f", b"\x0a\xff", b"\xff" * 20, b"\x09\x00", b"\x72\x02\x0a\xff"])
def test_metadata_of_no_onnx_file_are_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|field"):
        read_metadata(data)


HOSTILE_CARDS = {
    "no card": (None, "not an impasto style file: no style card"),
    "not JSON": ("{", "not JSON"),
    "deep JSON": ("[" * 200_000, "not JSON"),
    "a list": ("[]", "no format version"),
    "newer": (card_with(format_version=3), "upgrade impasto"),
    "version is text": (card_with(format_version="1"), "no format version"),
    "styles of the wrong kind": (card_with(styles={}), "damaged .look at styles"),
    "no styles": (card_with(styles=[]), "at least one style"),
    "a style that is a number": (card_with(styles=[3]), "damaged"),
    "a style without a vector": (card_with(styles=[{"name": "a"}]), "'vector'"),
    "a vector that is not base64": (card_with(styles=[{"name": "a", "vector": "%%%%"}]), "damaged"),
    "a vector cut short": (card_with(styles=[{"name": "a", "vector": "AAA="}]), "damaged"),
    "a vector with NaN": (card_with(styles=[{"name": "a", "vector": "AADAfw=="}]), "finite"),
    "terminal codes": (card_with(name="\x1b[2J"), "printable"),
    "a name like an option": (card_with(styles=[{"name": "a=1", "vector": "AAAAAA=="}]), "cannot be called"),
    "twice the same name": (card_with(styles=[{"name": "a", "vector": "AAAAAA=="}] * 2), "must differ"),
}


@pytest.mark.parametrize(("card", "message"), HOSTILE_CARDS.values(), ids=HOSTILE_CARDS)
def test_a_damaged_card_is_one_line(tmp_path: Path, card: str | None, message: str) -> None:
    with pytest.raises(ImpastoError, match=message) as caught:
        load_style(write_with_card(tmp_path / "bad.onnx", card))
    assert "bad.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [b"net.down.0.weight", b'"title"'], ids=["weights", "card"])
def test_a_flipped_bit_is_noticed(style: StyleFile, tmp_path: Path, part: bytes) -> None:
    data = bytearray(style.data)
    data[data.index(part) + len(part) + 40] ^= 1
    (tmp_path / "flipped.onnx").write_bytes(data)
    with pytest.raises(ImpastoError, match="is damaged, its checksum"):
        load_style(str(tmp_path / "flipped.onnx"))


def plain_file(path: Path) -> None:
    path.write_text("just text\n" * 100)


def folder(path: Path) -> None:
    path.mkdir()


def cut_short(path: Path) -> None:
    whole = write_small_style(path)
    path.write_bytes(whole.data[: len(whole.data) // 2])


@pytest.mark.parametrize("text", ["notes.txt", "./notes.txt", "notes.txt:waves"])
def test_another_file_is_not_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    plain_file(tmp_path / "notes.txt")
    with pytest.raises(ImpastoError, match=r"notes\.txt is not a style file: it is no ONNX .*; train one"):
        load_style(text)


def test_the_gallery_comes_before_files_of_any_suffix(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gallery)
    plain_file(gallery / "udnie")
    (gallery / "mine").write_bytes((gallery / "a.onnx").read_bytes())
    assert (resolve("udnie")[1], resolve("mine:udnie")[1]) == ("udnie", "udnie")


def test_where_it_cannot_write_the_file_itself_is_named(style: StyleFile, tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        save_style(tmp_path / "folder.onnx", style.model, style.card)
    assert [Path(caught.value.filename)] == list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [plain_file, folder, cut_short])
def test_what_is_no_style_file_is_one_line(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "bad.onnx")
    with pytest.raises(ImpastoError, match=r"bad\.onnx"):
        load_style(str(tmp_path / "bad.onnx"))


def test_an_empty_file_has_no_card(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ImpastoError, match="no style card"):
        load_style(str(tmp_path / "empty.onnx"))


@pytest.mark.parametrize("text", ["nowhere.onnx", "./nowhere", "nowhere.onnx:waves"])
def test_a_path_that_leads_nowhere_is_file_not_found(text: str) -> None:
    with pytest.raises(FileNotFoundError, match="no style file"):
        load_style(text)


def test_an_oversize_file_is_not_read(style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.style.file, "MAX_STYLE_BYTES", 1000)
    with pytest.raises(ImpastoError, match="at most"):
        load_style(str(style.path))


def external_tensor() -> TensorProto:
    tensor = TensorProto(name="net.down.0.weight", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def in_an_initialiser(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external_tensor())


def in_a_node(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["x"], value=external_tensor()))


def in_an_inner_graph(model: onnx.ModelProto) -> None:
    inner = helper.make_graph([], "inner", [], [], [external_tensor()])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))


@pytest.mark.parametrize("hide", [in_an_initialiser, in_a_node, in_an_inner_graph])
def test_no_style_file_reads_another_file(
    style: StyleFile, tmp_path: Path, hide: Callable[[onnx.ModelProto], None]
) -> None:
    model = without_metadata(style.model)
    hide(model)
    path = write_with_card(tmp_path / "external.onnx", style.card.to_json(), model)
    with pytest.raises(ImpastoError, match="other files"):
        load_style(path)


def test_a_graph_with_other_inputs_is_refused(style: StyleFile, tmp_path: Path) -> None:
    model = without_metadata(style.model)
    model.graph.input[0].name = "picture"
    path = write_with_card(tmp_path / "foreign.onnx", style.card.to_json(), model)
    with pytest.raises(ImpastoError, match=r"a style file has .'frame', 'keep_colour'"):
        _ = load_style(path).model


def test_a_graph_for_other_vectors_is_refused(style: StyleFile, tmp_path: Path) -> None:
    path = write_with_card(tmp_path / "swapped.onnx", card_with(), without_metadata(style.model))
    with pytest.raises(ImpastoError, match=r"'style'.*\(4,\)"):
        _ = load_style(path).model


def without_metadata(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.metadata_props[:]
    return copy


@pytest.mark.parametrize("name", ["photo.png", "gone.jpg"])
def test_a_picture_is_no_style_file_and_that_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with pytest.raises(ImpastoError, match=rf"{name} is a picture, and here a style file is asked for; --style"):
        load_style(str(tmp_path / name))


def test_what_training_has_lost_is_not_written(style: StyleFile, tmp_path: Path) -> None:
    weights = dict(style.weights())
    name = next(iter(weights))
    weights[name] = np.full_like(weights[name], np.nan)
    with pytest.raises(BadValue, match=r"lost\.onnx is not written: weights of its net are not finite; train with a"):
        export_style(
            tmp_path / "lost.onnx", network="transform", config=style.card.network["config"], weights=weights,
            styles=style.card.styles, name="lost", licence="CC0-1.0", training={},
        )  # fmt: skip
    assert not list(tmp_path.iterdir())
