"""The sink that keeps nothing, and what it reads in passing."""

import time
from fractions import Fraction

import numpy as np
import pytest

from engines.errors import ImpastoError
from realtime.frames.frame import Frame
from realtime.frames.request import SinkRequest
from realtime.frames.time_code import PERIOD_SECONDS, UNIT_SECONDS, stamp
from realtime.live.openers import open_sink
from realtime.sinks.null import NullSink

REQUEST = SinkRequest(size=(320, 180), frame_rate=Fraction(30))


def coded_frame(seconds: float) -> Frame:
    pixels = np.full((180, 320, 3), 90, np.uint8)
    stamp(pixels, seconds)
    return Frame(pixels, 0.0, 0.0)


def test_it_tells_how_old_each_picture_is() -> None:
    ages: list[float] = []
    sink = NullSink(ages.append)
    before = time.perf_counter()
    for age in (0.050, 1.5):
        sink.write(coded_frame(time.perf_counter() - age))
    passed = time.perf_counter() - before
    assert sink.frames == len(ages) == 2
    for told, age in zip(ages, (0.050, 1.5), strict=True):
        assert age - UNIT_SECONDS <= told <= age + passed + UNIT_SECONDS


@pytest.mark.parametrize("age", [120.0, -90.0, PERIOD_SECONDS / 2])
def test_a_code_that_cannot_be_true_is_passed_over(age: float) -> None:
    ages: list[float] = []
    NullSink(ages.append).write(coded_frame(time.perf_counter() - age))
    assert not ages


def test_a_picture_without_a_code_is_counted_alone() -> None:
    ages: list[float] = []
    sink = NullSink(ages.append)
    sink.write(Frame(np.zeros((180, 320, 3), np.uint8), 0.0, 0.0))
    assert (sink.frames, ages) == (1, [])


def test_it_is_found_by_its_scheme() -> None:
    sink = open_sink("null:", REQUEST)
    assert isinstance(sink, NullSink)
    assert sink.on_code is None
    sink.close()
    with pytest.raises(ImpastoError, match="takes nothing after the colon"):
        open_sink("null:x", REQUEST)
