"""Engines that are built by a child process: what it leaves, what it says, and that nothing is left of it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from foreign_backends import ADJUSTABLE, DYING, HangingBuild, add_backend, is_alive
from pretended_processor import pretended
from small_styles import write_small_style

from engines.cache.folder import CacheEntry, EngineCache
from engines.errors import EngineRefused, ImpastoError
from engines.loading.engine import Engine, EngineChoice, GateReport, load_engine, restore_engine
from engines.loading.prepare import prepare_in_child
from engines.style.styles import StyleFile, load_style

HEIGHT, WIDTH = 24, 32
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingBuild]:
    build = HangingBuild(tmp_path, monkeypatch)
    yield build
    build.close()


def fill(style: StyleFile, cache: EngineCache) -> list[str]:
    lines: list[str] = []
    load_engine(style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, report=lines.append).close()
    return lines


def entry_in(cache: EngineCache) -> Path:
    (path,) = cache.folder.iterdir()
    return path


def test_an_empty_cache_restores_nothing_and_says_nothing(style: StyleFile, cache: EngineCache) -> None:
    lines: list[str] = []
    assert restore_engine(style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, report=lines.append) is None
    assert not lines


@pytest.mark.usefixtures("auto_precision")
def test_what_was_built_is_restored_as_it_was_chosen(style: StyleFile, cache: EngineCache) -> None:
    built = fill(style, cache)
    lines: list[str] = []
    engine = restore_engine(style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, report=lines.append)
    assert engine is not None
    assert engine.gate is not None
    engine.close()
    assert "preparing" in built[0]
    assert lines == built[1:]


def test_a_damaged_entry_is_not_restored(style: StyleFile, cache: EngineCache) -> None:
    fill(style, cache)
    entry_in(cache).write_bytes(entry_in(cache).read_bytes()[:-10])
    lines: list[str] = []
    assert restore_engine(style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, report=lines.append) is None
    assert not lines


@pytest.mark.usefixtures("auto_precision")
def test_an_engine_that_was_found_wrong_is_refused_again(style: StyleFile, cache: EngineCache) -> None:
    """Where nothing keeps more than it did, there is nothing left to try."""
    choice = EngineChoice("openvino", "fp32")
    find_wrong(style, cache, choice)
    for strict, message in ((True, r"wrong: the dark frame .* \(found before"), (False, "no engine can run")):
        with pytest.raises(EngineRefused, match=message):
            restore(style, cache, replace(choice, strict=strict))


def test_where_another_keeps_more_that_one_is_to_be_built(style: StyleFile, cache: EngineCache) -> None:
    choice = EngineChoice("openvino", "bf16")
    with pretended("bf16"):
        find_wrong(style, cache, choice)
        assert restore(style, cache, choice) is None
        with pytest.raises(EngineRefused, match="found before"):
            restore(style, cache, replace(choice, strict=True))


def find_wrong(style: StyleFile, cache: EngineCache, choice: EngineChoice) -> None:
    """Leaves a verdict against the engine in the cache, as the gate does."""
    load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache.folder).close()
    header = cache.entries()[0].header
    assert header is not None
    gate = replace(header.gate, psnr_db=3.0, passed=False, problem="the dark frame came out black")
    cache.store(header.fields, CacheEntry(b"", gate))


def restore(style: StyleFile, cache: EngineCache, choice: EngineChoice) -> Engine | None:
    return restore_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache.folder)


def test_a_size_that_no_net_takes_is_told_before_the_cache_is_looked_at(style: StyleFile) -> None:
    with pytest.raises(ImpastoError, match="15 pixels"):
        restore_engine(style, height=15, width=64)


def test_the_child_leaves_the_engine_in_the_cache(style: StyleFile, cache: EngineCache, auto_precision: str) -> None:
    lines: list[str] = []
    spec = prepare_in_child(style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, on_line=lines.append)
    assert any(line.startswith("preparing") for line in lines)
    assert any(line.startswith("engine:") for line in lines)
    engine = restore_engine(style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder)
    assert engine is not None
    engine.close()
    assert engine.spec == spec
    assert spec.precision == auto_precision


def test_the_child_tells_how_far_it_is(
    style: StyleFile, cache: EngineCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_backend(tmp_path, "adjustable", ADJUSTABLE)
    monkeypatch.syspath_prepend(tmp_path)
    told: list[tuple[str, float]] = []
    prepare_in_child(
        style,
        height=HEIGHT,
        width=WIDTH,
        choice=EngineChoice("adjustable"),
        cache_dir=cache.folder,
        on_progress=lambda stage, share: told.append((stage, share)),
    )
    assert [share for stage, share in told if stage == "tuning"] == [0.25, 0.5, 1.0]
    assert list(dict.fromkeys(stage for stage, _ in told)) == [
        "painting the golden frames", "compiling", "tuning", "checking",
    ]  # fmt: skip


STOP_WHILE_WRITING = """
import os, sys, threading

def replace(*_):
    with open(os.environ["BUILDING"], "w") as pipe:
        print(os.getpid(), file=pipe, flush=True)
        threading.Event().wait()

if "engines.loading.prepare" in sys.orig_argv:
    os.replace = replace
