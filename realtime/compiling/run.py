"""`impasto compile STYLE...`: engines built ahead, one after the other, each in a process that can be ended."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from engines.backends.registry import fast_gpu_paints
from engines.cache.fields import spec_fields
from engines.cache.folder import EngineCache, StoredEntry, default_cache_folder
from engines.errors import BadFile, FileMissing, ImpastoError
from engines.loading.engine import EngineChoice
from engines.loading.kept_engines import MIB
from engines.loading.prepare import prepare_in_child
from engines.names import AUTO
from engines.spec import ANY_ENGINE, Calibration, EngineSpec, SizeRange
from engines.style.styles import StyleFile
from realtime.compiling.options import USUAL_SIZE, CompileOptions, SizeSpan
from realtime.files.calibration import calibrate_on_video
from realtime.frames.request import told_once
from realtime.painting.full_size.painting_size import painting_size
from realtime.painting.net_choice import net_of
from realtime.painting.opening import FILE_REQUESTS
from realtime.painting.options import Size
from realtime.painting.picture_style import resolve

LIVE_REQUESTS = 1
# The commands by the frames that they have in an engine at once, and whether they wait for a fine net.
USES = {LIVE_REQUESTS: (("live", False), ("image", True)), FILE_REQUESTS: (("video", False),)}
USES_OF_A_RANGE = {LIVE_REQUESTS: (("live, meanwhile", False),)}
Stage = Callable[[str, str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """One engine to build: of this style file, for pictures of this size in pixels, of this kind.

    `commands` will take it.
    """

    file: StyleFile
    width: int
    height: int
    choice: EngineChoice
    commands: list[str]

    @property
    def uses(self) -> str:
        """The commands, each once."""
        return ", ".join(dict.fromkeys(self.commands))

    def __str__(self) -> str:
        """`candy 640x360 for video`"""
        return f"{self.file.card.name} {self.choice.size_range or f'{self.width}x{self.height}'} for {self.uses}"


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEngine:
    """What came of one build: the engine and its entry in the cache, or a `problem` in one line.

    `built` is False where the engine was in the cache already.
    """

    build: Build
    spec: EngineSpec | None = None
    entry: StoredEntry | None = None
    built: bool = False
    problem: str = ""

    def line(self) -> str:
        """`candy 640x360 for video: openvino 2026.4.1 fp32 on CPU; 88.1 dB from …; built in 2.3 s; 5.0 MiB`"""
        if self.spec is None or self.entry is None or self.entry.header is None:
            return f"{self.build}: not built: {self.problem}"
        spec, gate, origin = self.spec, self.entry.header.gate, self.entry.header.origin
        when = f"built in {origin.build_seconds:.1f} s" if self.built else "was there already"
        engine = f"{spec.backend} {spec.version} {spec.precision} on {spec.device}"
        size = f"{self.entry.size_bytes / MIB:.1f} MiB"
        return f"{self.build}: {engine}; {gate.psnr_db:.1f} dB from {gate.reference}; {when}; {size}"

    def as_dict(self) -> dict[str, Any]:
        card, choice = self.build.file.card, self.build.choice
        asked = {
            "file": str(self.build.file.path),
            "styles": list(card.names),
            "width": self.build.width,
            "height": self.build.height,
            "size_range": str(choice.size_range) if choice.size_range else None,
            "uses": self.build.uses,
            "requests": choice.requests,
            "problem": self.problem,
        }
        return asked | self._built()

    def _built(self) -> dict[str, Any]:
        if self.spec is None or self.entry is None or self.entry.header is None:
            return {}
        spec, header = self.spec, self.entry.header
        return {
            "backend": spec.backend,
            "version": spec.version,
            "passed_over": list(spec.passed_over),
            "precision": spec.precision,
            "device": spec.device,
            "threads": spec.threads,
            "pinned": spec.pinned,
            "mode": spec.mode,
            "gate": asdict(header.gate),
            "built": self.built,
            "build_seconds": round(header.origin.build_seconds, 3),
            "entry": str(self.entry.path),
            "size_bytes": self.entry.size_bytes,
        }


@dataclass(frozen=True, slots=True, eq=False)
class CompileReport:
    """Everything that was asked for and came about, and whether it was interrupted before all was there."""

    engines: tuple[CompiledEngine, ...]
    folder: Path
    interrupted: bool = False

    @property
    def failures(self) -> int:
        return sum(bool(engine.problem) for engine in self.engines)

    def summary(self) -> str:
        lines = [engine.line() for engine in self.engines]
        return "\n".join([*lines, f"kept in {self.folder}"] if self.failures < len(lines) else lines)

    def as_dict(self) -> dict[str, Any]:
        engines = [engine.as_dict() for engine in self.engines]
        return {"engines": engines, "folder": str(self.folder), "interrupted": self.interrupted}


def builds_for(options: CompileOptions) -> list[Build]:
    """All of them; ImpastoError or FileNotFoundError where a style or the clip to calibrate on cannot be had."""
    styles = [(text, *resolve(text)) for text in options.styles]
    calibration = None if options.calibrate is None else _calibration(options.calibrate)
    builds: dict[tuple[object, ...], Build] = {}
    for text, file, name in styles:
        names = () if text in (file.card.name, str(file.path)) else (name,)
        for size, choice in product(_sizes(options), _choices(options, calibration)):
            for use, net in _nets(file, names, choice, options):
                build = builds.setdefault((net.sha256, size, choice), Build(net, *size, choice, []))
                build.commands.append(use)
    return list(builds.values())


def _nets(
    file: StyleFile, names: Sequence[str], choice: EngineChoice, options: CompileOptions
) -> Iterator[tuple[str, StyleFile]]:
    """The commands that would take such an engine, or the programs, each with the net that it takes."""
    uses = USES if choice.size_range is None else USES_OF_A_RANGE
    taken = uses.get(choice.requests, ()) if _is_as_commands_choose(file, choice) else ()
    for command, waits in taken or ((_programs(choice), False),):
        patient = partial(_is_patient, options, waits=waits)
        yield command, net_of(file, names, options.net, patient=patient)


def _is_as_commands_choose(file: StyleFile, choice: EngineChoice) -> bool:
    """They leave threads, pinning and mode as they are."""
    usual = EngineChoice(requests=1 if file.card.state else choice.requests)
    mode = "latency" if usual.requests == 1 else "throughput"
    return (choice.threads, choice.pinned) == (usual.threads, usual.pinned) and choice.mode in (AUTO, mode)


def _programs(choice: EngineChoice) -> str:
    """Who takes what no command does, as they would write it."""
    asked = {name: getattr(choice, name) for name in ("requests", "threads", "pinned", "mode")}
    written = [f"{name}={value!r}" for name, value in asked.items() if value != getattr(ANY_ENGINE, name)]
    return f"programs that load it with {', '.join(written)}"


def _is_patient(options: CompileOptions, *, waits: bool) -> bool:
    return waits or fast_gpu_paints(options.engine, options.precision)


def compile_engines(
    builds: Sequence[Build],
    *,
    report: Callable[[str], None] = lambda line: None,
    progress: Stage = lambda build, stage, share: None,
    stop: threading.Event | None = None,
) -> CompileReport:
    """Build every engine, past the gate and into the cache; one that fails does not end the others.

    `report` gets a line now and then, each once, `progress(build, stage, share)` what is being done, share 0..1.
    Setting `stop` ends a build within half a second and leaves nothing half written.
    """
    stop = stop or threading.Event()
    report = told_once(report)
    cache = EngineCache(default_cache_folder())
    done: list[CompiledEngine] = []
    for number, build in enumerate(builds, start=1):
        label = f"{number}/{len(builds)} {build}"
        engine = None if stop.is_set() else _compile(build, label, cache, report, progress, stop)
        if engine is None:
            return CompileReport(tuple(done), cache.folder, interrupted=True)
        done.append(engine)
    return CompileReport(tuple(done), cache.folder)


def _sizes(options: CompileOptions) -> tuple[Size, ...]:
    """Those of what is painted, without repetition; an engine for a range is tuned for one size in it."""
    if options.size_range is None:
        sizes = options.sizes or (USUAL_SIZE,)
        return tuple(dict.fromkeys(painting_size(size, options.stroke) for size in sizes))
    usual = USUAL_SIZE[::-1] in _range(options.size_range)
    return (USUAL_SIZE,) if usual else (options.size_range.most,)


def _choices(options: CompileOptions, calibration: Calibration | None) -> Iterator[EngineChoice]:
    """One for each use."""
    size_range = None if options.size_range is None else _range(options.size_range)
    uses = USES if size_range is None else USES_OF_A_RANGE
    for requests in uses if options.requests is None else (options.requests,):
        yield EngineChoice(
            options.engine, options.precision, options.strict, requests, options.threads, options.pinned, options.mode,
            size_range, calibration, options.verbose,
        )  # fmt: skip


def _calibration(clip: Path) -> Calibration:
    """The frames on which `impasto video` would calibrate, were this clip painted."""
    if not clip.exists():
        raise FileMissing(f"there is no file {clip}")
    calibration = calibrate_on_video(clip)
    if calibration is None:
        raise BadFile(f"{clip} gives no picture to calibrate on; give a video file that FFmpeg can read")
    return calibration


def _range(span: SizeSpan) -> SizeRange:
    (least_width, least_height), (most_width, most_height) = span
    return SizeRange((least_height, least_width), (most_height, most_width))


def _compile(
    build: Build, label: str, cache: EngineCache, report: Callable[[str], None], progress: Stage, stop: threading.Event
) -> CompiledEngine | None:
    """One engine; None where it was interrupted."""
    began_at = time.time()
    progress(label, "starting", 0)
    try:
        spec = prepare_in_child(
            build.file,
            height=build.height,
            width=build.width,
            choice=build.choice,
            cache_dir=cache.folder,
            on_line=report,
            on_progress=lambda stage, share: progress(label, stage, share),
            cancelled=stop,
        )
    except ImpastoError as error:
        return CompiledEngine(build, problem=str(error))
    return None if spec is None else _found(build, spec, cache, began_at)


def _found(build: Build, spec: EngineSpec, cache: EngineCache, began_at: float) -> CompiledEngine:
    """What the child has left in the cache."""
    entry = next((entry for entry in cache.entries() if _is_of(entry, build, spec)), None)
    if entry is None or entry.header is None:
        return CompiledEngine(build, problem=f"the engine could not be kept in {cache.folder}")
    return CompiledEngine(build, spec, entry, built=entry.header.origin.built_at >= began_at)


def _is_of(entry: StoredEntry, build: Build, spec: EngineSpec) -> bool:
    return entry.header is not None and spec_fields(build.file.sha256, spec).items() <= entry.header.fields.items()
