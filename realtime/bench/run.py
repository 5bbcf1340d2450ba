"""The benchmark itself. Combinations take turns, so that a change of the machine's clock or load meets all alike."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from engines.errors import ImpastoError, in_one_line
from engines.failures import failure_of
from engines.loading.engine import EngineSpec, GateReport
from engines.style.styles import StyleFile
from realtime.bench.inputs.clips import clip_of, wanted_sizes
from realtime.bench.inputs.subject import Bench, Combination, Report, Subject, combinations, opened
from realtime.bench.machine import fingerprint
from realtime.bench.options import BenchOptions, quickened
from realtime.bench.peers.peers import OpenPeers
from realtime.bench.report.report import BenchReport, Outcome, Result, command_line
from realtime.bench.roofline.roofline import Ceilings, roof_of
from realtime.bench.rows.live import LiveRow, measure_live
from realtime.bench.rows.rows import seconds_of_a_frame
from realtime.bench.rows.stability import Stability, plain_stability
from realtime.bench.schedule import Progress, Schedule
from realtime.bench.turn import Turn, summarise, take_turn
from realtime.frames.request import told_once
from realtime.painting.notes import spoken

Contest = tuple[str, tuple[int, int]]  # a style and a size, which peers and ours have in common


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of a combination before its first turn: it was built, it passed the gate, and it painted.

    The net took `frame_seconds` for a frame.
    """

    style: StyleFile
    spec: EngineSpec
    gate: GateReport | None
    build_seconds: float
    stability: Stability | None
    frame_seconds: float


@dataclass(slots=True)
class Entry:
    """A numbered combination with what it has come to so far; `reason` is set where it takes no further turns."""

    number: int
    combination: Combination
    prepared: Prepared | None = None
    reason: str = ""
    turns: list[Turn] = field(default_factory=list)

    @property
    def contest(self) -> Contest:
        return self.combination.style_source, self.combination.size


def run_bench(options: BenchOptions, *, report: Report, progress: Progress) -> BenchReport:
    """Measures everything. Files go to a temporary folder.

    `report` hears how long that will take, before it begins and again once every net has painted; `progress` is told
    before each step. ImpastoError or FileNotFoundError where the clip or a style cannot be opened. A combination that
    cannot run here is an outcome with a reason. KeyboardInterrupt ends it early once a turn is complete: with the
    figures until then.
    """
    machine, command = fingerprint(), command_line(options)
    if options.quick:
        options = quickened(options)
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        run = _Run(Bench(options, Path(name)), told_once(report), progress)
        outcomes = tuple(run.outcomes())
        live, live_reason = run.live()
    return BenchReport(
        command=command,
        clip=options.clip.name if options.clip else "the built-in scene",
        frames=options.frames,
        row_seconds=options.row_seconds,
        repeats=options.repeats,
        requests=options.requests,
        outcomes=outcomes,
        live=live,
        live_reason=live_reason,
        machine=machine,
        interrupted=run.interrupted,
        quick=options.quick,
    )


