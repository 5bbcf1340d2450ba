"""The plain torch engine's threads, which are the whole process's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from small_styles import one_thread_for_torch, random_frame, write_small_style

from engines.backends.torch_eager import TorchBackend, TorchEngine
from engines.protocols import BuildAids
from engines.spec import Controls, EngineSpec
from engines.style.styles import StyleFile


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with one_thread_for_torch():
        yield


@pytest.fixture
def style(tmp_path: Path) -> StyleFile:
    return write_small_style(tmp_path / "small.onnx")


def engine_on(style: StyleFile, threads: int, watch: Any) -> TorchEngine:
    spec = EngineSpec("torch", "fp32", 16, 20, "CPU", "1", threads=threads)
    engine = TorchBackend().build(style, spec, BuildAids(Path("unused")))
    assert isinstance(engine, TorchEngine)
    with engine._nets.taken() as net:
        net.register_forward_pre_hook(watch)
    return engine


@pytest.mark.parametrize(("asked", "given"), [(2, 2), (1, 1), (0, 1)])
def test_threads_are_those_asked_for_while_a_frame_is_painted(style: StyleFile, asked: int, given: int) -> None:
    seen: list[int] = []
    engine = engine_on(style, asked, lambda net, inputs: seen.append(torch.get_num_threads()))
    engine(random_frame(16, 20), Controls(style.vector("waves")))
    assert seen == [given]
    assert torch.get_num_threads() == 1


def test_threads_are_put_back_where_the_net_fails(style: StyleFile) -> None:
    def fail(net: Any, inputs: Any) -> None:
        raise RuntimeError("out of memory")

    engine = engine_on(style, 2, fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        engine(random_frame(16, 20), Controls(style.vector("waves")))
    assert torch.get_num_threads() == 1
