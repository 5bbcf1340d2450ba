"""HDR to SDR: the transfer functions at values the standards print, and the table as the filter applies it."""

from pathlib import Path

import numpy as np
import pytest

from realtime.media.colour.rgb import HLG_TRANSFER, PQ_TRANSFER
from realtime.media.colour.tone_map import (
    WHITE_NITS,
    compress,
    hlg_to_nits,
    nits_to_pq,
    pq_to_nits,
    to_sdr,
    write_table,
)

GRAYS = np.linspace(0, 1, 101)[:, None].repeat(3, axis=1)


def test_pq_at_the_values_of_bt2408() -> None:
    assert nits_to_pq(np.array([100.0, 203.0, 1000.0, 10000.0])) == pytest.approx([0.508, 0.581, 0.752, 1.0], abs=1e-3)
    assert nits_to_pq(pq_to_nits(np.linspace(0, 1, 50))) == pytest.approx(np.linspace(0, 1, 50), abs=1e-6)


def test_hlg_white_and_peak() -> None:
    assert hlg_to_nits(np.full((1, 3), 0.75))[0] == pytest.approx([203] * 3, abs=2)
    assert hlg_to_nits(np.ones((1, 3)))[0] == pytest.approx([1000] * 3, rel=1e-3)


def test_light_is_compressed_into_the_range_and_shadows_stay() -> None:
    light = np.linspace(0, 1000, 200)
    squeezed = compress(light)
    assert (np.diff(squeezed) > 0).all()
    assert squeezed[-1] == pytest.approx(WHITE_NITS, rel=1e-3)
    assert compress(np.array([1.0, 20.0])) == pytest.approx([1.0, 20.0], rel=1e-6)


@pytest.mark.parametrize("transfer", [PQ_TRANSFER, HLG_TRANSFER])
def test_grays_stay_gray_and_rise(transfer: int) -> None:
    sdr = to_sdr(GRAYS, transfer)
    assert np.ptp(sdr, axis=1).max() < 2e-3
    assert (np.diff(sdr[:, 0]) >= -1e-9).all()
    assert sdr[0].max() == 0
    assert sdr[-1].min() == pytest.approx(1, abs=2e-3)


def test_other_transfers_are_refused() -> None:
    with pytest.raises(ValueError, match="not an HDR one"):
        to_sdr(GRAYS, 1)


def test_the_table_runs_red_first(tmp_path: Path) -> None:
    path = tmp_path / "table.cube"
    write_table(path, PQ_TRANSFER)
    header, *lines = path.read_text().splitlines()
    assert header == "LUT_3D_SIZE 33"
    assert len(lines) == 33**3
    red, _, blue = (float(value) for value in lines[16].split())
    assert red > 0.5 > blue
