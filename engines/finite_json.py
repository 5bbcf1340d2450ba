"""JSON as every reader takes it."""

import json
import math
from typing import Any


def finite_json(value: Any, *, ascii_only: bool = True) -> str:
    """Infinity, which is the PSNR of equal pictures, and NaN are null; in ASCII no terminal trips over it."""
    return json.dumps(_finite(value), ensure_ascii=ascii_only)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
