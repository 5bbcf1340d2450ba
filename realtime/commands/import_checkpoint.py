"""`impasto import`: a net from elsewhere becomes a style file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from realtime.commands.settings import Json

if TYPE_CHECKING:
    from engines.export.checkpoint import ImportOptions

CARD = "Style card"
FORM = "Form of an ONNX net"


def text_option(meaning: str) -> Any:
    """An option whose text goes into the card."""
    return typer.Option(metavar="TEXT", help=meaning, rich_help_panel=CARD)


def form_option(name: str, choices: str, meaning: str) -> Any:
    """An option that says what is otherwise found out of an ONNX file."""
    return typer.Option(f"--{name}", metavar=choices, help=meaning, rich_help_panel=FORM)


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(metavar="NET", help="A .onnx, .pth, .safetensors or .npz file.")],
    output: Annotated[Path, typer.Argument(metavar="STYLE", help="The style file to write, such as candy.onnx.")],
    name: Annotated[str | None, text_option("The style's name; the net's file name unless given.")] = None,
    title: Annotated[str, text_option("The painting.")] = "",
    artist: Annotated[str, text_option("Who painted it.")] = "",
    year: Annotated[str, text_option("When.")] = "",
    source: Annotated[str, text_option("Where the picture or the net is from.")] = "",
    licence: Annotated[str, text_option('The licence of the weights; "not known" unless given.')] = "",
    layout: Annotated[str | None, form_option("layout", "nchw|nhwc|chw|hwc", "Where the colours stand.")] = None,
    channels: Annotated[str | None, form_option("channels", "rgb|bgr", "Which colour comes first.")] = None,
    range_in: Annotated[str | None, form_option("range", "0..1|-1..1|0..255", "What the net reads.")] = None,
    range_out: Annotated[
        str | None,
        form_option("range-out", "0..1|-1..1|0..255|as-in", "What it gives; as-in has mean and deviation undone."),
    ] = None,
    mean: Annotated[
        str | None, form_option("mean", "imagenet|caffe|R,G,B", "Subtracted from what goes in, in its range.")
    ] = None,
    deviation: Annotated[
        str | None, form_option("deviation", "imagenet|R,G,B", "By which it is divided; ImageNet's with its mean.")
    ] = None,
    tile: Annotated[
        str | None, form_option("tile", "COLUMNSxROWS", "Overlapping tiles to paint in, where a net takes one size.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a style file of a net from elsewhere.

    Taken are image-to-image ONNX files, and checkpoints of PyTorch's fast_neural_style and CycleGAN's ResNets.
    The form of an ONNX net (layout, range, sizes) is found out by trial and told; options say it instead.
    """
    from engines.export.checkpoint import ImportOptions
    from realtime.commands.console.terminal import print_result

    options = ImportOptions(name=name, title=title, artist=artist, year=year, source=source, licence=licence)
    form = {
        "layout": layout, "channels": channels, "range_in": range_in, "range_out": range_out, "mean": mean,
        "deviation": deviation,
    }  # fmt: skip
    told = _import(checkpoint, output, options, form, tile)
    said = [f"{output}: style {told['style']}; try `impasto image photo.jpg painted.jpg --style {output}`"]
    said += [f"  {each['what']} {each['taken']} ({each['why']})" for each in told["findings"]]
    said += [f"  {remark}" for remark in told["remarks"]]
    print_result({"output": str(output), **told} if json else "\n".join(said))


def _import(
    net: Path, output: Path, options: "ImportOptions", form: dict[str, str | None], tile: str | None
) -> dict[str, Any]:
    """What is told of the import: the style's name, findings and remarks."""
    from engines.errors import BadValue
    from engines.export.checkpoint import LICENCE_REMARK, import_checkpoint
    from engines.foreign.convention import Said
    from engines.foreign.onnx_file import is_onnx

    said = Said(**form)
    if is_onnx(net):
        from engines.foreign.onnx_import import import_onnx
        from engines.foreign.wrapped_graph import read_tiles

        imported = import_onnx(net, output, options, said, read_tiles(tile))
        findings = [{"what": each.name, "taken": each.taken, "why": each.why} for each in imported.findings]
        return {"style": imported.style, "findings": findings, "remarks": list(imported.remarks)}
    if given := [value for value in (*form.values(), tile) if value is not None]:
        raise BadValue(f"{given[0]!r} says how an ONNX file takes its pictures, and {net.name} is none; leave it out")
    remarks = [] if options.licence else [LICENCE_REMARK]
    return {"style": import_checkpoint(net, output, options), "findings": [], "remarks": remarks}
