"""Fixtures that several test files share."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, pictures and checkpoints that stands beside the project; a user's clone has none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the test data in ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled engines go to a folder of this run; the user's own cache is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Makes a video of so many frames, 64×48 at 25 fps, in which a square moves."""
    import av

    def make(frames: int) -> Path:
        path = tmp_path_factory.mktemp("clips") / "square.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(frames):
                picture = np.full((48, 64, 3), 90, np.uint8)
                left = 4 * number % 44
                picture[10:30, left : left + 20] = (220, 60, 30)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode(None))
        return path

    return make


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
