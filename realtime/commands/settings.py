"""The options of a command are the fields of its settings: types, defaults, bounds, names and help are told there."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer

from engines.setting import Names, Setting, bounds_of, check_setting, named, settings_of, spelled
from realtime.commands.console.written import (
    bad_parameter,
    named_choice,
    named_weight,
    positive_fraction,
    size_in_pixels,
    size_range,
    weighed_picture,
    whole_number,
)
from realtime.compiling.options import SizeSpan
from realtime.painting.options import Size

Command = Callable[..., None]
Reader = Callable[[str], Any]
Holder = TypeVar("Holder")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
# How values are read that typer does not know.
READERS: dict[Any, Reader] = {
    Fraction: positive_fraction,
    Size: size_in_pixels,
    SizeSpan: size_range,
    tuple[Path, float]: weighed_picture,
    tuple[str, float]: named_weight,
    tuple[str, str]: named_choice,
}


def with_settings(command: Command, more: Sequence[inspect.Parameter] = ()) -> Command:
    """The command as typer reads it: a parameter that is a dataclass of settings becomes an option for every field.

    `more` stand in the place of `**keywords`. A wrong command line is a BadParameter, in one line.
    """
    own = inspect.signature(command).parameters.values()
    types = {each.name: each.annotation for each in own if isinstance(each.annotation, type)}
    holders = {name: kind for name, kind in types.items() if is_dataclass(kind)}

    @functools.wraps(command)
    def called(**chosen: Any) -> None:
        made = {name: settings_from(holder, _taken(chosen, settings_of(holder))) for name, holder in holders.items()}
        command(**chosen, **made)

    parameters: list[inspect.Parameter] = []
    for parameter in own:
        if parameter.name in holders:
            parameters += parameters_of(holders[parameter.name])
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            parameters += more
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def settings_from(holder: type[Holder], chosen: Mapping[str, Any]) -> Holder:
    """The settings that were typed; BadParameter where they are out of bounds or do not go together."""
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
    with bad_parameter():
        for name, (_, setting) in settings_of(holder).items():
            check_setting(spelled(name, setting), typed.get(name), setting)
        return holder(**{name: value for name, value in typed.items() if value is not None})


def parameters_of(
    holder: type[Any], names: Sequence[str] | None = None, group: str | None = None, **defaults: Any
) -> list[inspect.Parameter]:
    """The command's parameters for the fields with these names, or all; `group` and `defaults` go before their own."""
    own = {field.name: field.default for field in fields(holder)}
    return [
        _parameter(name, kind, setting, defaults.get(name, own[name]), group or setting.group)
        for name, (kind, setting) in settings_of(holder).items()
        if names is None or name in names
    ]


def given(context: typer.Context, name: str) -> bool:
    """Whether the option was typed."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _taken(chosen: dict[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: chosen.pop(name) for name in names}


def _parameter(name: str, kind: Any, setting: Setting, default: Any, group: str | None) -> inspect.Parameter:
    typed, reader, default = _typed(_without_none(kind), setting, default)
    shared: dict[str, Any] = {
        "help": setting.help,
        "metavar": _shown(typed, setting),
        "parser": reader,
        "autocompletion": _completing(setting.choices or setting.suggestions),
        "rich_help_panel": group,
    }
    if setting.by_place:
        information: Any = typer.Argument(**shared)
    else:
        switched_on = (spelled(name),) if typed is bool and default is False else ()
        information = typer.Option(*(setting.options or switched_on), **shared)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[typed, information]
    )


def _typed(kind: Any, setting: Setting, default: Any) -> tuple[Any, Reader | None, Any]:
    """The type that typer is told, what reads a value, and the default as a person meets it."""
    default = inspect.Parameter.empty if default is MISSING else default
    several = get_origin(kind) is tuple and get_args(kind)[1:] == (...,)
    each = get_args(kind)[0] if several else kind
    reader = READERS.get(each)
    if several and setting.in_one_word:
        return str, _separated(reader or (whole_number if each is int else str)), _joined(default)
    if several:
        if default is not inspect.Parameter.empty:
            default = list(default) or None  # an empty list is no default of an argument by place
        return (list[str] if reader else list[each]), reader, default  # type: ignore[valid-type]
    return (str if reader else kind), reader, default


def _without_none(kind: Any) -> Any:
    """`int` of `int | None`."""
    if isinstance(kind, UnionType):
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    return kind


def _separated(read: Reader) -> Reader:
    """Takes values with commas between."""

    def read_all(text: str) -> tuple[Any, ...]:
        return tuple(read(part.strip()) for part in text.split(",") if part.strip())

    return read_all


def _joined(values: Any) -> Any:
    return ",".join(map(str, values)) if isinstance(values, tuple) else values


def _shown(kind: Any, setting: Setting) -> str | None:
    """How a value is typed, with its bounds or all its names where they are known at once; None is left to typer."""
    if bounds := bounds_of(setting):
        return f"{setting.written or f'<{kind.__name__}>'}" + ("" if setting.in_one_word else f" [{bounds}]")
    known = "|".join(setting.choices) if isinstance(setting.choices, tuple) else ""
    return setting.written or known or None


def _completing(names: Names) -> Callable[[str], list[str]] | None:
    """The names that begin so, for the shell's completion."""
    if not names:
        return None

    def complete(incomplete: str) -> list[str]:
        return [name for name in named(names) if name.startswith(incomplete)]

    return complete
