"""The processor taken for one that multiplies bf16, or for one that does not, whatever it is.

Where bf16 exists it is what `auto` takes. So the suite runs both ways on every machine: what is faked is the flags that
engines/machine.py reads, what OpenVINO says that it can do, and, where the processor has no bf16, the rounding of it
(bf16_rounding.py). Processes that are started meanwhile pretend the same (child_start/sitecustomize.py).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bf16_rounding import round_as_bf16

from engines import machine as cpu
from engines import packages as openvino_package
from engines.backends import registry

PRECISIONS = ("fp32", "bf16")
VARIABLE = "PRETENDED_PRECISION"
HERE = Path(__file__).parent
CHILD_START = HERE / "child_start"
BF16_FLAG = {"flags": "avx512_bf16", "Features": "bf16"}
HINT, CAPABILITIES = "INFERENCE_PRECISION_HINT", "OPTIMIZATION_CAPABILITIES"


@contextmanager
def pretended(precision: str) -> Iterator[None]:
    """As long as it lasts, `auto` takes this precision on the processor: "bf16" or "fp32"."""
    import pytest  # here, for the processes that are started do without

    with pytest.MonkeyPatch.context() as patch:
        pretend(precision, patch.setattr)
        registry.processor.cache_clear()
        patch.setenv(VARIABLE, precision)
        patch.syspath_prepend(CHILD_START)  # processes that build engines get sys.path
        above = os.environ.get("PYTHONPATH")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(CHILD_START), str(HERE), *([above] if above else [])]))
        yield
    registry.processor.cache_clear()


def pretend(precision: str, replace: Callable[[Any, str, Any], None]) -> None:
    """Lets this process see such a processor."""
    openvino, bf16 = openvino_package.import_openvino(), precision == "bf16"
    replace(cpu, "_field", _faked_field(cpu._field, bf16=bf16))
    replace(openvino, "Core", _faked_core(openvino.Core, bf16=bf16))


def pretend_from_the_start(precision: str) -> None:
    """The same in a process that has loaded nothing yet, and may never load OpenVINO."""
    bf16, load = precision == "bf16", openvino_package.import_openvino
    cpu._field = _faked_field(cpu._field, bf16=bf16)

    @cache
    def import_openvino() -> Any:
        openvino = load()
        openvino.Core = _faked_core(openvino.Core, bf16=bf16)
        return openvino

    openvino_package.import_openvino = import_openvino


def _faked_field(real: Any, *, bf16: bool) -> Any:
    """`engines.machine._field` with the flag of bf16 in the line of flags, or without any."""

    def field(name: str) -> str:
        found: str = real(name)
        if not found or name not in BF16_FLAG or bf16 == (not cpu.MULTIPLY_BF16.isdisjoint(found.split())):
            return found
        others = [flag for flag in found.split() if flag not in cpu.MULTIPLY_BF16]
        return " ".join([*others, *([BF16_FLAG[name]] if bf16 else [])])

    return field


def _faked_core(real: Any, *, bf16: bool) -> Any:
    """openvino.Core as on such a processor, where it computes in bf16 unless it is told otherwise.

    Pretences may lie in one another, so each asks what it wraps, and nothing by a name that another has too.
    """

    def has_bf16(core: Any) -> bool:
        return "BF16" in real.get_property(core, "CPU", CAPABILITIES)

    def possible(core: Any, settings: dict[str, Any]) -> dict[str, Any]:
        """With the precision named in which it does compute, where that is fp32 only because of the pretence."""
        wanted = _named(settings.get(HINT, "bf16" if has_bf16(core) else ""))
        return settings | ({HINT: "f32"} if wanted == "bf16" and not (bf16 and has_bf16(core)) else {})

    class PretendingCore(real):  # type: ignore[misc]
        def get_property(self, *arguments: Any) -> Any:
            found = super().get_property(*arguments)
            if arguments[-1] != CAPABILITIES:
                return found
            return [name for name in found if name != "BF16"] + ["BF16"] * bf16

        def compile_model(self, model: Any, device_name: Any = None, config: Any = None, **more: Any) -> Any:
            settings = dict(config or {})
            if bf16 and not has_bf16(self) and _named(settings.get(HINT, "bf16")) == "bf16":
                model = round_as_bf16(model.clone() if hasattr(model, "clone") else self.read_model(model))
            return super().compile_model(model, device_name, possible(self, settings), **more)

        def import_model(self, stream: Any, device_name: Any, config: Any = None) -> Any:
            return super().import_model(stream, device_name, possible(self, dict(config or {})))

    return PretendingCore


def _named(hint: Any) -> str:
    """A precision by its short name, given as that or as a type."""
    return hint if isinstance(hint, str) else str(hint.to_string())