class _Run:
    """One run: every combination is prepared, then they take their turns."""

    def __init__(self, bench: Bench, report: Report, progress: Progress) -> None:
        self._bench, self._report, self._progress = bench, report, progress
        sizes = wanted_sizes(bench.options)
        self._entries = [Entry(*each) for each in enumerate(combinations(bench.options, sizes, bench.folder))]
        self._schedule = Schedule(bench.options, len(self._entries), len({entry.contest for entry in self._entries}))
        self._report(self._announcement())
        for size in sizes:
            clip_of(bench.options, size, bench.folder)
        self._peers: dict[Contest, OpenPeers] = {}
        self._built: dict[tuple[str, EngineSpec], float] = {}
        self.interrupted = False

    def outcomes(self) -> list[Outcome]:
        self._prepare_all()
        with self._until_interrupted():
            for _ in range(self._bench.options.repeats):
                self._take_turns()
        ceilings = Ceilings(self._bench.options)
        return [self._outcome(entry, ceilings) for entry in self._entries]

    def live(self) -> tuple[LiveRow | None, str]:
        """The latency of a live run with what ran first, where it is asked for; else why there is none."""
        ran = next((entry for entry in self._entries if entry.turns and not entry.reason), None)
        if not self._bench.options.live or self.interrupted:
            return None, ""
        if ran is None or ran.prepared is None:
            return None, "no combination ran"
        spec = ran.prepared.spec
        combination = replace(ran.combination, engine=spec.backend, precision=spec.precision)
        rows: list[LiveRow] = []
        with self._until_interrupted():  # where it fails, what was measured before is worth more
            if error := failure_of(lambda: rows.append(measure_live(combination, self._bench, self._report))):
                return None, self._public(in_one_line(error))
        return (rows[0] if rows else None), ""

    def _announcement(self) -> str:
        count, options = len(self._entries), self._bench.options
        what = "1 combination" if count == 1 else f"{count} combinations"
        turns = "1 turn" if options.repeats == 1 else f"{options.repeats} turns"
        seconds = spoken(self._schedule.seconds_left)
        return f"{what}, {turns}{' each' if count > 1 else ''}: {seconds} at most, unless engines take long to build"

    def _prepare_all(self) -> None:
        for entry in self._entries:
            self._report(f"preparing {entry.combination}")
            seconds = self._attempt(entry, self._prepare, self._report, "preparing")
            frame_seconds = entry.prepared.frame_seconds if entry.prepared and not entry.reason else None
            self._schedule.prepared(entry.number, seconds, frame_seconds)
        if any(not entry.reason for entry in self._entries):
            self._report(f"all is prepared; the turns take about {spoken(self._schedule.seconds_left)}")

    def _take_turns(self) -> None:
        """One turn of each."""
        for entry in self._entries:
            seconds = self._attempt(entry, self._take_turn, _to_nobody, "measuring")
            self._schedule.took_turn(entry.number, seconds, again=not entry.reason)

    @contextmanager
    def _until_interrupted(self) -> Iterator[None]:
        """Ctrl-C ends the measurements, and keeps them where some are complete; a second one is raised."""
        try:
            yield
        except KeyboardInterrupt:
            if self.interrupted or not any(entry.turns for entry in self._entries):
                raise
            self.interrupted = True
            self._report("ended early: the figures are those of the turns until now")

    def _attempt(self, entry: Entry, work: Callable[[Entry, Subject], None], report: Report, doing: str) -> float:
        """Opens the combination for some work, and says how many seconds it took; where that fails it is left out."""
        self._progress(self._schedule.standing(f"{doing} {entry.combination}"))
        started = time.perf_counter()
        if entry.reason:
            return 0.0

        def attempt() -> None:
            with self._open(entry, report) as subject:
                work(entry, subject)

        if error := failure_of(attempt):
            entry.reason = self._public(in_one_line(error))
            self._report(f"{entry.combination} is left out: {entry.reason}")
        return time.perf_counter() - started

    def _open(self, entry: Entry, report: Report) -> AbstractContextManager[Subject]:
        return opened(entry.combination, self._bench, report)

    def _prepare(self, entry: Entry, subject: Subject) -> None:
        engine, options = subject.stylizer.engine, self._bench.options
        built = subject.style.sha256, engine.spec
        for other in self._entries:
            if other.prepared and (other.contest, other.prepared.spec) == (entry.contest, engine.spec):
                raise ImpastoError(f"it is the same engine as {other.combination}")
        seconds = self._built.setdefault(built, subject.open_seconds)
        stability = plain_stability(subject) if options.stability else None
        frame_seconds = seconds_of_a_frame(subject)
        entry.prepared = Prepared(subject.style, engine.spec, engine.gate, seconds, stability, frame_seconds)
        if options.peers and entry.contest not in self._peers:
            self._peers[entry.contest] = OpenPeers(subject, lambda line: self._report(self._public(line)))

    def _take_turn(self, entry: Entry, subject: Subject) -> None:
        turn = take_turn(subject)
        if peers := self._peers.get(entry.contest):
            if self._leads(entry):
                peers.take_turn(subject)
            turn = replace(turn, peers=peers.beside(subject))
        entry.turns.append(turn)

    def _leads(self, entry: Entry) -> bool:
        """Peers run beside the first combination of their contest; the others are compared with the same figures."""
        same = (other for other in self._entries if other.contest == entry.contest and not other.reason)
        return next(same, None) is entry

    def _outcome(self, entry: Entry, ceilings: Ceilings) -> Outcome:
        prepared, peers = entry.prepared, self._peers.get(entry.contest)
        if entry.reason or prepared is None or not entry.turns:
            return Outcome(entry.combination, None, entry.reason or "the run was ended before its first turn")
        silent = {name: self._public(why) for name, why in peers.silent.items()} if peers else {}
        result = summarise(entry.turns, prepared.spec, prepared.gate, silent)
        build = None if self._bench.options.quick else round(prepared.build_seconds, 2)
        result = replace(result, build_seconds=build, stability=prepared.stability)
        return Outcome(entry.combination, self._with_roof(result, prepared, ceilings))

    def _with_roof(self, result: Result, prepared: Prepared, ceilings: Ceilings) -> Result:
        if not self._bench.options.roofline or self.interrupted:
            return result
        try:
            with self._until_interrupted():
                return replace(result, roof=roof_of(prepared.style, prepared.spec, result.net_ms, ceilings))
        except ImpastoError as error:
            return replace(result, roof_reason=self._public(str(error)))
        return result

    def _public(self, text: str) -> str:
        """Without the names of folders, for a person's own may be in them."""
        return text.replace(str(self._bench.folder), "the benchmark's folder").replace(str(Path.home()), "~")


def _to_nobody(line: str) -> None:
    """What engines say is told once, when they are prepared."""
