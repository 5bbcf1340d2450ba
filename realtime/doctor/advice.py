"""What could be better on this machine, and what to do about it: the faults found, and what follows from several."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from realtime.doctor.finding import Finding, State

GPU_ENGINES = {
    "tensorrt": "pip install 'impasto[tensorrt]'",
    "tensorrt-rtx": "pip install 'impasto[tensorrt-rtx]'",
    "torch-half": "pip install 'impasto[train]'",
}
PROCESSOR = "CPU"
LEAST_WATCHABLE_FPS = 15.0


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
    fps = next((found.facts.get("fps") for found in sections.get("speed", ()) if found.subject == engine), None)
    if fps is None or fps >= LEAST_WATCHABLE_FPS:
        return
    offered = (found.facts.get("on_request", ()) for found in sections.get("engines", ()) if found.subject == engine)
    int8 = "try --precision int8, or " if any("int8" in precisions for precisions in offered) else ""
    yield Problem(
        f"{engine} paints {fps:.1f} frames a second at 640x360, too few for live pictures",
        f"{int8}paint at a smaller --height, or with a smaller net (see `impasto styles`)",
    )
