"""NV12 to RGB and back in Triton: each picture is read once and written once.

`engines.kernels.nv12` is the specification and calls these for CUDA tensors; with TRITON_INTERPRET=1 they run on the
CPU, which is how the tests compare them with it.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, import-not-found, import-untyped, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from engines.kernels.nv12_colour import Nv12Colour

COLUMNS = 256  # pixels of a row, or chroma samples, to a program


def nv12_to_rgb_kernel(luma: Tensor, chroma: Tensor, colour: Nv12Colour) -> Tensor:
    """`nv12_to_rgb`, queued on the current stream; the planes must live until it is done.

    Products are not fused with sums, here and below, so that every GPU rounds as the specification does.
    """
    height, width = luma.shape
    rgb = torch.empty((height, width, 3), dtype=torch.uint8, device=luma.device)
    (r, g, b) = colour.to_rgb()
    grid = (height, triton.cdiv(width, COLUMNS))
    _nv12_to_rgb[grid](
        luma, chroma, rgb, width, chroma.shape[0], chroma.shape[1], luma.stride(0), chroma.stride(0),
        *r, *g, *b, left=colour.left, columns=COLUMNS, enable_fp_fusion=False,
    )  # fmt: skip
    return rgb


def rgb_to_nv12_kernel(rgb: Tensor, luma: Tensor, chroma: Tensor, colour: Nv12Colour) -> None:
    """`rgb_to_nv12` into planes of the caller, whose shapes say whether odd sizes become even."""
    (y, u, v) = colour.from_rgb()
    grid = (chroma.shape[0], triton.cdiv(chroma.shape[1], COLUMNS))
    _rgb_to_nv12[grid](
        rgb, luma, chroma, rgb.shape[0], rgb.shape[1], luma.shape[0], luma.shape[1], luma.stride(0), chroma.stride(0),
        *y, *u, *v, left=colour.left, columns=COLUMNS, enable_fp_fusion=False,
    )  # fmt: skip


@triton.jit
def _byte(value):
    return tl.clamp(tl.floor(value + 0.5), 0.0, 255.0).to(tl.uint8)


@triton.jit
def _chroma_row(chroma, row, pitch, near, far, share, inside, channel: tl.constexpr):
    """A row of chroma, interpolated sideways."""
    start = chroma + row * pitch + channel
    first = tl.load(start + near * 2, mask=inside, other=0).to(tl.float32)
    second = tl.load(start + far * 2, mask=inside, other=0).to(tl.float32)
    return first + (second - first) * share


@triton.jit
def _nv12_to_rgb(
    luma, chroma, rgb, width, chroma_rows, chroma_columns, luma_pitch, chroma_pitch,
    ry, ru, rv, rc, gy, gu, gv, gc, by, bu, bv, bc,
    left: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """A part of one row: luma, and chroma of the nearer row and of the one beyond, a quarter of that."""
    row = tl.program_id(0)
    column = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = column < width
    odd = column % 2
    near = tl.minimum(column // 2, chroma_columns - 1)
    far = tl.minimum(tl.maximum(column // 2 + 2 * odd - 1, 0), chroma_columns - 1)
    share = odd * 0.5 if left else odd * 0.0 + 0.25
    near_row = tl.minimum(row // 2, chroma_rows - 1)
    far_row = tl.minimum(tl.maximum(row // 2 + 2 * (row % 2) - 1, 0), chroma_rows - 1)
    near_u = _chroma_row(chroma, near_row, chroma_pitch, near, far, share, inside, 0)
    near_v = _chroma_row(chroma, near_row, chroma_pitch, near, far, share, inside, 1)
    far_u = _chroma_row(chroma, far_row, chroma_pitch, near, far, share, inside, 0)
    far_v = _chroma_row(chroma, far_row, chroma_pitch, near, far, share, inside, 1)
    u = near_u + (far_u - near_u) * 0.25
    v = near_v + (far_v - near_v) * 0.25
    y = tl.load(luma + row * luma_pitch + column, mask=inside, other=0).to(tl.float32)
    out = rgb + (row * width + column) * 3
    tl.store(out, _byte(y * ry + u * ru + v * rv + rc), mask=inside)
    tl.store(out + 1, _byte(y * gy + u * gu + v * gv + gc), mask=inside)
    tl.store(out + 2, _byte(y * by + u * bu + v * bv + bc), mask=inside)


@triton.jit
def _pixel(rgb, row, column, width, inside, channel: tl.constexpr):
    return tl.load(rgb + (row * width + column) * 3 + channel, mask=inside, other=0).to(tl.float32)


@triton.jit
def _store_luma(rgb, luma, row, column, source_row, source_column, width, pitch, yr, yg, yb, yc, inside):
    r = _pixel(rgb, source_row, source_column, width, inside, 0)
    g = _pixel(rgb, source_row, source_column, width, inside, 1)
    b = _pixel(rgb, source_row, source_column, width, inside, 2)
    tl.store(luma + row * pitch + column, _byte(r * yr + g * yg + b * yb + yc), mask=inside)


@triton.jit
def _mean(rgb, top, bottom, before, even, odd, width, inside, channel: tl.constexpr, left: tl.constexpr):
    """A channel's mean about a chroma sample: of four pixels, or with the columns 1 2 1 about the left one."""
    at_even = _pixel(rgb, top, even, width, inside, channel) + _pixel(rgb, bottom, even, width, inside, channel)
    at_odd = _pixel(rgb, top, odd, width, inside, channel) + _pixel(rgb, bottom, odd, width, inside, channel)
    if left:
        at_before = _pixel(rgb, top, before, width, inside, channel)
        at_before += _pixel(rgb, bottom, before, width, inside, channel)
        return at_even * 0.25 + (at_before + at_odd) * 0.125
    return (at_even + at_odd) * 0.25


@triton.jit
def _rgb_to_nv12(
    rgb, luma, chroma, height, width, luma_rows, luma_columns, luma_pitch, chroma_pitch,
    yr, yg, yb, yc, ur, ug, ub, uc, vr, vg, vb, vc,
    left: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """A part of one row of chroma, and the two rows of luma above it."""
    row = tl.program_id(0)
    sample = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = sample * 2 < width
    top, bottom = row * 2, tl.minimum(row * 2 + 1, height - 1)
    even, odd = sample * 2, tl.minimum(sample * 2 + 1, width - 1)
    before = tl.maximum(sample * 2 - 1, 0)
    r = _mean(rgb, top, bottom, before, even, odd, width, inside, 0, left)
    g = _mean(rgb, top, bottom, before, even, odd, width, inside, 1, left)
    b = _mean(rgb, top, bottom, before, even, odd, width, inside, 2, left)
    out = chroma + row * chroma_pitch + sample * 2
    tl.store(out, _byte(r * ur + g * ug + b * ub + uc), mask=inside)
    tl.store(out + 1, _byte(r * vr + g * vg + b * vb + vc), mask=inside)
    right = inside & (even + 1 < luma_columns)
    below = even * 0 + row * 2 + 1 < luma_rows
    _store_luma(rgb, luma, top, even, top, even, width, luma_pitch, yr, yg, yb, yc, inside)
    _store_luma(rgb, luma, top, even + 1, top, odd, width, luma_pitch, yr, yg, yb, yc, right)
    _store_luma(rgb, luma, top + 1, even, bottom, even, width, luma_pitch, yr, yg, yb, yc, inside & below)
    _store_luma(rgb, luma, top + 1, even + 1, bottom, odd, width, luma_pitch, yr, yg, yb, yc, right & below)
