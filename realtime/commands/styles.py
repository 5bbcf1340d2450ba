"""`impasto styles`: what is in the gallery, or in a style file."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from realtime.commands.settings import Json
from realtime.painting.full_size.painting_size import LINES, painting_size

if TYPE_CHECKING:
    from rich.table import Table

    from engines.style.styles import NamedStyle, StyleFile

# Of a film or a camera, by which the cost of nets is told.
FILM = (1280, 720)
COLUMNS = ("name", "title", "artist", "year", "licence")
SIZES = (
    f"A net paints a copy of {LINES} lines whatever the size, which is brought to full size: so a style looks alike "
    "at all of them. --stroke 2 makes brush strokes twice as large, --stroke 0.5 half as large at four times the cost; "
    "--height is the size of what is shown and written."
)
FINE = (
    "Beside it is a fine net of {styles} of these, of {cost}: `impasto image` takes it, and films and live pictures "
    "where an NVIDIA GPU paints; --net fine and --net fast say otherwise."
)
COST = (
    "GMAC are thousands of millions of multiply-adds that the net needs for a frame of {film}, of which it paints a "
    "copy of {painted}; they are counted from its graph."
)


def styles(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A style file; without it, the gallery.")] = None,
    json: Json = False,
) -> None:
    """List the styles of the gallery, or of a style file: kind of net, what a frame costs it, what --stroke does.

    GMAC are thousands of millions of multiply-adds for a frame of 1280x720, of which a copy of 360 lines is painted.
    """
    from engines.style.styles import list_gallery, load_style
    from realtime.commands.console.terminal import print_result

    files = list_gallery() if file is None else [load_style(file)]
    if json:
        print_result({"files": [describe(style_file) for style_file in files]})
    else:
        print_tables(files)


def describe(file: "StyleFile") -> dict[str, Any]:
    """The card without the vectors; and the net's kind, and its cost for a frame."""
    card = file.card
    return {
        "file": str(file.path),
        "name": card.name,
        "kind": kind_of(file),
        "gmac": gmac(file),
        "gmac_of": {"film": in_words(FILM), "painted": in_words(painting_size(FILM))},
        "network": card.network,
        "fine_net": _fine_net(file),
        "licence": card.licence,
        "figures": card.figures,
        "styles": [{name: getattr(style, name) for name in (*COLUMNS, "source")} for style in card.styles],
    }


def _fine_net(file: "StyleFile") -> dict[str, Any] | None:
    """What lies beside the file for --net fine; one that cannot be read is left out, as where it would paint."""
    from engines.names import AUTO
    from realtime.painting.net_choice import wanted_fine_net

    fine = wanted_fine_net(file, AUTO, patient=lambda: True)
    if fine is None:
        return None
    styles = [name for name in file.card.names if name in fine.card.names]
    return {"file": str(fine.path), "gmac": gmac(fine), "styles": styles}


def gmac(file: "StyleFile") -> float | None:
    """Of the copy that is painted of a frame of FILM; None where it cannot be told from the graph."""
    from engines.errors import ImpastoError
    from realtime.bench.roofline.cost import style_cost

    width, height = painting_size(FILM)
    try:
        return round(style_cost(file, height, width).macs / 1e9, 3)
    except ImpastoError:  # what is in the file is told all the same
        return None


def kind_of(file: "StyleFile") -> str:
    """Of net, as people call it; the card's own word where the family's package is broken."""
    from engines.errors import ImpastoError
    from engines.networks.family import network_name, title_of

    try:
        return title_of(file)
    except ImpastoError:
        return network_name(file)


def _cost(gmac_of_film: float | None) -> str:
    return "cost unknown" if gmac_of_film is None else f"{gmac_of_film:.3g} GMAC"


def in_words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def print_tables(files: list["StyleFile"]) -> None:
    from rich.console import Console

    console = Console()
    for file in files:
        title = f"{file.card.name}  {kind_of(file)}, {_cost(gmac(file))}  {file.path}"
        console.print(title, markup=False, highlight=False, style="bold")
        console.print(table_of(file))
        if (fine := _fine_net(file)) is not None:
            line = FINE.format(styles=len(fine["styles"]), cost=_cost(fine["gmac"]))
            console.print(line, markup=False, highlight=False)
    if not files:
        console.print("The gallery is empty; `impasto train` and `impasto import` make style files.")
    else:
        cost = COST.format(film=in_words(FILM), painted=in_words(painting_size(FILM)))
        console.print(f"{cost} {SIZES}", markup=False, highlight=False)


def table_of(file: "StyleFile") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table()
    rows = [{**_told(style), "licence": style.licence or file.card.licence} for style in file.card.styles]
    told = [column for column in COLUMNS if any(row[column] for row in rows)]
    for column in told:
        table.add_column(column, no_wrap=column == "name")  # a name is typed after --style: it stays whole
    for row in rows:
        table.add_row(*(Text(row[column]) for column in told))
    return table


def _told(style: "NamedStyle") -> dict[str, str]:
    return {column: str(getattr(style, column)) for column in COLUMNS}
