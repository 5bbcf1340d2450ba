"""Every reason to build an engine again, and that without one a second start takes it from the cache."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from cache_damage import entry_in, improve_the_verdict, put_a_foreign_file, truncate
from foreign_backends import ADJUSTABLE, add_backend
from small_styles import random_frame, write_small_style

from engines.cache.folder import CacheEntry, EngineCache
from engines.errors import EngineRefused
from engines.loading.engine import Controls, EngineChoice, load_engine
from engines.spec import Calibration, SizeRange
from engines.style.styles import StyleFile

ROOT = Path(__file__).parents[1]
RANGE = SizeRange((32, 32), (96, 96))
FRAMES = np.zeros((2, 48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def adjustable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend of another package, whose version, device and driver the environment tells."""
    add_backend(tmp_path, "adjustable", ADJUSTABLE)
    monkeypatch.syspath_prepend(tmp_path)


def start(style: StyleFile, folder: Path, **settings: object) -> list[str]:
    """Loads an engine, paints with it, and returns what was reported."""
    lines: list[str] = []
    options = {"height": 48, "width": 64, "cache_dir": folder, "report": lines.append, **settings}
    engine = load_engine(style, **options)  # type: ignore[arg-type]
    frame = random_frame(engine.spec.height, engine.spec.width)
    assert not np.array_equal(engine(frame, Controls(style.vector("waves"))), frame)
    assert engine.gate is not None
    assert engine.gate.passed
    engine.close()
    return lines


def builds(lines: list[str]) -> bool:
    return any("preparing" in line for line in lines)


@pytest.mark.usefixtures("auto_precision")
def test_a_second_start_builds_and_checks_nothing(style: StyleFile, tmp_path: Path) -> None:
    first, second = start(style, tmp_path), start(style, tmp_path)
    assert any("preparing" in line for line in first)
    assert not any("preparing" in line for line in second)
    assert first[-1] == second[-1]


