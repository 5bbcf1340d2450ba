"""The commands of `impasto`, each of which lives in a file beside this one."""

import os
from typing import Annotated

import typer

from engines.errors import DEBUG_VARIABLE
from realtime.commands.on_demand import CommandsOnDemand, on_demand

# Where a command is, and what `impasto --help` says of it: the first line of its own help.
COMMANDS = {
    "video": ("realtime.commands.video:video", "Paint a video; sound, subtitles and times are kept."),
    "live": (
        "realtime.commands.live:live",
        "Paint a moving picture while it plays: into a window, a virtual camera, a file, a stream, or several at once.",
    ),
    "image": ("realtime.commands.image:image", "Paint a picture, or a folder of pictures."),
    "styles": (
        "realtime.commands.styles:styles",
        "List the styles of the gallery, or of a style file: kind of net, what a frame costs it, what --stroke does.",
    ),
    "bench": (
        "realtime.commands.bench:bench",
        "Measure frames per second, latency and start-up, stage by stage; each figure with its spread.",
    ),
    "evaluate": (
        "realtime.commands.evaluate:evaluate",
        "Judge styles: nearness to the paintings, content kept, flicker and speed.",
    ),
    "doctor": (
        "realtime.commands.doctor:doctor",
        "Say what this machine can do, and why not; for bug reports with --json.",
    ),
    "control": ("realtime.commands.control:control", "Control a running `impasto live`: do what its keys do."),
    "compile": (
        "realtime.commands.compile:compile_styles",
        "Build engines ahead, so that `live` and `video` start at once; or look after those that are kept.",
    ),
    "import": (
        "realtime.commands.import_checkpoint:import_checkpoint",
        "Make a style file of a net from elsewhere.",
    ),
    "train": ("realtime.commands.train:app", "Train styles of your own."),
}

app = typer.Typer(
    name="impasto",
    cls=CommandsOnDemand,
    help="Repaint video in the style of a picture.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, (home, summary) in COMMANDS.items():
    app.command(name, help=summary)(on_demand(name, home))


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
    # Threads of torch that wait by turning have a tenth of their speed where another program wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
