"""NV12, the planes in which video chips decode and encode, to RGB and back, on the GPU where the frames lie.

The functions here are the specification, written in torch's own operations: they run on any device and say what the
Triton kernels of `nv12_triton` compute in one pass over the memory. CUDA tensors go through those kernels where Triton
can compile them, with the same result. Equations: ITU-T H.273, 23 to 28 and 38 to 46; chroma positions: ITU-T H.264,
figure E-1.
"""

from functools import cache

import torch
from torch import Tensor

from engines.kernels.compilers import find_compilers
from engines.kernels.nv12_colour import Nv12Colour, Row


@cache
def has_kernels() -> bool:
    """Whether Triton can compile them; else CUDA tensors go through torch's own operations, to the same result."""
    return not find_compilers().missing


def nv12_to_rgb(luma: Tensor, chroma: Tensor, colour: Nv12Colour) -> Tensor:
    """RGB uint8 [H, W, 3] of luma uint8 [H, W] and chroma uint8 [ceil(H/2), ceil(W/2), 2]; rows may have a pitch.

    Chroma is interpolated linearly; one row or column short (as decoders give odd sizes) its last one is repeated.
    ValueError where shapes or types do not fit.
    """
    _check_planes(luma, chroma)
    if luma.is_cuda and has_kernels():
        from engines.kernels.nv12_triton import nv12_to_rgb_kernel

        return nv12_to_rgb_kernel(luma, chroma, colour)
    return nv12_to_rgb_reference(luma, chroma, colour)


def rgb_to_nv12(rgb: Tensor, colour: Nv12Colour, *, even: bool = True) -> tuple[Tensor, Tensor]:
    """Luma uint8 [H, W] and chroma uint8 [ceil(H/2), ceil(W/2), 2] of RGB uint8 [H, W, 3].

    Both lie in one block of memory, chroma after luma with the same pitch, as hardware encoders want it. With `even` an
    odd last row or column is repeated in luma. ValueError where the shape or type does not fit.
    """
    _check_rgb(rgb)
    luma, chroma = _new_planes(rgb, even=even)
    if rgb.is_cuda and has_kernels():
        from engines.kernels.nv12_triton import rgb_to_nv12_kernel

        rgb_to_nv12_kernel(rgb.contiguous(), luma, chroma, colour)
    else:
        wanted = rgb_to_nv12_reference(rgb, colour, even=even)
        luma.copy_(wanted[0])
        chroma.copy_(wanted[1])
    return luma, chroma


def nv12_to_rgb_reference(luma: Tensor, chroma: Tensor, colour: Nv12Colour) -> Tensor:
    """`nv12_to_rgb` in torch's operations, in float32."""
    height, width = luma.shape
    wide = _doubled(chroma.float(), 1, width, left=colour.left)
    cb, cr = _doubled(wide, 0, height, left=False).unbind(-1)
    y = luma.float()
    return torch.stack([_rounded(y * a + cb * b + cr * c + d) for a, b, c, d in colour.to_rgb()], dim=-1)


def rgb_to_nv12_reference(rgb: Tensor, colour: Nv12Colour, *, even: bool = True) -> tuple[Tensor, Tensor]:
    """`rgb_to_nv12` in torch's operations, in float32."""
    height, width = rgb.shape[:2]
    padded = _clamped(rgb, 0, torch.arange(height + height % 2, device=rgb.device))
    padded = _clamped(padded, 1, torch.arange(width + width % 2, device=rgb.device)).float()
    luma_row, *chroma_rows = colour.from_rgb()
    rows = (padded[0::2] + padded[1::2]) * 0.5
    mean = _halved_left(rows) if colour.left else (rows[:, 0::2] + rows[:, 1::2]) * 0.5
    luma = _weighted(padded, luma_row)
    if not even:
        luma = luma[:height, :width]
    return luma, torch.stack([_weighted(mean, row) for row in chroma_rows], dim=-1)


def _halved_left(rows: Tensor) -> Tensor:
    """Every second column: half of its own and a quarter of each neighbour's, so that nothing moves sideways."""
    odd = rows[:, 1::2]
    before = torch.cat([rows[:, :1], odd[:, :-1]], dim=1)
    return rows[:, 0::2] * 0.5 + (before + odd) * 0.25


def _doubled(plane: Tensor, axis: int, length: int, *, left: bool) -> Tensor:
    """Linear interpolation along an axis to `length` samples, two for each one of the plane."""
    at = torch.arange(length, device=plane.device)
    odd = at % 2
    near, far = _clamped(plane, axis, at // 2), _clamped(plane, axis, at // 2 + 2 * odd - 1)
    share = odd * 0.5 if left else torch.full_like(at, 0.25, dtype=torch.float32)
    share = share.reshape([-1 if dimension == axis else 1 for dimension in range(plane.ndim)])
    return near + (far - near) * share


def _clamped(plane: Tensor, axis: int, at: Tensor) -> Tensor:
    """The samples at these places, those beyond an edge taken from the edge."""
    return plane.index_select(axis, at.clamp(0, plane.shape[axis] - 1))


def _weighted(pixels: Tensor, row: Row) -> Tensor:
    red, green, blue = pixels.unbind(-1)
    a, b, c, d = row
    return _rounded(red * a + green * b + blue * c + d)


def _rounded(values: Tensor) -> Tensor:
    return (values + 0.5).floor().clamp(0, 255).to(torch.uint8)


PITCH_BYTES = 256  # to which rows of planes are aligned


def _new_planes(rgb: Tensor, *, even: bool) -> tuple[Tensor, Tensor]:
    height, width = rgb.shape[:2]
    half_height, half_width = (height + 1) // 2, (width + 1) // 2
    if even:
        height, width = 2 * half_height, 2 * half_width
    pitch = -(-2 * half_width // PITCH_BYTES) * PITCH_BYTES
    block = torch.empty((height + half_height, pitch), dtype=torch.uint8, device=rgb.device)
    return block[:height, :width], block[height:, : 2 * half_width].unflatten(1, (half_width, 2))  # type: ignore[no-untyped-call]


def _check_planes(luma: Tensor, chroma: Tensor) -> None:
    if luma.dtype != torch.uint8 or chroma.dtype != torch.uint8 or luma.ndim != 2 or chroma.ndim != 3:
        raise ValueError(f"NV12 is uint8 [H, W] and [H/2, W/2, 2], not {_kind(luma)} and {_kind(chroma)}")
    wanted = [((side + 1) // 2, side // 2 or 1) for side in luma.shape]
    fits = all(found in sizes for found, sizes in zip(chroma.shape, wanted, strict=False))
    if not fits or chroma.shape[2] != 2 or luma.device != chroma.device:
        raise ValueError(f"chroma {_kind(chroma)} does not belong to luma {_kind(luma)}")


def _check_rgb(rgb: Tensor) -> None:
    if rgb.dtype != torch.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"the picture is {_kind(rgb)}; uint8 [H, W, 3] is wanted")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)} on {tensor.device}"
