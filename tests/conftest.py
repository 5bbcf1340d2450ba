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


@pytest.fixture(scope="session")
def small_style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style file with a very small, untrained net and two styles, `rough` and `smooth`."""
    import torch

    from engines.export import export_style
    from engines.networks.transform import TransformConfig, TransformNet
    from engines.style import NamedStyle

    torch.manual_seed(0)
    config = TransformConfig(widths=(4, 8), blocks=1, unshuffle=2, stem_kernel=3, head_kernel=3)
    state = {name: tensor.numpy() for name, tensor in TransformNet(config, styles=2).state_dict().items()}
    vectors = state.pop("styles")
    path = tmp_path_factory.mktemp("styles") / "small.onnx"
    export_style(
        path,
        config=config.to_dict(),
        weights=state,
        styles=[
            NamedStyle(name="rough", vector=vectors[0], title="Rough", artist="Nobody", year="1900", licence="CC0-1.0"),
            NamedStyle(name="smooth", vector=0.5 * vectors[1]),
        ],
        name="small",
        licence="CC0-1.0",
        training={"recipe": "none"},
    )
    return path
