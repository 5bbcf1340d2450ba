"""Fixtures that several test files share."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, pictures and checkpoints that stands beside the project; a user's clone has none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the test data in ../shared/data")
    return SHARED_DATA
