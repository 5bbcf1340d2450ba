"""`impasto import` of an ONNX file: read, understood, put into a graph of ours, compared with itself, and written."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx

from engines.errors import BadFile, BadValue, in_one_line
from engines.export.checkpoint import LICENCE_NOT_KNOWN, LICENCE_REMARK, ImportOptions, check_output
from engines.failures import any_failure_as
from engines.foreign.convention import WHITE, Convention, Said
from engines.foreign.finding import Finding, find_convention
from engines.foreign.likeness import kept_edges
from engines.foreign.onnx_file import ForeignNet, read_foreign
from engines.foreign.raw_run import decoded, layout_of, open_model, open_raw
from engines.foreign.sizes import OWN_SIZE, SCENE, Size, Sizes, find_sizes, with_free_sides
from engines.foreign.wrapped_graph import ONE_TILE, OVERSAMPLED, Tiles, wrapped
from engines.gate.golden_cases import GOLDEN
from engines.pictures import psnr
from engines.spec import Controls
from engines.style.file import MAX_STYLE_BYTES
from engines.style.styles import StyleCard, save_style

NETWORK = "onnx"
LEAST_DB = 40.0
FEW_EDGES = 0.2
STYLE_VECTOR = np.ones(1, np.float32)
MOST_SAID = 80  # characters of what a file says of itself


@dataclass(frozen=True, slots=True)
class ImportedOnnx:
    """The name of the style that was written, what was found out about its net, and what a person should know."""

    style: str
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A frame uint8 [H, W, 3], what the net itself makes of it, and whether that comes `chw` or `hwc`."""

    frame: np.ndarray
    painted: np.ndarray
    layout: str


def import_onnx(path: Path, output: Path, options: ImportOptions, said: Said, tiles: Tiles = ONE_TILE) -> ImportedOnnx:
    """Writes an image-to-image ONNX file as a style file.

    ImpastoError where the file is damaged or holds no such net, or where `output` is no name for a style file.
    """
    check_output(output, path)
    net = read_foreign(path)
    convention, findings = find_convention(net, said)
    sizes = find_sizes(net, convention)
    if tiles.count > 1 and sizes.own is None:
        raise BadValue(f"--tile is for nets of one size, and {path.name} takes {sizes.told()}; leave it out")
    sample = _sample(net, convention, sizes)
    model = _compared(net, convention, sizes, sample)
    if tiles.count > 1:
        model = wrapped(net, convention, sizes, sample.layout, tiles)
    if model.ByteSize() > MAX_STYLE_BYTES:
        raise BadFile(f"{path} makes a style file of more than {MAX_STYLE_BYTES >> 20} MiB, which is the most")
    card = _card(net, convention, sizes, tiles, options)
    save_style(output, model, card)
    return ImportedOnnx(card.name, (*findings, _of_sizes(sizes, tiles)), tuple(_remarks(card, sample)))


def _sample(net: ForeignNet, convention: Convention, sizes: Sizes) -> Sample:
    """Painted by the graph as its file has it, without anything of ours."""
    own = net.original if sizes.own else with_free_sides(net.original, net.input, convention.layout)
    frame = GOLDEN.frame(SCENE, *(sizes.own or OWN_SIZE))
    raw = open_raw(net, own).output_of(_shrunk(frame) if sizes.own else frame, convention)
    if raw is None:
        raise BadFile(f"{net.path} does not paint as its file has it, only in newer operators; export it anew")
    painted = _at_size(decoded(raw, convention).clip(0, WHITE), frame)
    return Sample(frame, painted.round().astype(np.uint8), layout_of(raw))


def _compared(net: ForeignNet, convention: Convention, sizes: Sizes, sample: Sample) -> onnx.ModelProto:
    """The graph of a style file; BadFile where it does not paint as the net itself does."""
    with any_failure_as(BadFile, lambda error: f"{net.path} does not fit a style's graph ({in_one_line(error)})"):
        model = wrapped(net, convention, sizes, sample.layout, ONE_TILE)
        run = open_model(model, "stylized", net.path)
        found = run(Controls(STYLE_VECTOR).graph_inputs(sample.frame[None]))[0]
    figure = psnr(found, sample.painted)
    if figure < LEAST_DB:
        raise BadFile(f"{net.path} paints otherwise in a style's graph ({figure:.0f} dB); export it with a newer opset")
    return model


def _shrunk(frame: np.ndarray) -> np.ndarray:
    """As the graph brings a frame to the size that it has already: sampled finer, and averaged."""
    import cv2

    height, width = frame.shape[:2]
    finer = cv2.resize(np.asarray(frame, np.float32), None, fx=OVERSAMPLED, fy=OVERSAMPLED)
    mean: np.ndarray = finer.reshape(height, OVERSAMPLED, width, OVERSAMPLED, 3).mean((1, 3))
    return mean


def _at_size(painted: np.ndarray, frame: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.resize(painted, frame.shape[1::-1]))


def _card(net: ForeignNet, convention: Convention, sizes: Sizes, tiles: Tiles, options: ImportOptions) -> StyleCard:
    style = options.style(STYLE_VECTOR, net.path)
    form = asdict(convention) | {"mean": list(convention.mean), "deviation": list(convention.deviation)}
    return StyleCard(
        name=style.name,
        network={"name": NETWORK, "config": {"size": sizes.own and list(sizes.own), "tiles": asdict(tiles)}},
        styles=(style,),
        size_multiple=sizes.multiple,
        preprocessing=form,
        licence=style.licence,
        training={
            "recipe": "imported",
            "checkpoint": net.path.name,
            "sha256": hashlib.sha256(net.path.read_bytes()).hexdigest(),
            "producer": _as_said(f"{net.original.producer_name} {net.original.producer_version}"),
            "graph": _as_said(net.original.graph.name),
            "metadata": {
                _as_said(entry.key): _as_said(entry.value) for entry in net.original.metadata_props[:MOST_SAID]
            },
        },
        figures={},
    )


def _as_said(text: str) -> str:
    """What a file says of itself, short enough for a card."""
    return "".join(each if each.isprintable() else " " for each in text[:MOST_SAID]).strip()


def _of_sizes(sizes: Sizes, tiles: Tiles) -> Finding:
    if sizes.own is None:
        return Finding("sizes", sizes.told(), "tried")
    if tiles.count == 1:
        return Finding("sizes", sizes.told(), "pictures are scaled to it and back; --tile 3x2 keeps more detail")
    return Finding("sizes", sizes.told(), f"painted in {tiles.columns}x{tiles.rows} tiles, {_size(tiles, sizes.own)}")


def _size(tiles: Tiles, own: Size) -> str:
    height, width = tiles.covered(own)
    return f"{width}x{height} together"


def _remarks(card: StyleCard, sample: Sample) -> Iterator[str]:
    if kept_edges(sample.frame, sample.painted) < FEW_EDGES:
        yield "what it paints shows little of the picture; look at a painting before you trust what was found"
    if card.licence == LICENCE_NOT_KNOWN:
        yield LICENCE_REMARK
