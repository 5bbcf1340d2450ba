"""What could be better on this machine, and what to do about it: the faults found, and what follows from several."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from realtime.doctor.finding import Finding, State

GPU_ENGINES = {
    "tensorrt": "pip install 'impasto[tensorrt]'",
    "tensorrt-rtx": "pip install 'impasto[tensorrt-rtx]'",
    "torch-half": "pip install 'impasto[train]'",
}
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
    if not found or engine in GPU_ENGINES:
        return
    reasons = {finding.subject: finding for finding in sections["engines"] if finding.subject in GPU_ENGINES}
    why = "; ".join(f"{name}: {finding.text}" for name, finding in reasons.items() if finding.state is not State.YES)
    remedy = next((finding.remedy for finding in reasons.values() if finding.remedy), next(iter(GPU_ENGINES.values())))
    yield Problem(f"the GPU ({found[0].facts.get('name', 'NVIDIA')}) is not used{f': {why}' if why else ''}", remedy)


def _slow(sections: Mapping[str, tuple[Finding, ...]], engine: str) -> Iterator[Problem]:
    for finding in sections.get("speed", ()):
        fps = finding.facts.get("fps")
        if finding.subject == engine and fps is not None and fps < LEAST_WATCHABLE_FPS:
            yield Problem(
                f"{engine} paints {fps:.1f} frames a second at 640x360, too few for live pictures",
                "paint at a smaller --height, or with a smaller net (see `impasto styles`)",
            )
