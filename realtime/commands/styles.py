"""`impasto styles`: what is in the gallery, or in a style file."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from realtime.commands.settings import Json
from realtime.painting.full_size.painting_size import LINES

if TYPE_CHECKING:
    from rich.table import Table

    from engines.style.styles import StyleFile

COLUMNS = ("name", "title", "artist", "year", "licence")
SIZES = (
    f"A net paints a copy of {LINES} lines whatever the size, which is brought to full size: so a style looks alike "
    "at all of them. --stroke 2 makes brush strokes twice as large, --stroke 0.5 half as large at four times the cost; "
    "--height is the size of what is shown and written."
)


def styles(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A style file; without it, the gallery.")] = None,
    json: Json = False,
) -> None:
    """List the styles of the gallery, or of a style file, and say what --stroke and --height do to them."""
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
        console.print(SIZES, markup=False, highlight=False)


def table_of(file: "StyleFile") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{file.card.name}  {file.path}", style="bold"), title_justify="left")
    for column in COLUMNS:
        table.add_column(column, no_wrap=column == "name")  # a name is typed after --style: it stays whole
    for style in file.card.styles:
        table.add_row(*(Text(str(getattr(style, column))) for column in COLUMNS))
    return table
