"""`impasto styles`: what is in the gallery, or in a style file."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from realtime.commands.settings import Json

if TYPE_CHECKING:
    from rich.table import Table

    from engines.style.styles import StyleFile

COLUMNS = ("name", "title", "artist", "year", "licence")
# Strokes are so many pixels broad whatever the picture's size, which is why a height belongs to a style.
HEIGHT = (
    "A net's strokes are so many pixels broad: at a smaller --height they are larger in the picture. `impasto video` "
    "and `image` scale the input to --height, paint and write at it; `live` paints at it, at most at the source's, and "
    "shows and writes the picture at the source's size."
)


def styles(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A style file; without it, the gallery.")] = None,
    json: Json = False,
) -> None:
    """List the styles of the gallery, or of a style file, and say what --height does to them."""
    from engines.style.styles import list_gallery, load_style
    from realtime.commands.console.terminal import print_result

    files = list_gallery() if file is None else [load_style(file)]
    if json:
        print_result({"files": [describe(style_file) for style_file in files]})
    else:
        print_tables(files)


def describe(file: "StyleFile") -> dict[str, Any]:
    """The card without the vectors."""
    card = file.card
    return {
        "file": str(file.path),
        "name": card.name,
        "network": card.network,
        "licence": card.licence,
        "figures": card.figures,
        "styles": [{name: getattr(style, name) for name in (*COLUMNS, "source")} for style in card.styles],
    }


def print_tables(files: list["StyleFile"]) -> None:
    from rich.console import Console

    console = Console()
    for file in files:
        console.print(table_of(file))
    if not files:
        console.print("The gallery is empty; `impasto train` and `impasto import` make style files.")
    else:
        console.print(HEIGHT, markup=False, highlight=False)


def table_of(file: "StyleFile") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{file.card.name}  {file.path}", style="bold"), title_justify="left")
    for column in COLUMNS:
        table.add_column(column, no_wrap=column == "name")  # a name is typed after --style: it stays whole
    for style in file.card.styles:
        table.add_row(*(Text(str(getattr(style, column))) for column in COLUMNS))
    return table
