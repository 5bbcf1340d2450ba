import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.errors import ImpastoError
from realtime.frames.sound_feed import Sound
from realtime.sound.microphone import Microphone, open_microphone

SECONDS = 20
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")


class Ear:
    """A microphone and all that it said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.told = threading.Event()
        self._open: list[Microphone] = []

    def at(self, device: str) -> Microphone:
        self._open.append(open_microphone(device, self._tell, self.stop))
        return self._open[-1]

    def close(self) -> None:
        for microphone in self._open:
            microphone.close()

    def _tell(self, line: str) -> None:
        self.lines.append(line)
        self.told.set()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("impasto-microphone")]


@pytest.fixture
def alsa_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Gives ALSA a configuration of our own; it reads it when a device is opened."""

    def configure(text: str) -> None:
        (tmp_path / "asound.conf").write_text(text)
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))

    return configure


def blocks(microphone: Microphone, count: int) -> list[Sound]:
    queue = microphone.feed.listen()
    try:
        got = [queue.get(timeout_seconds=SECONDS) for _ in range(count)]
    finally:
        microphone.feed.leave(queue)
    return [block for block in got if block is not None]


def frequency(samples: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 48000 / len(samples))


def test_a_tone_of_another_rate_and_one_channel_comes_as_48_khz_stereo(ear: Ear) -> None:
    heard = blocks(ear.at("lavfi:sine=frequency=440:sample_rate=44100"), 25)
    samples = np.concatenate([block.samples for block in heard], axis=1)
    assert samples.dtype == np.float32
    assert samples.shape == (2, 25 * 960)
    assert frequency(samples[1]) == pytest.approx(440, abs=3)
    assert 0.05 < np.abs(samples).max() <= 1


def test_blocks_follow_each_other_in_time(ear: Ear) -> None:
    before = time.perf_counter()
    times = np.array([block.captured_at for block in blocks(ear.at("lavfi:sine"), 40)])
    assert np.median(np.diff(times)) == pytest.approx(0.02, abs=0.003)
    assert before - 0.1 < times[0] < times[-1] < time.perf_counter()


def test_sound_that_ends_is_told_once_and_the_feed_stays(ear: Ear) -> None:
    microphone = ear.at("lavfi:sine=duration=0.1")
    assert ear.told.wait(SECONDS)
    assert ear.lines == ["the microphone lavfi:sine=duration=0.1 is gone (it has ended); going on without its sound"]
    microphone.feed.leave(microphone.feed.listen())


def test_stop_ends_it_without_a_word(ear: Ear) -> None:
    microphone = ear.at("lavfi:sine")
    ear.stop.set()
    microphone.close()
    assert ear.lines == []


def test_closing_twice_is_closing_once(ear: Ear) -> None:
    microphone = ear.at("lavfi:sine")
    microphone.close()
    microphone.close()


@pytest.mark.parametrize("graph", ["lavfi:nothing_of_this_name", "lavfi:sine=frequency=high"])
def test_a_graph_that_is_none_is_one_line(ear: Ear, graph: str) -> None:
    with pytest.raises(ImpastoError, match=rf"^the microphone {graph} cannot be opened \(.*\): FFmpeg's"):
        ear.at(graph)


@ON_LINUX
def test_no_such_device_is_one_line_with_the_remedy(ear: Ear, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImpastoError, match=r"^the microphone hw:77 cannot be opened \(.*\): .* arecord -L .*DEVICE$"):
        ear.at("hw:77")
    assert capfd.readouterr().err == ""


@ON_LINUX
def test_a_device_of_alsa_is_heard(ear: Ear, alsa_configuration: Callable[[str], None]) -> None:
    alsa_configuration("pcm.nothing { type null }")
    sound = blocks(ear.at("nothing"), 5)
    assert [block.samples.shape for block in sound] == [(2, 960)] * 5
    assert abs(sound[-1].captured_at - time.perf_counter()) < SECONDS


@ON_LINUX
def test_alsa_finds_the_configuration_of_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime.sound.microphone import CONFIGURATION, find_alsa_files

    if not (CONFIGURATION / "alsa.conf").exists():
        pytest.skip("ALSA is not installed")
    monkeypatch.delenv("ALSA_CONFIG_DIR", raising=False)
    find_alsa_files()
    assert os.environ["ALSA_CONFIG_DIR"] == str(CONFIGURATION)
    monkeypatch.setenv("ALSA_CONFIG_DIR", "/mine")
    find_alsa_files()
    assert os.environ["ALSA_CONFIG_DIR"] == "/mine"
