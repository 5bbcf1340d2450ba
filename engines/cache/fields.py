"""What a compiled engine, and the verdict on it, depend on: the fields of its entry in the cache.

Every field is text, and all of them together are hashed into the entry's name. So a new version, another device or a
new driver is another entry; the older one is found no more, and `why_stale` says what has changed.

What is needed to build an engine but not to run it (nncf) is no field: the verdict is on what came out, and who has
such an engine need not install what made it. Which version that was is in the entry's remarks.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from engines.protocols import BackendState
from engines.spec import EngineSpec, SizeRange
from engines.style.styles import StyleFile

# Raise it when the gate or the way engines are built changes, or a picture that they are calibrated on or checked with,
# so that older entries of the cache are not found.
CACHE_FORMAT = "9"


def cache_fields(style: StyleFile, state: BackendState, spec: EngineSpec) -> dict[str, str]:
    """The fields of an engine of this spec on this machine."""
    return spec_fields(style.sha256, spec) | {"hardware": state.hardware}


def spec_fields(style_sha256: str, spec: EngineSpec) -> dict[str, str]:
    """The same without the hardware and its driver, which a spec does not tell."""
    return {
        "format": CACHE_FORMAT,
        "style": style_sha256,
        "backend": spec.backend,
        "version": spec.version,
        "device": spec.device,
        "precision": spec.precision,
        "size": str(spec.size_range or f"{spec.width}x{spec.height}"),
        "requests": str(spec.requests),
        "threads": str(spec.threads),
        "pinned": str(spec.pinned),
        "mode": spec.mode,
        "calibration": spec.calibration,
        **({"ready": spec.ready} if spec.ready else {}),
    }


def range_of(fields: Mapping[str, str]) -> SizeRange | None:
    """The sizes that the engine of these fields takes; None for an engine of one size."""
    least, dash, most = fields["size"].partition("-")
    return SizeRange(_size(least), _size(most)) if dash else None


def why_stale(fields: Mapping[str, str], state: BackendState) -> str:
    """Why an engine of these fields is found no more, its backend being in this state; "" where it is."""
    if fields.get("format") != CACHE_FORMAT:
        return "of another version of impasto"
    if not state.available:
        return state.reason
    if fields.get("version") != state.version:
        return f"{state.name} is {state.version} now"
    if (fields.get("device"), fields.get("hardware")) != (state.device, state.hardware):
        return "of another device or driver"
    ready = fields.get("ready")
    if ready and not any(ready in nets.values() for nets in state.ready.values()):
        return "of a net that does not come along any more"
    precision = fields.get("precision")
    return "" if precision in state.all_precisions else f"{state.name} has no {precision} here now"


def why_without_style(path: str, sha256: str) -> str:
    """Why the style file that an engine was built of is not there any more; "" where it is."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return "its style file is gone"
    return "" if hashlib.sha256(content).hexdigest() == sha256 else "its style file has changed"


def _size(text: str) -> tuple[int, int]:
    """`640x360` as (height, width)."""
    width, _, height = text.partition("x")
    return int(height), int(width)
