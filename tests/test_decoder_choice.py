"""Whether frames are decoded on a GPU and stay there, and what is told of it; here without one."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from fakes import copying_stylizer
from tensor_engine import NegativeEngine, stylizer

torch = pytest.importorskip("torch", reason="frames on a GPU are torch's")

from engines.errors import ImpastoError  # noqa: E402
from engines.spec import Controls  # noqa: E402
from realtime.files.gpu_frames import choose_decoder, keep_on_gpu  # noqa: E402
from realtime.frames.frame import Pixels  # noqa: E402
from realtime.media.hardware_video import why_not_decode  # noqa: E402
from realtime.painting.stylizer import Stylizer  # noqa: E402
from realtime.sinks.file import FileSink  # noqa: E402
from realtime.sinks.null import NullSink  # noqa: E402
from realtime.sources.file import FileSource  # noqa: E402


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in.mp4")


@pytest.fixture
def source(clip: Path) -> Iterator[FileSource]:
    opened = FileSource(clip)
    yield opened
    opened.close()


def needs_no_gpu() -> None:
    if not why_not_decode("h264"):
        pytest.skip("H.264 is decoded on a GPU here")


def test_software_decodes_where_the_engine_paints_in_main_memory(source: FileSource, tmp_path: Path) -> None:
    lines: list[str] = []
    keep_on_gpu("auto", source, copying_stylizer(), NullSink(), lines.append)
    assert lines == []
    assert not source.decodes_on_gpu


def test_software_decodes_with_a_word_where_an_engine_on_the_gpu_takes_no_tensors(source: FileSource) -> None:
    lines: list[str] = []
    engine = NegativeEngine(takes_device_frames=False)
    engine.spec = replace(engine.spec, backend="tensorrt", device="a GPU")
    keep_on_gpu("auto", source, Stylizer(engine, Controls(np.zeros(1, np.float32))), NullSink(), lines.append)
    assert lines == ["decoder: software (tensorrt takes frames from main memory)"]


@pytest.mark.parametrize("error", [None, RuntimeError("no kernel image\nis available")])
def test_frames_are_kept_only_if_the_first_gets_all_the_way(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """With a decoder on the processor in the place of the GPU's."""

    def paint(frame: Pixels, controls: Controls) -> Pixels:
        if error is not None:
            raise error
        return frame

    monkeypatch.setattr("realtime.files.gpu_frames.why_no_tensors", lambda: "")
    monkeypatch.setattr(source, "decode_on_gpu", lambda: None)
    monkeypatch.setattr(NegativeEngine, "__call__", lambda self, frame, controls: paint(frame, controls))
    lines: list[str] = []
    sink = FileSink(tmp_path / "out.mp4", source.clip)
    keep_on_gpu("auto", source, stylizer(), sink, lines.append)
    sink.abort()
    copied = "each frame is copied (RuntimeError: is available)"
    kept = "frames stay in the GPU's memory"
    assert lines == [f"decoder: cuda; {copied if error else kept}"]
    frame = source.read()
    assert frame is not None
    assert frame.pts == 0


def test_without_torch_frames_are_not_kept_and_the_remedy_is_told(
    source: FileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorRT comes without it."""
    monkeypatch.setattr("realtime.media.colour.device.find_spec", lambda name: None)
    engine = NegativeEngine()
    engine.spec = replace(engine.spec, backend="tensorrt", device="CUDA")
    lines: list[str] = []
    keep_on_gpu("auto", source, Stylizer(engine, Controls(np.zeros(1, np.float32))), NullSink(), lines.append)
    assert re.fullmatch(r"decoder: software \(torch, .* is not installed; pip install 'impasto\[train\]'\)", lines[0])
    assert not source.decodes_on_gpu


@pytest.mark.parametrize("decoder", ["", "gpu", "nvdec"])
def test_an_unknown_decoder_is_answered_with_those_there_are(source: FileSource, decoder: str) -> None:
    with pytest.raises(ImpastoError, match=f"no decoder '{decoder}'; choose one of auto, software, cuda"):
        choose_decoder(decoder, source)


def test_pictures_are_not_decoded_by_the_gpu() -> None:
    with pytest.raises(ImpastoError, match="--decoder cuda decodes video files, not pictures"):
        choose_decoder("cuda", object())


def test_a_codec_that_is_not_decoded_on_the_gpu_is_told(shared_data: Path) -> None:
    source = FileSource(shared_data / "video" / "odd" / "interlaced_mpeg2.ts")
    with pytest.raises(ImpastoError, match="mpeg2video video cannot be decoded on the GPU here: h264, hevc, av1, vp9"):
        choose_decoder("cuda", source)
    assert source.read() is not None
    source.close()


def test_auto_says_why_software_decodes_for_an_engine_on_the_gpu(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_no_gpu()
    monkeypatch.setattr("realtime.files.gpu_frames.why_no_tensors", lambda: "")
    lines: list[str] = []
    sink = FileSink(tmp_path / "out.mp4", source.clip)
    keep_on_gpu("auto", source, stylizer(), sink, lines.append)
    sink.abort()
    assert lines == [f"decoder: software (h264 video cannot be decoded on the GPU here: {why_not_decode('h264')})"]
    frames = 0
    while source.read() is not None:
        frames += 1
    assert frames == 10


def test_cuda_is_refused_where_there_is_none_and_the_source_still_gives_frames(source: FileSource) -> None:
    needs_no_gpu()
    with pytest.raises(ImpastoError, match=r"cannot be decoded on the GPU here: .*use --decoder software"):
        choose_decoder("cuda", source)
    frame = source.read()
    assert frame is not None
    assert not frame.on_device
