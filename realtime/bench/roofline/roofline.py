"""How near a net comes to what the device could do: its floor in milliseconds, and the fraction of it that is reached.

Operations and bytes are those of the graph that runs (with the exact rewrites) and, beside it, of the plain one.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from engines.errors import ImpastoError
from engines.gate.reference import reference_model
from engines.loading.engine import EngineSpec
from engines.machine import usable_cores
from engines.style.styles import StyleFile
from realtime.bench.options import BenchOptions
from realtime.bench.roofline.ceilings import (
    Ceiling,
    copy_ceiling,
    cuda_copy_ceiling,
    cuda_product_ceiling,
    product_ceiling,
)
from realtime.bench.roofline.cost import NetCost, cost_of_graph, style_cost

CPU = "CPU"
CPU_FALLBACKS = ("fp32",)
CARD_FALLBACKS = ("fp16", "fp32")


@dataclass(frozen=True, slots=True)
class Floor:
    """The least milliseconds of a frame: its products at the product ceiling, or its bytes at the copy ceiling."""

    compute_ms: float
    memory_ms: float

    @classmethod
    def of(cls, cost: NetCost, precision: str, product: Ceiling, copy: Ceiling) -> "Floor":
        compute_ms = 2e3 * cost.macs / product.per_second
        return cls(round(compute_ms, 4), round(1e3 * cost.bytes(precision) / copy.per_second, 4))

    @property
    def ms(self) -> float:
        return max(self.compute_ms, self.memory_ms)

    @property
    def bound_by(self) -> str:
        return "compute" if self.compute_ms >= self.memory_ms else "memory"


@dataclass(frozen=True, slots=True)
class Roof:
    """The floor of one combination and what was reached; `plain` is the graph without rewrites.

    Where the device has no ceiling in the engine's precision, that of `ceiling_precision` stands in.
    """

    rewritten: NetCost
    plain: NetCost
    floor: Floor
    p50_ms: float
    product: Ceiling
    copy: Ceiling
    ceiling_precision: str

    @property
    def reached(self) -> float:
        """The fraction of the roofline, 1 at most but for noise."""
        return round(self.floor.ms / self.p50_ms, 4)

    def as_dict(self) -> dict[str, Any]:
        facts = {"floor_ms": self.floor.ms, "bound_by": self.floor.bound_by, "reached": self.reached}
        return {**asdict(self), **facts}


class Ceilings:
    """The ceilings of this machine, each measured when it is first needed and then kept."""

    def __init__(self, options: BenchOptions) -> None:
        self._threads = options.threads
        self._found: dict[tuple[str, str], Ceiling] = {}

    def product(self, device: str, precision: str) -> tuple[str, Ceiling]:
        """(precision, ceiling): where none can be measured in that precision, of the next that keeps more."""
        measure, others = (product_ceiling, CPU_FALLBACKS) if device == CPU else (_on_card, CARD_FALLBACKS)
        for candidate in dict.fromkeys((precision, *others)):
            with suppress(ImpastoError):
                return candidate, self._measured((device, candidate), partial(measure, candidate, self._threads))
        raise ImpastoError(f"no matrix product of {device} can be measured here")

    def copy(self, device: str) -> Ceiling:
        threads = self._threads or max(1, round(usable_cores()))
        measure = (lambda: copy_ceiling(threads)) if device == CPU else cuda_copy_ceiling
        return self._measured((device, "copy"), measure)

    def _measured(self, key: tuple[str, str], measure: Callable[[], Ceiling]) -> Ceiling:
        if key not in self._found:
            self._found[key] = measure()
        return self._found[key]


def _on_card(precision: str, threads: int) -> Ceiling:
    return cuda_product_ceiling(precision)


def roof_of(style: StyleFile, spec: EngineSpec, p50_ms: float, ceilings: Ceilings) -> Roof:
    """The roofline of an engine; ImpastoError where no ceiling of its device can be measured, or no cost be counted."""
    rewritten, plain = net_costs(style, spec.height, spec.width)
    precision, product = ceilings.product(spec.device, spec.precision)
    copy = ceilings.copy(spec.device)
    floor = Floor.of(rewritten, spec.precision, product, copy)
    return Roof(rewritten, plain, floor, p50_ms, product, copy, precision)


def net_costs(style: StyleFile, height: int, width: int) -> tuple[NetCost, NetCost]:
    """The cost of the style file's graph and of the plain one, for a frame of that size."""
    return style_cost(style, height, width), cost_of_graph(style, reference_model(style), height, width)


def distinct_ceilings(roofs: Iterable[Roof]) -> list[Ceiling]:
    """Every ceiling that a roof stands on, once."""
    return list(dict.fromkeys(ceiling for roof in roofs for ceiling in (roof.product, roof.copy)))
