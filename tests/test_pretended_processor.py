"""The processors that the tests pretend to have: what is seen of them, here and elsewhere, and their rounding."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bf16_rounding import nearest_bf16, round_as_bf16
from pretended_processor import pretended
from small_styles import random_frame

from engines.backends import registry
from engines.backends.registry import probe
from engines.errors import ImpastoError
from engines.machine import MULTIPLY_BF16, cpu_flags
from engines.packages import import_openvino
from realtime.bench.roofline.ceilings import product_ceiling

ROOT = Path(__file__).parents[1]
F32 = {"INFERENCE_PRECISION_HINT": "f32"}
TELL = "from engines.backends.registry import probe; state = probe('openvino'); print(state.precisions, state.hardware)"


def as_seen() -> str:
    state = probe("openvino")
    return f"{state.precisions} {state.hardware}"


def test_what_is_seen_is_what_auto_takes(auto_precision: str) -> None:
    has_bf16 = auto_precision == "bf16"
    assert probe("openvino").precisions == (("bf16", "fp32") if has_bf16 else ("fp32",))
    assert MULTIPLY_BF16.isdisjoint(cpu_flags().split()) != has_bf16


@pytest.mark.usefixtures("auto_precision")
def test_other_processes_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)]))
    done = subprocess.run([sys.executable, "-c", TELL], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (as_seen(), "")


def test_one_pretence_goes_in_another_and_nothing_stays() -> None:
    before, core = as_seen(), import_openvino().Core
    with pretended("bf16"):
        with_bf16 = as_seen()
        with pretended("fp32"):
            without = as_seen()
        assert as_seen() == with_bf16 != without
    assert as_seen() == before
    assert import_openvino().Core is core
    assert registry.processor() in before


def test_values_are_rounded_as_torch_rounds_them() -> None:
    values = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    values[:4] = 1 + np.array([1, 3, 5, 7], np.float32) / 256  # halfway: to even
    assert np.array_equal(nearest_bf16(values), torch.from_numpy(values).bfloat16().float().numpy())


def test_a_net_is_computed_in_fp32_of_what_was_rounded() -> None:
    """Bytes through a convolution and an addition, which is one kernel: its result alone is rounded."""
    openvino = import_openvino()
    from openvino import opset13

    random = np.random.default_rng(1)
    weights, shift = (random.standard_normal(shape).astype(np.float32) for shape in ((3, 3, 3, 3), (1, 3, 1, 1)))
    frame = random_frame(12, 16).transpose(2, 0, 1)[None]
    x = opset13.parameter(frame.shape, np.uint8)
    product = opset13.convolution(opset13.convert(x, "f32"), opset13.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    added = opset13.add(product, opset13.constant(shift))
    last = opset13.convolution(
        added, opset13.constant(np.eye(3, dtype="f4")[:, :, None, None]), [1, 1], *[[0, 0]] * 2, [1, 1]
    )
    model = openvino.Model([last], [x], "net")
    found = np.array(openvino.Core().compile_model(round_as_bf16(model), "CPU", F32)(frame)[0])
    rounded = torch.from_numpy(nearest_bf16(weights)).double()
    exact = torch.conv2d(torch.from_numpy(frame).double(), rounded) + torch.from_numpy(shift)
    wanted = nearest_bf16(exact.float().numpy())
    assert np.array_equal(found, nearest_bf16(found))
    assert (found == wanted).mean() > 0.99  # else a sum in fp32 was on the other side of a half
    assert np.abs(found / wanted - 1).max() < 2**-7


def convolution(value: Any, weights: np.ndarray) -> Any:
    from openvino import opset13

    return opset13.convolution(value, opset13.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])


def test_without_bf16_its_rate_cannot_be_measured() -> None:
    with pretended("fp32"), pytest.raises(ImpastoError, match="no bf16 matrix product"):
        product_ceiling("bf16", 1)
