"""The estimate of memory against figures that were measured, what is available, and the refusal in one line."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small_styles import write_small_style

import engines.gate.verify
from engines.errors import EngineRefused, ImpastoError
from engines.gate.memory import GIB, build_bytes, check_memory, net_bytes
from engines.loading.engine import EngineChoice, load_engine
from engines.machine import available_bytes
from engines.spec import EngineSpec
from engines.style.styles import StyleFile, load_style, save_style

SIZE = (720, 1280)
PIXELS = 720 * 1280
SPEC = EngineSpec("openvino", "fp32", *SIZE, "CPU", "1")
NETS = {
    "paper": ({"widths": [32, 64, 128]}, 806),
    "narrow": ({"widths": [8, 16, 32]}, 234),
    "fast": ({"widths": [16, 40], "blocks": 3, "unshuffle": 2, "stem_kernel": 3, "head_kernel": 3}, 150),
    "blocks of four": ({"widths": [32], "blocks": 4, "unshuffle": 4, "stem_kernel": 3, "head_kernel": 3}, 89),
}


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


def of_network(style: StyleFile, network: dict[str, object], folder: Path) -> StyleFile:
    """The same graph with another net in its card."""
    save_style(folder / "other.onnx", style.model, replace(style.card, network=network))
    return load_style(str(folder / "other.onnx"))


@pytest.mark.parametrize(("config", "measured"), NETS.values(), ids=NETS)
def test_the_estimate_is_near_what_was_measured(
    style: StyleFile, tmp_path: Path, config: dict[str, object], measured: int
) -> None:
    """Bytes a pixel that the reference took for a frame, on the machine that gate/memory.py names."""
    net = of_network(style, {"name": "transform", "config": config}, tmp_path)
    assert net_bytes(net, SIZE) / PIXELS == pytest.approx(measured, rel=0.1)


def test_the_estimate_grows_with_the_picture(style: StyleFile) -> None:
    assert build_bytes(style, SPEC, (1440, 1280)) > 1.9 * build_bytes(style, SPEC, SIZE)


def test_an_engine_that_takes_more_than_the_reference_counts_more(style: StyleFile) -> None:
    on_torch = build_bytes(style, replace(SPEC, backend="torch"), SIZE)
    assert on_torch > build_bytes(style, replace(SPEC, backend="onnxruntime"), SIZE) > build_bytes(style, SPEC, SIZE)


def test_what_calibrates_needs_memory_too(style: StyleFile) -> None:
    calibrated = build_bytes(style, replace(SPEC, precision="int8"), SIZE)
    assert calibrated - build_bytes(style, SPEC, SIZE) > 80 * 2**20


def test_a_net_that_we_do_not_know_is_judged_by_its_widest_node(style: StyleFile, tmp_path: Path) -> None:
    """The same graph under another name: within a factor of three of what its description tells."""
    foreign = of_network(style, {"name": "foreign"}, tmp_path)
    assert 1 / 3 < net_bytes(foreign, SIZE) / net_bytes(style, SIZE) < 3
    assert net_bytes(foreign, (1440, 1280)) == pytest.approx(2 * net_bytes(foreign, SIZE), rel=0.01)


def test_too_little_memory_is_one_line(style: StyleFile) -> None:
    with pytest.raises(ImpastoError) as caught:
        check_memory(style, SPEC, (40_000, 30_000), 2 * GIB)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("an engine for 30000x40000 pixels needs about ")
    assert message.endswith("and 2.0 GiB is free; choose a smaller --height")
    assert not isinstance(caught.value, EngineRefused)


def test_enough_memory_and_unknown_memory_are_let_through(style: StyleFile) -> None:
    needed = build_bytes(style, SPEC, SIZE)
    check_memory(style, SPEC, SIZE, needed)
    check_memory(style, SPEC, SIZE, None)
    with pytest.raises(ImpastoError):
        check_memory(style, SPEC, SIZE, needed - 1)


def test_nothing_heavy_is_done_before_the_refusal(
    style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that no machine has the memory for: painting one golden frame of it would fail in another way."""

    def opened(*_: object) -> None:
        raise AssertionError("a reference was opened")

    monkeypatch.setattr(engines.gate.verify, "open_reference", opened)
    with pytest.raises(ImpastoError, match=r"3000000x2000000 pixels needs about \d+\.\d GiB .* smaller --height"):
        load_engine(style, height=2_000_000, width=3_000_000, choice=EngineChoice("torch"), cache_dir=tmp_path)


# --- what is available


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MACHINE = {"proc/meminfo": "MemTotal:       32000000 kB\nMemAvailable:    8000000 kB\n"}
V2 = {"memory.max": "3000000\n", "memory.current": "1000000\n", "memory.stat": "anon 1\ninactive_file 500000\n"}


def test_the_machines_free_memory_is_available(tmp_path: Path) -> None:
    assert available_bytes(write(tmp_path, MACHINE)) == 8_000_000 * 1024


def test_a_control_groups_limit_counts_where_it_is_less(tmp_path: Path) -> None:
    group = {f"sys/fs/cgroup/user/shell/{name}": text for name, text in V2.items()}
    write(tmp_path, MACHINE | group | {"proc/self/cgroup": "0::/user/shell\n"})
    assert available_bytes(tmp_path) == 2_500_000


def test_the_limit_of_a_group_above_counts(tmp_path: Path) -> None:
    above = {f"sys/fs/cgroup/user/{name}": text for name, text in V2.items()}
    own = {f"sys/fs/cgroup/user/shell/{name}": text for name, text in (V2 | {"memory.max": "max\n"}).items()}
    write(tmp_path, MACHINE | above | own | {"proc/self/cgroup": "0::/user/shell\n"})
    assert available_bytes(tmp_path) == 2_500_000


def test_inside_a_container_the_limit_lies_at_the_root(tmp_path: Path) -> None:
    group = {f"sys/fs/cgroup/{name}": text for name, text in V2.items()}
    write(tmp_path, MACHINE | group | {"proc/self/cgroup": "0::/../../docker/abc\n"})
    assert available_bytes(tmp_path) == 2_500_000


def test_a_limit_of_the_first_version_counts(tmp_path: Path) -> None:
    group = {
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4000000\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1000000\n",
        "sys/fs/cgroup/memory/job/memory.stat": "cache 5\ntotal_inactive_file 250000\n",
    }
    write(tmp_path, MACHINE | group | {"proc/self/cgroup": "5:cpu:/job\n4:memory:/job\n0::/\n"})
    assert available_bytes(tmp_path) == 3_250_000


def test_nobody_knows_where_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_this_machine_has_some_memory_left() -> None:
    """In a fresh process, which is small: more than it takes itself, and no more than the machine has."""
    code = "from engines.machine import available_bytes; print(available_bytes())"
    left = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 2**20 < left <= total
