"""The whole examination: every check in a process of its own, then what follows from them together.

What follows is what could be better on this machine, and what to do about it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engines.backends.registry import backend_names
from realtime.doctor.checks import GROUPS, SECTIONS
from realtime.doctor.child import Answers, run_apart
from realtime.doctor.finding import Finding, State
from realtime.doctor.privacy import Redact, redacted, redactor

GPU_ENGINES = {
    "tensorrt": "pip install 'impasto[tensorrt]'",
    "tensorrt-rtx": "pip install 'impasto[tensorrt-rtx]'",
    "torch-half": "pip install 'impasto[train]'",
}
PROCESSOR = "CPU"
LEAST_WATCHABLE_FPS = 15.0
DOCUMENT_FORMAT = 1
LOOK_SECONDS = 20.0
# Building a large engine for a GPU takes minutes; the measuring itself takes seconds.
MEASURE_SECONDS = 1200.0
AUTO = "--engine auto"

Report = Callable[[str], None]
Sections = dict[str, tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in a line, and its remedy; "" where nobody knows one."""

    what: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def advice(sections: Mapping[str, tuple[Finding, ...]], engine: str) -> Iterator[Problem]:
    """The problems, those of the engines first."""
    yield from _gpu_unused(sections, engine)
    yield from _slow(sections, engine)
    for title, found in sections.items():
        for finding in found:
            if finding.state is State.NO:
                yield Problem(f"{title}, {finding.subject}: {finding.text}", finding.remedy)


def _gpu_unused(sections: Mapping[str, tuple[Finding, ...]], engine: str) -> Iterator[Problem]:
    """The complaint most often heard in this field: a GPU that nobody uses, without a word."""
    found = [finding for finding in sections.get("graphics", ()) if finding.facts.get("vendor") == "NVIDIA"]
    taken = next((finding for finding in sections.get("engines", ()) if finding.subject == engine), None)
    if not found or (taken is not None and taken.facts.get("device", PROCESSOR) != PROCESSOR):
        return
    reasons = {finding.subject: finding for finding in sections["engines"] if finding.subject in GPU_ENGINES}
    why = "; ".join(f"{name}: {finding.text}" for name, finding in reasons.items() if finding.state is not State.YES)
    remedy = next((finding.remedy for finding in reasons.values() if finding.remedy), next(iter(GPU_ENGINES.values())))
    yield Problem(f"the GPU ({found[0].facts.get('name', 'NVIDIA')}) is not used{f': {why}' if why else ''}", remedy)


def _slow(sections: Mapping[str, tuple[Finding, ...]], engine: str) -> Iterator[Problem]:
    """Of the engine that is taken; the others are slower for good reason."""
    measured = next((found.facts for found in sections.get("speed", ()) if found.subject == engine), {})
    fps = measured.get("fps")
    if fps is None or fps >= LEAST_WATCHABLE_FPS:
        return
    offered = (found.facts.get("on_request", ()) for found in sections.get("engines", ()) if found.subject == engine)
    untried = measured.get("precision") != "int8" and any("int8" in precisions for precisions in offered)
    int8 = "try --precision int8, or " if untried else ""
    yield Problem(
        f"{engine} paints {fps:.1f} frames a second at 640x360, too few for live pictures",
        f"{int8}paint at a smaller --height, or with a smaller net (see `impasto styles`)",
    )


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, by section; `engine` is the backend that `--engine auto` takes, "" where none can run.

    Names of people and machines, addresses and secrets have been taken out of it.
    """

    sections: Mapping[str, tuple[Finding, ...]]
    engine: str
    problems: tuple[Problem, ...]

    @property
    def can_paint(self) -> bool:
        return bool(self.engine)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "format": DOCUMENT_FORMAT,
            "can_paint": self.can_paint,
            "engine": self.engine,
            "problems": [problem.as_dict() for problem in self.problems],
            "sections": {name: [finding.as_dict() for finding in found] for name, found in self.sections.items()},
        }


def examine(*, quick: bool, report: Report, show: Report) -> Examination:
    """Looks at everything, and unless `quick` measures every engine that can run.

    `show` hears what is being done, `report` what is to stay in the terminal.
    """
    names = list(backend_names())
    show("looking at this machine")
    engines, cache = [f"engine {name}" for name in names], ["cache", *(f"cached {name}" for name in names)]
    answers = run_apart([[*engines, *cache] if quick else engines, *GROUPS], LOOK_SECONDS, report)
    if not quick:
        for name in _usable(names, answers, "engine"):
            show(f"measuring {name}")
            answers |= run_apart([[f"speed {name}"]], MEASURE_SECONDS, _without_secrets(report, answers))
        answers |= run_apart([cache], LOOK_SECONDS, report)  # with the engines that were built just now
    sections = _sections(answers)
    able = _usable(names, answers, "engine")
    paint = able if quick else _usable(able, answers, "speed")
    sections["engines"] += (_choice(able, paint),)
    engine = paint[0] if paint else ""
    public = redacted_sections(sections)
    return Examination(public, engine, tuple(advice(public, engine)))


def redacted_sections(sections: Mapping[str, tuple[Finding, ...]]) -> Sections:
    """The sections without what is nobody's business."""
    redact = redactor(os.environ, _versions(finding for found in sections.values() for finding in found))
    return {name: tuple(_redacted_finding(finding, redact) for finding in found) for name, found in sections.items()}


def _redacted_finding(finding: Finding, redact: Redact) -> Finding:
    subject, text, remedy = map(redact, (finding.subject, finding.text, finding.remedy))
    return Finding(subject, finding.state, text, remedy, redacted(finding.facts, redact))


def _usable(names: list[str], answers: Answers, check: str) -> list[str]:
    """The backends for which this check came out well."""
    return [name for name in names if any(found.state is State.YES for found in answers.get(f"{check} {name}", ()))]


def _choice(able: list[str], paint: list[str]) -> Finding:
    """`able` can run here, and `paint` did when they were measured."""
    if paint:
        return Finding(AUTO, State.YES, f"takes {paint[0]}", facts={"engine": paint[0]})
    if able:
        return Finding(
            AUTO, State.NO, "finds no engine that paints as it should", "tell us, with `impasto doctor --json`"
        )
    return Finding(AUTO, State.NO, "finds no engine that can run", "pip install openvino")


def _sections(answers: Answers) -> Sections:
    """The answers in the order of the report; sections that nothing was asked for are left out."""
    sections: Sections = {}
    for title, kinds in SECTIONS.items():
        found = [
            finding for kind in kinds for check, all_ in answers.items() if check.split()[0] == kind for finding in all_
        ]
        if found:
            sections[title] = tuple(found)
    return sections


def _without_secrets(report: Report, answers: Answers) -> Report:
    redact = redactor(os.environ, _versions(finding for found in answers.values() for finding in found))
    return lambda line: report(redact(line))


def _versions(findings: Iterator[Finding]) -> Iterator[str]:
    """Every version that was found: some look like addresses."""
    for finding in findings:
        for value in (finding.facts.get(key) for key in ("version", "versions", "libraries", "driver_version")):
            yield from value.values() if isinstance(value, Mapping) else [value] if value else []
