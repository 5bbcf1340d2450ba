"""Options of a command that are the fields of a recipe's settings: their types, defaults and help told once."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Annotated, Any

import typer

# Fields that are given again for each of several values, and the options' names where the field's own is plural.
LISTED: dict[str, Any] = {"content": list[Path], "style_images": list[str], "masks": list[Path]}
SPELLED = {"style_images": "--style-image", "masks": "--mask"}
WEIGHTS_OF_NAMES = "style_weights"


def option_of(
    field: Field[Any], help_of: Mapping[str, str], least: Mapping[str, float], panel: str | None = None
) -> inspect.Parameter:
    """The command's parameter for one field of the settings, with the field's default."""
    kind, default = _typed_on_the_command_line(field)
    names = [SPELLED[field.name]] if field.name in SPELLED else []
    information = typer.Option(
        *names, help=help_of.get(field.name, ""), min=least.get(field.name), rich_help_panel=panel
    )
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, information]
    )


def _typed_on_the_command_line(field: Field[Any]) -> tuple[Any, Any]:
    """The type and the default that a person meets: other tuples are typed as words separated by commas."""
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    if field.name in LISTED:
        return LISTED[field.name], default if field.default is MISSING else list(field.default)
    if isinstance(default, tuple):
        return str, ",".join(default)
    return field.type, default


def as_field(name: str, value: Any) -> Any:
    """What was typed, as the settings want it."""
    if name == "style_images":
        return tuple(weighed_picture(text) for text in value)
    if name in LISTED:
        return tuple(value)
    if name == WEIGHTS_OF_NAMES:
        return tuple(_named_weight(part) for part in value.split(",") if part)
    if name == "other_sizes":
        return tuple(_whole_number(part) for part in value.split(",") if part)
    if name.endswith("_layers"):
        return tuple(part.strip() for part in value.split(","))
    return value


def weighed_picture(text: str) -> tuple[Path, float]:
    """`PICTURE` or `PICTURE=WEIGHT`; a file that is called so is meant itself."""
    path, _, weight = text.rpartition("=")
    if path and not Path(text).exists():
        try:
            return Path(path), float(weight)
        except ValueError:
            pass
    return Path(text), 1.0


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number", param_hint="--other-sizes") from None


def _named_weight(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    try:
        return name.strip(), float(weight)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not NAME=WEIGHT", param_hint="--style-weights") from None


def with_options(command: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """The command with these parameters in its signature, where typer reads them."""
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command
