"""Builds, calibrates and checks engines where there is no realtime, and tells which pictures were opened meanwhile.

Run with a style file and a folder for the cache. Prints, as JSON, each engine with the gate's figure, and each picture
with the stage at which it was opened.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines.backends import calibration
from engines.backends.registry import probe
from engines.backends.tensorrt.backend import model_for
from engines.loading.engine import load_engine
from engines.protocols import BuildAids
from engines.spec import EngineChoice, EngineSpec
from engines.style.styles import load_style

HEIGHT, WIDTH = 48, 64
MEASURED_SIZE = 90, 160  # half of what is measured on else: which pictures are opened is the same
BUILT = (("openvino", "fp32"), ("openvino", "int8"), ("onnxruntime", "fp32"), ("torch", "fp32"))
CONVERTED = ("fp16", "int8", "fp8")


class Watch:
    """Notes every picture of the engines that is opened, and at which stage."""

    def __init__(self) -> None:
        self.subject = self.stage = ""
        self.opened: set[tuple[str, str, str]] = set()
        sys.addaudithook(self._note)

    def enter(self, stage: str, _share: float = 0.0) -> None:
        self.stage = stage

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, Path)) and Path(arguments[0]).parent.name == "pictures":
            self.opened.add((self.subject, self.stage, "/".join(Path(arguments[0]).parts[-3:])))


def main(style_path: str, cache: Path) -> None:
    calibration.MEASURED_SIZE = MEASURED_SIZE
    watch, style, gates = Watch(), load_style(style_path), dict[str, float]()
    for backend, precision in BUILT:
        if probe(backend).available and (precision != "int8" or find_spec("nncf")):
            watch.subject = f"{backend} {precision}"
            choice = EngineChoice(backend, precision, strict=True)
            engine = load_engine(
                style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache, progress=watch.enter
            )
            assert engine.gate is not None
            gates[watch.subject] = engine.gate.psnr_db
            engine.close()
    for precision in CONVERTED:
        watch.subject = f"tensorrt {precision}"
        spec = EngineSpec("tensorrt", precision, HEIGHT, WIDTH, "CUDA", "1")
        model_for(style, spec, BuildAids(cache, progress=watch.enter))
    print(json.dumps({"gates": gates, "opened": sorted(watch.opened)}))


if __name__ == "__main__":
    assert "realtime" not in sys.modules
    sys.modules["realtime"] = None  # type: ignore[assignment]  # importing it fails from here on
    main(sys.argv[1], Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # to take torch and nncf down again would take seconds
