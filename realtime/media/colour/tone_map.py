"""HDR to SDR: the colour table that turns PQ or HLG BT.2020 pictures into BT.709 ones.

PyAV's FFmpeg has no zscale, so its `tonemap` filter has no linear light to work on. A table for the `lut3d` filter does
the whole way at once: to display light, down to SDR's range by the curve of ITU-R BT.2390, to BT.709's primaries.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.media.colour.rgb import HLG_TRANSFER, PQ_TRANSFER

Array = NDArray[np.float64]

TABLE_SIZE = 33
SOURCE_PEAK_NITS = 1000.0  # what most HDR is graded to; brighter light is clipped
WHITE_NITS = 203.0  # HDR reference white (ITU-R BT.2408), which becomes SDR's peak
SDR_GAMMA = 2.4  # ITU-R BT.1886
BT2020_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])
PQ_M1, PQ_M2, PQ_C1, PQ_C2, PQ_C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
HLG_A, HLG_B, HLG_C, HLG_SYSTEM_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1.2


def pq_to_nits(signal: Array) -> Array:
    """Display light in cd/m² of a PQ signal 0..1 (ITU-R BT.2100, table 4)."""
    power = np.power(np.clip(signal, 0, 1), 1 / PQ_M2)
    return np.asarray(10000 * np.power(np.maximum(power - PQ_C1, 0) / (PQ_C2 - PQ_C3 * power), 1 / PQ_M1))


def nits_to_pq(nits: Array) -> Array:
    power = np.power(np.clip(nits, 0, 10000) / 10000, PQ_M1)
    return np.asarray(np.power((PQ_C1 + PQ_C2 * power) / (1 + PQ_C3 * power), PQ_M2))


def hlg_to_nits(signal: Array) -> Array:
    """Display light in cd/m² of HLG signals (..., 3) on a screen of 1000 cd/m² (ITU-R BT.2100, table 5)."""
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - HLG_C) / HLG_A) + HLG_B) / 12)
    luminance = np.maximum(scene @ BT2020_LUMA, 1e-9)[..., None]
    return np.asarray(SOURCE_PEAK_NITS * scene * luminance ** (HLG_SYSTEM_GAMMA - 1))


def compress(nits: Array) -> Array:
    """Light up to SOURCE_PEAK_NITS -> light up to WHITE_NITS: the EETF of ITU-R BT.2390, section 5.4.1."""
    peak = nits_to_pq(np.array(SOURCE_PEAK_NITS))
    signal = np.minimum(nits_to_pq(nits) / peak, 1)
    highest = nits_to_pq(np.array(WHITE_NITS)) / peak
    knee = 1.5 * highest - 0.5
    t = (signal - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * highest
    return pq_to_nits(np.where(signal < knee, signal, spline) * peak)


def to_sdr(signal: Array, transfer: int) -> Array:
    """R'G'B' (..., 3) 0..1 in BT.2020 with the given transfer -> R'G'B' 0..1 in BT.709.

    The brightest channel is compressed and the others follow it, so that hues stay.
    """
    if transfer not in (PQ_TRANSFER, HLG_TRANSFER):
        raise ValueError(f"transfer {transfer} is not an HDR one; expected {PQ_TRANSFER} (PQ) or {HLG_TRANSFER} (HLG)")
    nits = pq_to_nits(signal) if transfer == PQ_TRANSFER else hlg_to_nits(signal)
    brightest = np.maximum(nits.max(axis=-1, keepdims=True), 1e-6)
    light = nits * (compress(brightest) / brightest) / WHITE_NITS
    return np.asarray(np.clip(light @ BT2020_TO_BT709.T, 0, 1) ** (1 / SDR_GAMMA))


def write_table(path: Path, transfer: int) -> None:
    """Write the table as a .cube file, red running fastest."""
    axis = np.linspace(0, 1, TABLE_SIZE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = to_sdr(np.stack([red, green, blue], axis=-1), transfer).reshape(-1, 3)
    np.savetxt(path, table, fmt="%.6f", header=f"LUT_3D_SIZE {TABLE_SIZE}", comments="")