"""


def test_a_build_that_is_cancelled_while_it_writes_leaves_nothing(
    style: StyleFile, cache: EngineCache, tmp_path: Path, hanging: HangingBuild
) -> None:
    """The child, and no other process, stops before the file would get its name."""
    cache.store({"a": "key"}, CacheEntry(b"", GateReport("", 60.0, 50.0, True, 1)))
    (tmp_path / "sitecustomize.py").write_text(STOP_WHILE_WRITING)
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        preparing = pool.submit(
            prepare_in_child, style, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, cancelled=cancelled
        )
        hanging.wait_for_start()
        assert any(path.suffix == ".part" for path in cache.folder.iterdir())
        cancelled.set()
        assert preparing.result(60) is None
    assert [path.suffix for path in cache.folder.iterdir()] == [".engine"]


def test_what_the_child_refuses_is_refused_here(style: StyleFile, cache: EngineCache) -> None:
    with pytest.raises(EngineRefused, match="onnxruntime has no bf16"):
        prepare_in_child(
            style, height=HEIGHT, width=WIDTH, choice=EngineChoice("onnxruntime", "bf16"), cache_dir=cache.folder
        )


def test_a_style_file_that_changed_meanwhile_is_told(tmp_path: Path) -> None:
    style = write_small_style(tmp_path / "small.onnx")
    write_small_style(style.path, seed=1)
    with pytest.raises(ImpastoError, match=r"small.onnx has changed since it was opened; choose the style again"):
        prepare_in_child(style, height=HEIGHT, width=WIDTH, cache_dir=tmp_path)


def test_a_style_that_lies_in_memory_alone_is_told(style: StyleFile, tmp_path: Path) -> None:
    with pytest.raises(ImpastoError, match=r"there is no style file .*nowhere\.onnx"):
        prepare_in_child(
            StyleFile(tmp_path / "nowhere.onnx", style.data), height=HEIGHT, width=WIDTH, cache_dir=tmp_path
        )


def test_a_cache_that_cannot_be_written_is_told(style: StyleFile, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lines: list[str] = []
    folder = tmp_path / "file" / "engines"
    assert prepare_in_child(style, height=HEIGHT, width=WIDTH, cache_dir=folder, on_line=lines.append) is not None
    assert any("cannot be kept" in line for line in lines)


def test_a_folder_called_engines_where_one_stands_is_not_ours(
    style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines" / "__init__.py").write_text("raise SystemExit('somebody else')")
    monkeypatch.chdir(tmp_path)
    assert prepare_in_child(style, height=HEIGHT, width=WIDTH, cache_dir=tmp_path / "cache") is not None


def test_a_child_that_dies_is_told_with_its_last_words(
    style: StyleFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_backend(tmp_path, "dying", DYING)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        ImpastoError, match=r"ended with status 7, last it said no kernel for this net; .* memory"
    ) as caught:
        prepare_in_child(style, height=HEIGHT, width=WIDTH, choice=EngineChoice("dying"), cache_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_child_that_is_killed_is_told(style: StyleFile, tmp_path: Path, hanging: HangingBuild) -> None:
    with ThreadPoolExecutor(1) as pool:
        preparing = pool.submit(
            prepare_in_child, style, height=HEIGHT, width=WIDTH, choice=EngineChoice("hanging"), cache_dir=tmp_path
        )
        os.kill(hanging.wait_for_start(), signal.SIGKILL)
        with pytest.raises(ImpastoError, match="was ended by signal 9"):
            preparing.result(60)


@pytest.mark.parametrize("temper", ["OBEDIENT", "STUBBORN", "WORKERS"])
def test_a_build_is_cancelled_and_no_process_is_left(
    style: StyleFile, tmp_path: Path, hanging: HangingBuild, monkeypatch: pytest.MonkeyPatch, temper: str
) -> None:
    monkeypatch.setenv(temper, "1")
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        preparing = pool.submit(
            prepare_in_child,
            style,
            height=HEIGHT,
            width=WIDTH,
            choice=EngineChoice("hanging"),
            cache_dir=tmp_path,
            cancelled=cancelled,
        )
        process = hanging.wait_for_start()
        cancelled.set()
        assert preparing.result(60) is None
    assert not is_alive(process)
    hanging.wait_for_end()


PREPARE = """
import sys
from pathlib import Path
from engines.loading.prepare import prepare_in_child
from engines.spec import EngineChoice
from engines.style.styles import load_style
prepare_in_child(
    load_style(sys.argv[1]), height=24, width=32, choice=EngineChoice("hanging"), cache_dir=Path(sys.argv[2])
)
"""


def test_a_child_ends_with_its_parent(style: StyleFile, tmp_path: Path, hanging: HangingBuild) -> None:
    """Even where the parent is killed and can do nothing more."""
    environment = {**os.environ, "WORKERS": "1", "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    parent = subprocess.Popen([sys.executable, "-c", PREPARE, str(style.path), str(tmp_path)], env=environment)
    hanging.wait_for_start()
    parent.kill()
    parent.wait()
    hanging.wait_for_end()


def test_the_child_has_a_low_priority(style: StyleFile, tmp_path: Path, hanging: HangingBuild) -> None:
    if not hasattr(os, "getpriority"):
        pytest.skip("this system has no priorities of that kind")
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            prepare_in_child,
            style,
            height=HEIGHT,
            width=WIDTH,
            choice=EngineChoice("hanging"),
            cache_dir=tmp_path,
            cancelled=cancelled,
        )
        niceness = os.getpriority(os.PRIO_PROCESS, hanging.wait_for_start())
        cancelled.set()
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


def test_a_style_of_the_gallery_is_found_by_the_child(cache: EngineCache) -> None:
    spec = prepare_in_child(load_style("gallery"), height=64, width=64, cache_dir=cache.folder)
    assert spec is not None
    assert len(list(cache.folder.iterdir())) == 1
