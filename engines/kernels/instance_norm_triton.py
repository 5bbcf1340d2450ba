"""The norm between two convolutions as three small Triton kernels: partial moments, moments, and one pass that writes.

torch needs a pass for each of the norm's parts, the ReLU, the sum and the padding, and more to turn NHWC to NCHW and
back. Here a map is read twice, once for its statistics, and written once, which is the least beside convolutions that
are not ours. The last pass also undoes the blocks of a folded convolution and writes those of the next
(instance_norm.py).

The moments are right however far the mean lies from zero: each tile is centred on its own mean before it is squared,
and tiles and parts are joined by Chan, Golub and LeVeque's rule (1983, The American Statistician 37).

The kernels run on NVIDIA's GPUs and, with TRITON_INTERPRET=1, on the CPU, where the tests compare them with float64.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, import-not-found, import-untyped, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from engines.kernels.instance_norm import MapLayout, NormPass

TILE = 4096
MOST_CHANNELS = 128
# Parts of a map: enough to fill the largest GPUs several times over, few enough to be joined by one program.
MOST_PARTS = 512
LEAST_PIXELS_IN_PART = 256
PARTS_AT_ONCE = 32


@triton.jit
def _pixel(row, column, columns, FOLD: tl.constexpr, RIM: tl.constexpr):  # noqa: N803
    """The place of a map's pixel in its buffer, counted in pixels; `columns` blocks lie in a row of the buffer."""
    row += RIM
    column += RIM
    place = (row % FOLD) * FOLD + column % FOLD
    return ((row // FOLD) * columns + column // FOLD) * (FOLD * FOLD) + place


@triton.jit
def _inside(row, length, EDGE: tl.constexpr):  # noqa: N803
    """The row of the map that a row of the rim repeats."""
    if EDGE:
        row = tl.minimum(tl.maximum(row, 0), length - 1)
    else:
        row = tl.where(row < 0, -row, row)
        row = tl.where(row < length, row, 2 * (length - 1) - row)
    return row


@triton.jit
def _partial_moments(
    x_ptr, parts_ptr, height, width, columns, buffer_pixels, channels, part_pixels,
    FOLD: tl.constexpr, RIM: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Mean and sum of squared deviations of each channel over the pixels of one part: parts [N, parts, 2, C]."""
    part, picture = tl.program_id(0), tl.program_id(1)
    channel = tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS)
    x_ptr += picture.to(tl.int64) * buffer_pixels * channels
    first = part * part_pixels
    last = tl.minimum(first + part_pixels, height * width)
    mean = tl.zeros([CHANNELS], tl.float32)
    squares = tl.zeros([CHANNELS], tl.float32)
    count = 0.0
    for start in range(first, last, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        mask = (pixel < last)[:, None] & (channel < channels)[None, :]
        at = _pixel(pixel // width, pixel % width, columns, FOLD, RIM).to(tl.int64) * channels
        value = tl.load(x_ptr + at[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
        number = tl.minimum(last - start, PIXELS).to(tl.float32)
        tile_mean = tl.sum(value, 0) / number
        away = tl.where(mask, value - tile_mean[None, :], 0.0)
        step = tile_mean - mean
        total = count + number
        mean += step * (number / total)
        squares += tl.sum(away * away, 0) + step * step * (count * number / total)
        count = total
    parts_ptr += (picture * tl.num_programs(0) + part) * 2 * channels
    tl.store(parts_ptr + channel, mean, mask=channel < channels)
    tl.store(parts_ptr + channels + channel, squares, mask=channel < channels)


@triton.jit
def _moments(
    parts_ptr, moments_ptr, scale_ptr, epsilon_ptr, pixels, channels, parts, part_pixels,
    PARTS: tl.constexpr, CHANNELS: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Joins the parts: moments [N, 2, C], the mean and scale/√(variance + ε)."""
    picture = tl.program_id(0)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    live = channel < channels
    parts_ptr += picture * parts * 2 * channels
    weighted = tl.zeros([CHANNELS], tl.float32)
    for start in range(0, parts, PARTS):
        part = start + tl.arange(0, PARTS)
        mask = (part < parts)[:, None] & live[None, :]
        number = tl.minimum(pixels - part * part_pixels, part_pixels).to(tl.float32)
        means = tl.load(parts_ptr + part[:, None] * 2 * channels + channel[None, :], mask=mask, other=0.0)
        weighted += tl.sum(means * (number / pixels)[:, None], 0)
    squares = tl.zeros([CHANNELS], tl.float32)
    for start in range(0, parts, PARTS):
        part = start + tl.arange(0, PARTS)
        mask = (part < parts)[:, None] & live[None, :]
        number = tl.minimum(pixels - part * part_pixels, part_pixels).to(tl.float32)
        at = parts_ptr + part[:, None] * 2 * channels + channel[None, :]
        away = tl.load(at, mask=mask, other=0.0) - weighted[None, :]
        own = tl.load(at + channels, mask=mask, other=0.0)
        squares += tl.sum(tl.where(mask, own + away * away * number[:, None], 0.0), 0)
    variance = squares / pixels
    scale = tl.load(scale_ptr + channel, mask=live, other=0.0)
    epsilon = tl.load(epsilon_ptr + channel, mask=live, other=1.0)
    moments_ptr += picture * 2 * channels
    tl.store(moments_ptr + channel, weighted, mask=live)
    tl.store(moments_ptr + channels + channel, scale / tl.sqrt(variance + epsilon), mask=live)


@triton.jit
def _write(
    x_ptr, out_ptr, moments_ptr, shift_ptr, residual_ptr, height, width, channels, x_columns, x_pixels,
    out_columns, out_pixels, residual_columns, residual_pixels,
    RELU: tl.constexpr, ADD: tl.constexpr, X_FOLD: tl.constexpr, X_RIM: tl.constexpr,  # noqa: N803
    FOLD: tl.constexpr, RIM: tl.constexpr, EDGE: tl.constexpr,  # noqa: N803
    RESIDUAL_FOLD: tl.constexpr, RESIDUAL_RIM: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Every pixel of the target buffer in the order of memory, its rim included."""
    picture = tl.program_id(1).to(tl.int64)
    channel = tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS)
    live = channel < channels
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    mask = (pixel < out_pixels)[:, None] & live[None, :]
    block, place = pixel // (FOLD * FOLD), pixel % (FOLD * FOLD)
    row = _inside((block // out_columns) * FOLD + place // FOLD - RIM, height, EDGE)
    column = _inside((block % out_columns) * FOLD + place % FOLD - RIM, width, EDGE)
    source = (picture * x_pixels + _pixel(row, column, x_columns, X_FOLD, X_RIM)) * channels
    value = tl.load(x_ptr + source[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
    mean = tl.load(moments_ptr + picture * 2 * channels + channel, mask=live, other=0.0)
    factor = tl.load(moments_ptr + picture * 2 * channels + channels + channel, mask=live, other=0.0)
    shift = tl.load(shift_ptr + channel, mask=live, other=0.0)
    value = (value - mean[None, :]) * factor[None, :] + shift[None, :]
    if RELU:
        value = tl.maximum(value, 0.0)
    if ADD:
        beside = _pixel(row, column, residual_columns, RESIDUAL_FOLD, RESIDUAL_RIM)
        beside = (picture * residual_pixels + beside) * channels
        value += tl.load(residual_ptr + beside[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
    target = (picture * out_pixels + pixel) * channels
    tl.store(out_ptr + target[:, None] + channel[None, :], value.to(out_ptr.dtype.element_ty), mask=mask)


@torch.library.custom_op("impasto::styled_norm", mutates_args=())
def styled_norm(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: Tensor, residual: Tensor | None, relu: bool, measures: bool,
    source: list[int], target: list[int], residual_layout: list[int],
) -> Tensor:  # fmt: skip
    """One pass as an operation of torch, so that torch.compile takes it as it is; layouts are [fold, rim, edge]."""
    into, out_of, beside = _layout(target), _layout(source), _layout(residual_layout)
    height, width, channels = out_of.size(x)
    x = x.contiguous()
    residual = None if residual is None else residual.contiguous()
    out = x.new_empty(into.shape(len(x), height, width, channels))
    in_tile = min(triton.next_power_of_2(channels), MOST_CHANNELS)
    pixels, groups = TILE // in_tile, triton.cdiv(channels, in_tile)
    if measures:
        moments = _moments_of(x, scale.contiguous(), epsilon.contiguous(), out_of, in_tile)
    else:
        moments = torch.stack([torch.zeros_like(scale), scale]).repeat(len(x), 1, 1)
    out_pixels = out[0].numel() // channels
    _write[(triton.cdiv(out_pixels, pixels), len(x), groups)](
        x, out, moments, shift.contiguous(), x if residual is None else residual, height, width, channels,
        x.shape[2], x[0].numel() // channels, out.shape[2], out_pixels,
        0 if residual is None else residual.shape[2], 0 if residual is None else residual[0].numel() // channels,
        RELU=relu, ADD=residual is not None, X_FOLD=out_of.fold, X_RIM=out_of.rim,
        FOLD=into.fold, RIM=into.rim, EDGE=into.edge,
        RESIDUAL_FOLD=beside.fold, RESIDUAL_RIM=beside.rim, PIXELS=pixels, CHANNELS=in_tile,
        enable_fp_fusion=True,
    )  # fmt: skip
    return out


@styled_norm.register_fake
def _styled_norm_shape(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: Tensor, residual: Tensor | None, relu: bool, measures: bool,
    source: list[int], target: list[int], residual_layout: list[int],
) -> Tensor:  # fmt: skip
    return x.new_empty(_layout(target).shape(len(x), *_layout(source).size(x)))


def triton_norm(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: Tensor, residual: Tensor | None, step: NormPass
) -> Tensor:
    """As `instance_norm.torch_norm`, by the kernels; scale, shift and epsilon in fp32."""
    layouts = [[each.fold, each.rim, int(each.edge)] for each in (step.source, step.target, step.residual)]
    found: Tensor = styled_norm(x, scale, shift, epsilon, residual, step.relu, step.measures, *layouts)
    return found


def _layout(values: list[int]) -> MapLayout:
    fold, rim, edge = values
    return MapLayout(fold, rim, bool(edge))


def _moments_of(x: Tensor, scale: Tensor, epsilon: Tensor, layout: MapLayout, in_tile: int) -> Tensor:
    """float32 [N, 2, C]: the mean of each channel, and scale/√(variance + ε)."""
    height, width, channels = layout.size(x)
    pixels = height * width
    part_pixels = triton.cdiv(pixels, max(1, min(MOST_PARTS, pixels // LEAST_PIXELS_IN_PART)))
    parts, groups = triton.cdiv(pixels, part_pixels), triton.cdiv(channels, in_tile)
    partial = torch.empty((len(x), parts, 2, channels), dtype=torch.float32, device=x.device)
    moments = torch.empty((len(x), 2, channels), dtype=torch.float32, device=x.device)
    _partial_moments[(parts, len(x), groups)](
        x, partial, height, width, x.shape[2], x[0].numel() // channels, channels, part_pixels,
        FOLD=layout.fold, RIM=layout.rim, PIXELS=TILE // in_tile, CHANNELS=in_tile, enable_fp_fusion=True,
    )  # fmt: skip
    _moments[(len(x), groups)](
        partial, moments, scale, epsilon, pixels, channels, parts, part_pixels,
        PARTS=PARTS_AT_ONCE, CHANNELS=in_tile, enable_fp_fusion=True,
    )  # fmt: skip
    return moments
