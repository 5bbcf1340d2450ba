"""The end of a run for one style: its vector beside others of the same net in a style file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engines.errors import BadFile, BadValue, FileTaken, in_one_line
from engines.export.export import export_style, weights_and_styles
from engines.failures import any_failure_as
from engines.style.card import StyleCard, style_name
from engines.style.file import StyleFile, check_writable, read_style_file, save_style
from engines.style.predictor import net_checksum
from engines.style.styles import NamedStyle
from trainers.data import by_style_name, find_pictures, open_picture
from trainers.export.provenance import travelling, typed_command
from trainers.export.style_export import read_credits
from trainers.settings.style_options import StyleOptions
from trainers.style_vector import LearntStyle

RECIPE = "style"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pictures by the names of their styles, and the style file that is there already, if one is."""

    pictures: Mapping[str, Path]
    there: StyleFile | None


def wanted_styles(options: StyleOptions, net: StyleFile) -> Wanted:
    """What is to be learnt; an error where it cannot be added to the file that is there, before anything is learnt."""
    folder = find_pictures([options.styles]) if options.styles else []
    paths = [*options.pictures, *folder]
    if not paths:
        raise BadValue(f"there is no picture in {options.styles}; put the style pictures there")
    for path in paths:
        _check_picture(path)
    pictures = by_style_name(paths)
    check_writable(options.out)
    there = read_style_file(options.out) if options.out.exists() else None
    known = there.card.names if there else ()
    if options.deep and (len(pictures) > 1 or (there and known != tuple(pictures))):
        raise BadValue("--deep makes a net of its own for one picture; give one, and an --out that is not there yet")
    if options.polish:
        if unknown := sorted(set(pictures) - set(known)):
            raise BadValue(f"--polish goes on with styles of {options.out}, and {', '.join(unknown)} is none of them")
        return Wanted(pictures, there)
    if taken := sorted(set(pictures) & set(known)):
        raise FileTaken(
            f"{options.out} has {', '.join(taken)} already; --polish goes on with it, or choose another --out"
        )
    if there:
        _check_net(there, net)
    return Wanted(pictures, there)


def write_style(options: StyleOptions, net: StyleFile, name: str, picture: Path, learnt: LearntStyle) -> StyleFile:
    """Writes the style into `options.out`, in the place of one of that name or after those that are there by now."""
    there = read_style_file(options.out) if options.out.exists() else None
    if there and not options.deep and not options.polish:
        _check_net(there, net)
    credit = read_credits(picture.parent).get(picture.stem, {})
    new = NamedStyle(name, learnt.vector.float().cpu().numpy(), **credit)
    card = (there or net).card
    styles = _with(there.card.styles if there else (), new)
    told = _told(options, net, there, name, picture, learnt)
    figures = {**(card.figures if there else {}), f"loss/{name}": round(learnt.after, 4)}
    if options.deep:
        _export(options.out, card, learnt, new, told, figures)
    else:
        changed = replace(card, name=style_name(options.out), styles=styles, training=told, figures=figures)
        save_style(options.out, (there or net).model, changed)
    return read_style_file(options.out)


def _check_picture(path: Path) -> None:
    """An error here, before anything is learnt."""
    with any_failure_as(BadFile, lambda error: f"{path} is no readable picture: {in_one_line(error)}", but=BadFile):
        open_picture(path)


def _check_net(there: StyleFile, net: StyleFile) -> None:
    if net_checksum(there) != net_checksum(net):
        raise BadValue(
            f"{there.path} has another net than {net.path.name}; choose another --out, or --net {there.path}"
        )


def _with(styles: Sequence[NamedStyle], new: NamedStyle) -> tuple[NamedStyle, ...]:
    if new.name not in {style.name for style in styles}:
        return (*styles, new)
    return tuple(new if style.name == new.name else style for style in styles)


def _told(
    options: StyleOptions, net: StyleFile, there: StyleFile | None, name: str, picture: Path, learnt: LearntStyle
) -> dict[str, Any]:
    """How the file came to be: the net's own story, and of each style the run that learnt it."""
    before = there.card.training if there and there.card.training.get("recipe") == RECIPE else {}
    run = {
        "picture": picture.name,
        "command": typed_command(),
        "settings": travelling(options.to_dict()),
        "steps": learnt.steps,
        "loss_before": round(learnt.before, 4),
        **({"joined_views": learnt.joined} if learnt.joined else {}),
    }
    return {
        "recipe": RECIPE,
        "net": before.get("net", (there or net).card.training),
        "vectors": {**before.get("vectors", {}), name: run},
    }


def _export(
    out: Path, card: StyleCard, learnt: LearntStyle, new: NamedStyle, told: dict[str, Any], figures: dict[str, Any]
) -> None:
    weights, _ = weights_and_styles(learnt.net)
    export_style(
        out, network=str(card.network["name"]), config=card.network["config"], weights=weights, styles=[new],
        name=style_name(out), licence=card.licence, training=told, figures=figures,
    )  # fmt: skip
