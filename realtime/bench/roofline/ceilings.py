"""What the device can do at most, measured: matrix products a second, and bytes copied a second.

The roofline of Williams et al. 2009 (doi 10.1145/1498765.1498785): no net can take less time than its products at the
first rate, nor less than its bytes at the second. A measured ceiling is what this machine gives now, to us; what its
maker promises is higher.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engines.errors import ImpastoError, in_one_line
from engines.failures import any_failure_as
from engines.packages import import_openvino, needing_extra

SIDE = 1536
PIXELS_A_ROW = 48
SIDE_CUDA = 8192
COPY_MIB = 128
COPY_MIB_CUDA = 1024
SECONDS_PER_CEILING = 1.5
LEAST_RUNS = 4
MIB = 2**20
LEVELS = 256


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The best of several runs, `unit` a second: operations (FLOP, two for a multiply-add) or bytes (B)."""

    per_second: float
    unit: str
    how: str


def product_ceiling(precision: str, threads: int) -> Ceiling:
    """Operations a second of matrix products on the processor; ImpastoError where it has no such precision.

    The same product is tried in several ways: runtimes do not have their fastest kernel for each.
    """

    def told(error: Exception) -> str:
        return f"no {precision} matrix product by OpenVINO here ({in_one_line(error)})"

    with any_failure_as(ImpastoError, told):
        openvino = import_openvino()
        _check_offered(openvino, precision)
        found = [
            _openvino_product(openvino, how, precision, threads, model(openvino, quantised=precision == "int8"))
            for how, model in (("matmul", _product_model), ("1x1 convolution", _pointwise_model))
        ]
    if precision == "fp32" and threads == 0:
        found.append(_numpy_product())
    return max(found, key=lambda ceiling: ceiling.per_second)


def copy_ceiling(threads: int) -> Ceiling:
    """Bytes a second, read and written, while all threads copy arrays that fit into no cache."""
    source = np.ones(COPY_MIB * MIB, np.uint8)
    target = np.zeros_like(source)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        seconds = best_seconds(lambda: list(pool.map(lambda part: np.copyto(part[1], part[0]), parts)))
    how = f"numpy.copyto of {COPY_MIB} MiB on {threads} threads, read and written"
    return Ceiling(2 * source.nbytes / seconds, "B", how)


def cuda_product_ceiling(precision: str) -> Ceiling:
    """The same on a CUDA card, by torch; ImpastoError where there is none."""
    torch = _torch_with_cuda()
    kinds = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    if precision not in kinds:
        raise ImpastoError(f"torch.matmul has no {precision} on CUDA")
    left, right = (torch.randn(SIDE_CUDA, SIDE_CUDA, device="cuda", dtype=kinds[precision]) for _ in range(2))
    product = torch.empty_like(left)
    seconds = best_seconds(partial(_synchronised, torch, lambda: torch.matmul(left, right, out=product)))
    return Ceiling(2 * SIDE_CUDA**3 / seconds, "FLOP", f"torch.matmul {precision} of {SIDE_CUDA}x{SIDE_CUDA}")


def cuda_copy_ceiling() -> Ceiling:
    """Bytes a second, read and written, in the card's own memory."""
    torch = _torch_with_cuda()
    source = torch.ones(COPY_MIB_CUDA * MIB, device="cuda", dtype=torch.uint8)
    target = torch.empty_like(source)
    seconds = best_seconds(partial(_synchronised, torch, lambda: target.copy_(source)))
    return Ceiling(
        2 * source.numel() / seconds, "B", f"torch copy of {COPY_MIB_CUDA} MiB on the card, read and written"
    )


def best_seconds(work: Callable[[], object]) -> float:
    """The least time of one run after a first that does not count: a ceiling is what was reached, not the average."""
    work()
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - started < SECONDS_PER_CEILING:
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return min(times)


def _check_offered(openvino: Any, precision: str) -> None:
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision.replace("fp", "FP").replace("bf", "BF").replace("int", "INT") not in capabilities:
        raise ValueError(f"the processor offers {', '.join(capabilities)}")


def _openvino_product(openvino: Any, how: str, precision: str, threads: int, model: Any) -> Ceiling:
    hint = {"bf16": "bf16", "fp16": "f16"}.get(precision, "f32")
    settings = {"INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": "1"}
    settings |= {"INFERENCE_NUM_THREADS": str(threads)} if threads else {}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(_random(*model.input(0).shape)))
    return Ceiling(2 * SIDE**3 / best_seconds(request.infer), "FLOP", f"OpenVINO {how} {precision} of {SIDE}x{SIDE}")


def _product_model(openvino: Any, *, quantised: bool) -> Any:
    """x · weights; with fake quantisation on both sides the runtime takes its int8 kernel where it has one."""
    opset = openvino.opset13
    x, weights = opset.parameter([SIDE, SIDE], np.float32), opset.constant(_random(SIDE, SIDE))
    left, right = (_quantised(opset, side) if quantised else side for side in (x, weights))
    return openvino.Model([opset.matmul(left, right, False, True)], [x], "product")


def _pointwise_model(openvino: Any, *, quantised: bool) -> Any:
    """The same product as a convolution of one pixel: SIDE channels in and out, SIDE pixels."""
    opset = openvino.opset13
    rows = SIDE // PIXELS_A_ROW
    x = opset.parameter([1, SIDE, rows, PIXELS_A_ROW], np.float32)
    weights = opset.constant(_random(SIDE, SIDE, 1, 1))
    left, right = (_quantised(opset, side) if quantised else side for side in (x, weights))
    product = opset.convolution(left, right, [1, 1], [0, 0], [0, 0], [1, 1])
    return openvino.Model([product], [x], "pointwise")


def _quantised(opset: Any, value: Any) -> Any:
    least, most = (opset.constant(np.float32(bound)) for bound in (-1.28, 1.27))
    return opset.fake_quantize(value, least, most, least, most, LEVELS)


def _numpy_product() -> Ceiling:
    left, right = _random(SIDE, SIDE), _random(SIDE, SIDE)
    product = np.empty_like(left)
    seconds = best_seconds(lambda: np.matmul(left, right, out=product))
    return Ceiling(2 * SIDE**3 / seconds, "FLOP", f"numpy.matmul fp32 of {SIDE}x{SIDE}")


def _random(*shape: int) -> np.ndarray:
    drawn: np.ndarray = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return drawn


def _torch_with_cuda() -> Any:
    with needing_extra("train", "the ceiling of a card"):
        import torch

    if not torch.cuda.is_available():
        raise ImpastoError("torch finds no CUDA card here")
    return torch


def _synchronised(torch: Any, work: Callable[[], object]) -> None:
    """A card's work is done when it says so, not when it was handed over."""
    work()
    torch.cuda.synchronize()
