"""Ceilings are measured where the device has such products, and said to be missing in a line where it has not."""

from types import SimpleNamespace

import pytest

from engines.errors import ImpastoError
from realtime.bench.options import BenchOptions
from realtime.bench.roofline import ceilings
from realtime.bench.roofline.ceilings import (
    Ceiling,
    copy_ceiling,
    cuda_copy_ceiling,
    cuda_product_ceiling,
    product_ceiling,
)
from realtime.bench.roofline.roofline import Ceilings


def test_the_first_run_does_not_count_and_the_best_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only work moves: the first run is the shortest and must not be taken for a ceiling."""
    clock, lengths = [0.0], iter([0.1, 3.0, 2.0, 5.0, 4.0, 9.0])

    def work() -> None:
        clock[0] += next(lengths)

    monkeypatch.setattr(ceilings, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert ceilings.best_seconds(work) == pytest.approx(2.0)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate of the right order is enough here."""
    monkeypatch.setattr(ceilings, "SECONDS_PER_CEILING", 0.0)
    monkeypatch.setattr(ceilings, "SIDE", 768)
    monkeypatch.setattr(ceilings, "COPY_MIB", 16)


@pytest.mark.usefixtures("short")
def test_a_copy_has_a_rate() -> None:
    ceiling = copy_ceiling(2)
    assert ceiling.unit == "B"
    assert 1e8 < ceiling.per_second < 1e13
    assert "2 threads" in ceiling.how


def test_a_precision_that_no_processor_has_is_refused() -> None:
    with pytest.raises(ImpastoError, match="no fp8 matrix product"):
        product_ceiling("fp8", 0)


@pytest.mark.usefixtures("short")
def test_each_ceiling_is_measured_once_and_another_precision_stands_in() -> None:
    found = Ceilings(BenchOptions(threads=1))
    precision, ceiling = found.product("CPU", "fp8")
    assert precision == "fp32"
    assert ceiling.unit == "FLOP"
    assert "fp32" in ceiling.how
    assert found.product("CPU", "fp32")[1] is ceiling


def test_without_a_card_there_is_no_ceiling_of_one() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        assert isinstance(cuda_product_ceiling("fp16"), Ceiling)
        return
    for measure in (cuda_copy_ceiling, lambda: cuda_product_ceiling("fp16")):
        with pytest.raises(ImpastoError, match="no CUDA card"):
            measure()
    with pytest.raises(ImpastoError, match="no matrix product of GPU"):
        Ceilings(BenchOptions()).product("GPU", "int8")
