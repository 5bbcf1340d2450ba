"""The command line: `impasto COMMAND`. Every command lives in a file of realtime/commands."""

import os
from typing import Annotated

import typer

from engines.errors import DEBUG_VARIABLE
from realtime.commands.bench import bench
from realtime.commands.compile import compile_styles
from realtime.commands.console.border import INTERRUPTED, at_the_border, leave
from realtime.commands.control import CONTEXT_SETTINGS, control
from realtime.commands.doctor import doctor
from realtime.commands.evaluate import evaluate
from realtime.commands.image import image
from realtime.commands.import_checkpoint import import_checkpoint
from realtime.commands.live import live
from realtime.commands.styles import styles
from realtime.commands.train import app as train
from realtime.commands.video import video

app = typer.Typer(
    name="impasto",
    help="Repaint video in the style of a picture.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (video, live, image, styles, bench, evaluate, doctor):
    app.command()(at_the_border(command))
app.command(context_settings=CONTEXT_SETTINGS)(at_the_border(control))
app.command("compile")(at_the_border(compile_styles))
app.command("import")(at_the_border(import_checkpoint))
app.add_typer(train, name="train")


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"impasto {version('impasto')}")
        raise typer.Exit


@app.callback()
def options_of_every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help=f"Show where an error comes from, as {DEBUG_VARIABLE}=1 does.")
    ] = False,
) -> None:
    if traceback:
        os.environ[DEBUG_VARIABLE] = "1"


def main() -> None:
    """The entry point of the `impasto` script."""
    try:
        app(prog_name="impasto")
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else int(ended.code is not None))


if __name__ == "__main__":
    main()
