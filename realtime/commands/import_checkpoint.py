"""`impasto import`: a checkpoint that was trained elsewhere becomes a style file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from realtime.commands.settings import Json

CARD = "Style card"


def text_option(meaning: str) -> Any:
    """An option whose text goes into the card."""
    return typer.Option(metavar="TEXT", help=meaning, rich_help_panel=CARD)


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A .pth, .safetensors or .npz file.")],
    output: Annotated[Path, typer.Argument(metavar="STYLE", help="The style file to write, such as candy.onnx.")],
    name: Annotated[str | None, text_option("The style's name; the checkpoint's file name unless given.")] = None,
    title: Annotated[str, text_option("The painting.")] = "",
    artist: Annotated[str, text_option("Who painted it.")] = "",
    year: Annotated[str, text_option("When.")] = "",
    source: Annotated[str, text_option("Where the picture or the checkpoint is from.")] = "",
    licence: Annotated[str, text_option("The licence of the weights.")] = "",
    json: Json = False,
) -> None:
    """Make a style file of a pytorch/examples fast_neural_style checkpoint."""
    from engines.export import checkpoint as checkpoints
    from realtime.commands.console.terminal import print_result

    options = checkpoints.ImportOptions(
        name=name, title=title, artist=artist, year=year, source=source, licence=licence
    )
    style = checkpoints.import_checkpoint(checkpoint, output, options)
    said = f"{output}: style {style}; try `impasto image photo.jpg painted.jpg --style {output}`"
    print_result({"output": str(output), "style": style} if json else said)
