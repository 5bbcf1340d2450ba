"""`impasto live`: a webcam, a screen, a stream or a film, painted while it plays."""

from typing import Annotated

import typer

from realtime.commands.settings import Json, with_settings
from realtime.live.options import DEFAULT_SINK, DEFAULT_SOURCE, LIVE, LiveOptions


@with_settings
def live(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="camera:N, screen:, pattern:, dream:FILE, a file or folder, or a URL (rtsp, rtmp, http, udp, tcp).",
        ),
    ] = DEFAULT_SOURCE,
    to: Annotated[
        list[str],
        typer.Option(
            metavar="SINK",
            help="window:, virtualcam:, a file, rtmp://, rtsp://, udp://, tcp://, srt://, hls:FOLDER, pipe: or null:; "
            "give it again for several at once.",
            rich_help_panel=LIVE,
        ),
    ] = [DEFAULT_SINK],  # noqa: B006  typer reads it and never changes it
    *,
    options: LiveOptions,
    json: Json = False,
) -> None:
    """Paint a moving picture while it plays: into a window, a virtual camera, a file, a stream, or several at once."""
    from engines.machine import use_one_arena

    use_one_arena()  # before any thread has an arena of its own
    from realtime.commands.console.terminal import finish, status_line, stopped_by_interrupt
    from realtime.frames.address import sink_scheme
    from realtime.live.run import run_live

    piped = any(sink_scheme(sink) == "pipe" for sink in to)
    if piped and json:
        raise typer.BadParameter("--json and --to pipe: both want stdout; leave one of them out")
    with stopped_by_interrupt() as stop, status_line() as line:
        report = run_live(source, to, options, report=line.report, status=line.show, stop=stop)
    finish(report, as_json=json, to_stderr=piped)