def test_a_second_start_parses_no_graph(style: StyleFile, tmp_path: Path) -> None:
    """On its way stand neither the onnx package nor the reference's runtime, which take longest to load."""
    start(style, tmp_path)
    program = (
        "import sys; from pathlib import Path; from engines.style.styles import load_style; "
        "from engines.loading.engine import load_engine; "
        f"load_engine(load_style({str(style.path)!r}), height=48, width=64, cache_dir=Path({str(tmp_path)!r})); "
        "print([name for name in ('onnx', 'cv2', 'torch', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


CHANGES = [
    {"width": 65},
    {"height": 47},
    {"choice": EngineChoice("adjustable", "fp32")},
    {"choice": EngineChoice("adjustable", requests=2)},
    {"choice": EngineChoice("adjustable", threads=1)},
    {"choice": EngineChoice("adjustable", pinned=True)},
    {"choice": EngineChoice("adjustable", mode="throughput")},
    {"choice": EngineChoice("adjustable", size_range=RANGE)},
    {"choice": EngineChoice("torch")},
]


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for the tests that begin with the same engine, which the first of them builds."""
    return tmp_path_factory.mktemp("engines")


@pytest.mark.usefixtures("adjustable")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change))
def test_another_engine_is_another_entry(style: StyleFile, shared_folder: Path, change: dict[str, object]) -> None:
    wanted = {"choice": EngineChoice("adjustable")}
    start(style, shared_folder, **wanted)
    before = len(list(shared_folder.iterdir()))
    assert builds(start(style, shared_folder, **wanted | change))
    assert len(list(shared_folder.iterdir())) == before + 1
    assert not builds(start(style, shared_folder, **wanted))
    assert not builds(start(style, shared_folder, **wanted | change))


@pytest.mark.usefixtures("adjustable")
def test_an_engine_for_a_range_is_one_for_all_its_sizes(style: StyleFile, cache: EngineCache) -> None:
    choice = EngineChoice("adjustable", size_range=RANGE)
    assert builds(start(style, cache.folder, choice=choice))
    assert not builds(start(style, cache.folder, choice=choice, width=96, height=32))


def test_a_backend_for_one_size_alone_is_not_asked_for_a_range(style: StyleFile, cache: EngineCache) -> None:
    with pytest.raises(EngineRefused, match="torch builds engines of one size alone, and not for 32x32-96x96"):
        start(style, cache.folder, choice=EngineChoice("torch", size_range=RANGE))


@pytest.mark.usefixtures("adjustable")
def test_another_calibration_is_another_entry_where_it_is_used(style: StyleFile, cache: EngineCache) -> None:
    for precision, other in (("int8", True), ("fp32", False)):
        start(style, cache.folder, choice=EngineChoice("adjustable", precision))
        for frames in (FRAMES, FRAMES + 1):
            choice = EngineChoice("adjustable", precision, calibration=Calibration(frames, "a clip"))
            assert builds(start(style, cache.folder, choice=choice)) == other
            assert not builds(start(style, cache.folder, choice=choice))


@pytest.mark.usefixtures("adjustable")
@pytest.mark.parametrize("what", ["ADJUSTABLE_VERSION", "ADJUSTABLE_DEVICE", "ADJUSTABLE_DRIVER"])
def test_another_version_device_or_driver_is_a_reason(
    style: StyleFile, cache: EngineCache, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    choice = EngineChoice("adjustable")
    start(style, cache.folder, choice=choice)
    monkeypatch.setenv(what, "another")
    assert builds(start(style, cache.folder, choice=choice))
    assert not builds(start(style, cache.folder, choice=choice))
    monkeypatch.delenv(what)
    assert not builds(start(style, cache.folder, choice=choice))


def test_another_style_file_is_a_reason_and_another_place_is_none(style: StyleFile, tmp_path: Path) -> None:
    other = write_small_style(tmp_path / "other.onnx", seed=1)
    copy = StyleFile(tmp_path / "copy.onnx", style.data)
    start(style, tmp_path / "cache")
    assert builds(start(other, tmp_path / "cache"))
    assert not builds(start(copy, tmp_path / "cache"))


@pytest.mark.parametrize("damage", [truncate, improve_the_verdict, put_a_foreign_file])
def test_a_damaged_engine_is_built_again_and_told(
    style: StyleFile, cache: EngineCache, damage: Callable[[EngineCache], None]
) -> None:
    start(style, cache.folder)
    damage(cache)
    assert any("is refused and is built again" in line for line in start(style, cache.folder))
    lines = start(style, cache.folder)
    assert not builds(lines)
    assert not any("refused" in line for line in lines)


def test_an_engine_that_was_written_with_another_key_is_built_again_and_told(
    style: StyleFile, cache: EngineCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "elsewhere"))
        start(style, cache.folder)
    lines = start(style, cache.folder)
    assert any("was not written here by this user" in line for line in lines)
    assert builds(lines)


@pytest.mark.usefixtures("auto_precision")
def test_a_blob_that_the_runtime_refuses_is_built_again_and_told(style: StyleFile, cache: EngineCache) -> None:
    """It is whole and ours: of a runtime that changed without a new version."""
    start(style, cache.folder)
    header = cache.entries()[0].header
    assert header is not None
    cache.store(header.fields, CacheEntry(b"not an engine", header.gate))
    assert any("cannot be used and is built again" in line for line in start(style, cache.folder))


def test_an_entry_tells_what_it_was_built_of_and_how_long_it_took(style: StyleFile, cache: EngineCache) -> None:
    start(style, cache.folder)
    (entry,) = cache.entries()
    assert entry.header is not None
    origin = entry.header.origin
    assert (origin.style_name, origin.style_path) == ("small", str(style.path))
    assert abs(origin.built_at - entry.path.stat().st_mtime) < 60
    assert 0 < origin.build_seconds < 60


LOAD = """
import sys
from pathlib import Path
from engines.loading.engine import load_engine
from engines.style.styles import load_style
sys.stdin.readline()
engine = load_engine(load_style(sys.argv[1]), height=48, width=64, cache_dir=Path(sys.argv[2]), report=print)
assert engine.gate.passed
"""


def test_two_processes_that_build_at_once_leave_one_good_engine(
    style: StyleFile, cache: EngineCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They also make the user's key at once."""
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    command, pipe = [sys.executable, "-c", LOAD, str(style.path), str(cache.folder)], subprocess.PIPE
    with ExitStack() as closing:  # what a failure leaves open would fail a later test, which is not to blame
        both = [
            closing.enter_context(subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
            for _ in range(2)
        ]
        for process in both:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [(*process.communicate(timeout=120), process.returncode) for process in both]
    assert [(error, code) for _, error, code in ended] == [("", 0)] * 2
    assert not any("refused" in told for told, _, _ in ended)
    assert entry_in(cache).suffix == ".engine"
    assert not builds(start(style, cache.folder))


def test_a_cache_that_cannot_be_written_is_told_and_lived_without(style: StyleFile, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lines = start(style, tmp_path / "file" / "engines")
    assert any("cannot be kept" in line for line in lines)
