"""`impasto live`: a webcam, a screen, a stream or a film, painted while it plays."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from realtime.commands.console import choices
from realtime.commands.recipe_options import weighed_picture
from realtime.live.options import DEFAULT_SINK, DEFAULT_SOURCE, LiveOptions

DEFAULTS = LiveOptions()
SPEED = "Speed"


def live(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="camera:N, screen:, pattern:, a file or folder, or a URL (rtsp, rtmp, http, udp, tcp).",
        ),
    ] = DEFAULT_SOURCE,
    to: Annotated[
        list[str],
        typer.Option(
            metavar="SINK",
            help="window:, virtualcam:, a file, rtmp://, rtsp://, udp://, tcp://, srt://, hls:FOLDER, pipe: or null:; "
            "give it again for several at once.",
            rich_help_panel=choices.LIVE,
        ),
    ] = [DEFAULT_SINK],  # noqa: B006  typer reads it and never changes it
    size: choices.Size = DEFAULTS.size,
    rate: choices.Rate = DEFAULTS.rate,
    loop: Annotated[
        bool, typer.Option("--loop", help="Start a file again at its end.", rich_help_panel=choices.LIVE)
    ] = DEFAULTS.loop,
    audio: Annotated[
        str,
        typer.Option(
            metavar="CHOICE",
            help="Sound for files and streams: none, source, microphone or microphone:DEVICE.",
            rich_help_panel=choices.LIVE,
        ),
    ] = DEFAULTS.audio,
    folder: Annotated[
        Path, typer.Option(help="Where snapshots and recordings go.", rich_help_panel=choices.LIVE)
    ] = DEFAULTS.folder,
    style_image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PICTURE",
            help="Paint stills in this style (the key k), by optimisation; again for more, with weights: a.jpg=0.7.",
            rich_help_panel=choices.PAINTING,
        ),
    ] = None,
    style: choices.Style = DEFAULTS.style,
    mix: choices.Mix = DEFAULTS.mix,
    strength: choices.Strength = DEFAULTS.strength,
    keep_colour: choices.KeepColour = DEFAULTS.keep_colour,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Exchange left and right.", rich_help_panel=choices.PAINTING)
    ] = DEFAULTS.mirror,
    pass_through: Annotated[
        bool, typer.Option("--pass-through", help="Begin with the plain picture.", rich_help_panel=choices.PAINTING)
    ] = DEFAULTS.pass_through,
    height: Annotated[
        int | None,
        typer.Option(
            min=choices.LEAST_SIZE_PX,
            max=choices.MOST_SIZE_PX,
            metavar="PIXELS",
            help="Paint at this height, at most the source's; what is shown and written keeps the source's size. Left "
            "out, it follows the speed of the machine.",
            rich_help_panel=SPEED,
        ),
    ] = DEFAULTS.height,
    target_fps: Annotated[
        float | None,
        typer.Option(min=1, metavar="FPS", help="Lower or raise the height to keep to this.", rich_help_panel=SPEED),
    ] = DEFAULTS.target_fps,
    max_latency_ms: Annotated[
        float | None,
        typer.Option(min=1, metavar="MS", help="The same, for capture to picture.", rich_help_panel=SPEED),
    ] = DEFAULTS.max_latency_ms,
    fps_cap: Annotated[
        Fraction | None,
        typer.Option(
            parser=choices.positive_fraction,
            metavar="FPS",
            help="Paint no more frames a second.",
            rich_help_panel=SPEED,
        ),
    ] = DEFAULTS.fps_cap,
    engine: choices.Engine = DEFAULTS.engine,
    precision: choices.Precision = DEFAULTS.precision,
    strict: choices.Strict = DEFAULTS.strict,
    verbose: choices.Verbose = DEFAULTS.verbose,
    control: Annotated[
        bool, typer.Option(help="Listen to `impasto control`.", rich_help_panel=choices.MACHINE)
    ] = DEFAULTS.control,
    socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Listen there instead of at a path of its own.", rich_help_panel=choices.MACHINE
        ),
    ] = DEFAULTS.socket,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after so many seconds.")] = DEFAULTS.seconds,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = DEFAULTS.frames,
    json: choices.Json = False,
) -> None:
    """Paint a moving picture while it plays: into a window, a virtual camera, a file, a stream, or several at once."""
    from realtime.frames.allocator import use_one_arena

    use_one_arena()  # before any thread has an arena of its own
    from realtime.commands.console.terminal import finish, status_line, stopped_by_interrupt
    from realtime.frames.address import sink_scheme
    from realtime.live.run import run_live

    options = LiveOptions(
        style=style,
        mix=mix,
        strength=strength,
        keep_colour=keep_colour,
        mirror=mirror,
        pass_through=pass_through,
        height=height,
        target_fps=target_fps,
        max_latency_ms=max_latency_ms,
        fps_cap=fps_cap,
        engine=engine,
        precision=precision,
        strict=strict,
        verbose=verbose,
        size=size,
        rate=rate,
        loop=loop,
        audio=audio,
        folder=folder,
        style_images=tuple(map(weighed_picture, style_image or ())),
        control=control,
        socket=socket,
        seconds=seconds,
        frames=frames,
    )
    piped = any(sink_scheme(sink) == "pipe" for sink in to)
    if piped and json:
        raise typer.BadParameter("--json and --to pipe: both want stdout; leave one of them out")
    with stopped_by_interrupt() as stop, status_line() as line:
        report = run_live(source, to, options, report=line.report, status=line.show, stop=stop)
    finish(report, as_json=json, to_stderr=piped)
