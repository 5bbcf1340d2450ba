"""How onnxruntime is imported: without what it keeps and tells of its users, and without what it says to nobody."""

import os
from typing import Any

# Since 1.31 the import alone makes a number for this device in the user's cache folder; that is too late for a call.
TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"
FATAL_ONLY = 4


def import_onnxruntime() -> Any:
    """The package, made to keep silent: no telemetry, and nothing about providers that do not load.

    ImportError where it is not installed. Whoever set the variable himself is obeyed.
    """
    os.environ.setdefault(TELEMETRY_VARIABLE, "1")
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(FATAL_ONLY)
    return onnxruntime
