"""What is compared: one style at one size on one engine in one precision."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from engines.loading.engine import EngineChoice
from engines.networks.transform.config import PRESETS
from engines.style.styles import SUFFIX
from realtime.bench.inputs.random_net import write_random_style
from realtime.bench.options import BenchOptions
from realtime.painting.picture_style import resolve

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Combination:
    """What was asked for. `style` is shown to people, `style_source` is what opens it; `size` is (width, height)."""

    style: str
    style_source: str
    size: tuple[int, int]
    engine: str
    precision: str

    def __str__(self) -> str:
        return f"{self.style} at {self.size_text}, {self.engine}, {self.precision}"

    @property
    def size_text(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"

    def choice(self, options: BenchOptions, requests: int) -> EngineChoice:
        """A precision that was asked for by name is measured or refused: another in its place would mislead."""
        return EngineChoice(
            backend=self.engine,
            precision=self.precision,
            strict=self.precision != AUTO,
            requests=requests,
            threads=options.threads,
            mode=options.mode,
            verbose=options.verbose,
        )

    def as_dict(self) -> dict[str, Any]:
        return {"style": self.style, "size": self.size_text, "engine": self.engine, "precision": self.precision}


def combinations(options: BenchOptions, sizes: list[tuple[int, int]], folder: Path) -> list[Combination]:
    """All that the options ask for; nets with random weights are written into `folder`.

    ImpastoError or FileNotFoundError where there is no such style.
    """
    styles = {style: _opened(style, folder) for style in options.styles}
    found = product(styles.items(), sizes, options.engines, options.precisions)
    return [Combination(*shown, size, engine, precision) for (_, shown), size, engine, precision in found]


def _opened(style: str, folder: Path) -> tuple[str, str]:
    """(what is shown, what opens it): no folder's name is shown, for a person's own name may be in it."""
    if style in PRESETS:
        return f"{style} (random weights)", str(write_random_style(folder / f"{style}{SUFFIX}", style))
    resolve(style)  # a style that is not there ends the benchmark before it begins
    return Path(style).name, style
