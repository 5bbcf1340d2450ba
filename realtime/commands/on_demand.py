"""Commands that are read when they are typed: the list of all of them needs a name and a line of each, no module."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from realtime.commands.console.border import at_the_border


class CommandsOnDemand(TyperGroup):
    """A group whose commands stand for others until one is typed: their callbacks, made by `on_demand`, give those."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that was typed, out of its module; the rest of the line is its own."""
        name, standing, rest = super().resolve_command(ctx, args)
        if standing is None or standing.callback is None:  # click resolves half a line for the shell's completion
            return name, None, rest
        return name, standing.callback(), rest


class NamingCommand(TyperCommand):
    """A command whose arguments name something: an empty one, as of a variable that is not set, would be a folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does; a wrong command line where an argument is empty."""
        given = {} if ctx.resilient_parsing else self.make_parser(ctx).parse_args(args=list(args))[0]
        named: list[Any] = [each for each in self.params if each.param_type_name == "argument"]
        for argument in () if given.get("help") else named:
            values = given.get(argument.name)
            if values == "" or (isinstance(values, list | tuple) and "" in values):
                raise typer.BadParameter("it is empty", ctx=ctx, param=argument)
        return super().parse_args(ctx, args)


def on_demand(name: str, home: str) -> Callable[[], Any]:
    """What gives click's command of the function, or of typer's app, that `module:attribute` names.

    A function is taken to the border (realtime/commands/console/border.py); an app takes its own. What click is to
    be told of how a command's line is parsed, its module calls CONTEXT_SETTINGS.
    """

    def read() -> Any:
        module, _, attribute = home.partition(":")
        found = getattr(import_module(module), attribute)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name)
        else:
            settings = getattr(import_module(module), "CONTEXT_SETTINGS", None)
            alone.command(name, cls=NamingCommand, context_settings=settings)(at_the_border(found))
        return get_group(alone).commands[name]

    return read
