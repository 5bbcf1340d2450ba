"""JSON as every reader takes it."""

import json
import math
from typing import Any


def finite_json(value: Any) -> str:
    """In ASCII, so that no terminal trips over it; infinity, which is the PSNR of equal pictures, and NaN are null."""
    return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
