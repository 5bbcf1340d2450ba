"""Decoders and encoders in hardware: each is tried, and asking for one that cannot run gives one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from clips import write_clip
from typer.testing import CliRunner

from engines.errors import ImpastoError
from realtime.commands.all_commands import app
from realtime.media.encoders import ENCODERS, HARDWARE_ENCODERS
from realtime.media.encoding import choose_encoding
from realtime.media.hardware_video import (
    HardwareCodec,
    hardware_decoders,
    hardware_encoders,
    shared_cuda,
    why_not_decode,
    why_not_encode,
)

REMEDY = "encodes on the processor"


def runs(name: str) -> bool:
    return not why_not_encode(name)


def test_every_codec_says_in_one_line_why_it_does_not_work(capfd: pytest.CaptureFixture[str]) -> None:
    tried = [*hardware_encoders(), *hardware_decoders()]
    assert [codec.name for codec in tried[: len(HARDWARE_ENCODERS)]] == list(HARDWARE_ENCODERS)
    for codec in tried:
        assert isinstance(codec, HardwareCodec)
        assert codec.works is (codec.reason == "")
        assert "\n" not in codec.reason
    assert capfd.readouterr() == ("", "")


def test_codecs_are_tried_without_a_word_in_a_process_of_their_own() -> None:
    """What a driver or FFmpeg prints while it is loaded would spoil the JSON of `impasto doctor`."""
    code = "from realtime.media.hardware_video import *; hardware_encoders(); hardware_decoders()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


@pytest.mark.parametrize("name", HARDWARE_ENCODERS)
def test_an_encoder_that_cannot_run_is_refused_with_reason_and_remedy(name: str, tmp_path: Path) -> None:
    if runs(name):
        assert choose_encoding(tmp_path / "out.mp4", name).encoder == HARDWARE_ENCODERS[name]
        return
    with pytest.raises(ImpastoError) as refused:
        choose_encoding(tmp_path / "out.mp4", name)
    line = str(refused.value)
    assert line.startswith(f"{name} cannot run here: {why_not_encode(name)}")
    assert line.endswith(f"--codec {name.partition('_')[0]} {REMEDY}")
    assert "\n" not in line


@pytest.mark.parametrize("container", [".mp4", ".mov", ".mkv", ".webm"])
def test_auto_never_takes_hardware(container: str) -> None:
    assert choose_encoding(Path(f"out{container}")).encoder in ENCODERS.values()


def test_a_container_that_cannot_hold_the_codec_is_told_first() -> None:
    with pytest.raises(ImpastoError, match=r"\.webm files cannot hold h264_nvenc"):
        choose_encoding(Path("out.webm"), "h264_nvenc")


def test_an_unknown_codec_is_answered_with_all_there_are() -> None:
    with pytest.raises(ImpastoError, match=r"codec 'h264_nvidia' is not one of h264, .*h264_nvenc"):
        choose_encoding(Path("out.mp4"), "h264_nvidia")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("h264_nvenc", {"cq": "19", "preset": "p4", "rc": "vbr", "b": "0"}),
        ("hevc_qsv", {"global_quality": "21", "preset": "medium"}),
        ("h264_vaapi", {"qp": "20", "rc_mode": "CQP", "compression_level": "4"}),
        ("h264_videotoolbox", {"global_quality": str(118 * 64), "flags": "+qscale", "prio_speed": "0"}),
    ],
)
def test_quality_and_preset_are_said_in_the_encoder_s_words(name: str, words: dict[str, str]) -> None:
    encoder = HARDWARE_ENCODERS[name]
    assert encoder.options_at(encoder.crf, encoder.preset) == words
    assert encoder.preset in encoder.presets


@pytest.mark.parametrize("name", HARDWARE_ENCODERS)
def test_an_encoder_that_runs_refuses_presets_and_qualities_that_it_has_not(name: str) -> None:
    if not runs(name):
        pytest.skip(f"{name} cannot run here: {why_not_encode(name)}")
    with pytest.raises(ImpastoError, match="has no preset 'breakneck'"):
        choose_encoding(Path("out.mp4"), name, preset="breakneck")
    with pytest.raises(ImpastoError, match="has no quality 63"):
        choose_encoding(Path("out.mp4"), name, crf=63)


@pytest.mark.parametrize(
    ("name", "codec", "most"),
    [("out.mp4", "h264", 51), ("out.mp4", "hevc", 51), ("out.mp4", "av1", 63), ("out.webm", "vp9", 63)],
)
def test_a_quality_beyond_the_encoder_is_refused(name: str, codec: str, most: int) -> None:
    assert choose_encoding(Path(name), codec, crf=most).crf == most
    with pytest.raises(ImpastoError, match=rf"has no quality {most + 1}; choose --crf 0 to {most}$"):
        choose_encoding(Path(name), codec, crf=most + 1)


@pytest.mark.parametrize(("codec", "device"), [("h264", "nonesuch"), ("nonesuch", "cuda")])
def test_what_ffmpeg_does_not_know_has_a_reason_too(codec: str, device: str) -> None:
    assert why_not_decode(codec, device)


def test_ffmpeg_makes_a_context_of_its_own_where_torch_has_none() -> None:
    """FFmpeg's own choice, the primary context, cannot be joined once torch has opened it with other flags."""
    torch = pytest.importorskip("torch", reason="it is torch's context that is shared")
    options = shared_cuda().options
    assert options == {"primary_ctx": "0", **({"current_ctx": "1"} if torch.cuda.is_available() else {})}


def test_asking_the_command_for_missing_hardware_gives_one_line(tmp_path: Path) -> None:
    name = next((name for name in HARDWARE_ENCODERS if not runs(name)), None)
    if name is None:
        pytest.skip("every encoder runs here")
    clip = write_clip(tmp_path / "in.mp4")
    run = CliRunner().invoke(app, ["video", str(clip), str(tmp_path / "out.mp4"), "--codec", name])
    assert run.exit_code == 1
    assert REMEDY in run.stderr.replace("\n", " ")
    assert not (tmp_path / "out.mp4").exists()


def test_asking_the_command_for_a_missing_gpu_to_decode_gives_one_line(tmp_path: Path) -> None:
    if not (reason := why_not_decode("h264")):
        pytest.skip("H.264 is decoded on a GPU here")
    clip = write_clip(tmp_path / "in.mp4")
    run = CliRunner().invoke(app, ["video", str(clip), str(tmp_path / "out.mp4"), "--decoder", "cuda"])
    words = " ".join(run.stderr.split())
    assert run.exit_code == 1
    assert f"h264 video cannot be decoded on the GPU here: {reason}; use --decoder software" in words
    assert not (tmp_path / "out.mp4").exists()
