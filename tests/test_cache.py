"""The engine cache: a second start takes from it, damage is seen and mended, two processes may share it."""

import hashlib
import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_styles import random_frame, write_small_style

import engines.cache
from engines.cache import CacheEntry, DamagedEntryError, EngineCache, default_cache_folder
from engines.engine import Controls, EngineChoice, GateReport, load_engine
from engines.style import StyleFile

ROOT = Path(__file__).parents[1]
FIELDS = {"style": "abc", "size": "64x48"}
GATE = GateReport("a reference", 61.5, 50.0, True, 5)
ENTRY = CacheEntry(b"compiled" * 1000, GATE)


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_small_style(tmp_path_factory.mktemp("styles") / "small.onnx")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


def entry_in(cache: EngineCache) -> Path:
    (path,) = cache.folder.iterdir()
    return path


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


def test_what_was_stored_is_found(cache: EngineCache) -> None:
    assert cache.load(FIELDS) is None
    cache.store(FIELDS, ENTRY)
    assert cache.load(FIELDS) == ENTRY


def test_equal_pictures_are_an_infinite_figure_that_is_kept(cache: EngineCache) -> None:
    entry = CacheEntry(b"", GateReport("a reference", float("inf"), 50.0, True, 5))
    cache.store(FIELDS, entry)
    assert cache.load(FIELDS) == entry


def test_other_fields_are_another_entry(cache: EngineCache) -> None:
    cache.store(FIELDS, ENTRY)
    assert cache.load({**FIELDS, "size": "48x64"}) is None


def test_storing_again_leaves_one_entry(cache: EngineCache) -> None:
    cache.store(FIELDS, ENTRY)
    newer = CacheEntry(b"newer", GATE)
    cache.store(FIELDS, newer)
    assert cache.load(FIELDS) == newer
    assert len(list(cache.folder.iterdir())) == 1


def test_the_folder_is_its_owners_alone(cache: EngineCache) -> None:
    cache.folder.mkdir(mode=0o755)
    cache.store(FIELDS, ENTRY)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_the_oldest_entries_make_room(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.cache, "ENTRIES_KEPT", 2)
    for number in range(4):
        cache.store({"number": str(number)}, ENTRY)
    assert len(list(cache.folder.iterdir())) == 2


def truncate(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(entry_in(cache).read_bytes()[:-100])


def keep_the_beginning_alone(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(entry_in(cache).read_bytes()[:40])


def flip_a_bit(cache: EngineCache) -> None:
    content = bytearray(entry_in(cache).read_bytes())
    content[len(content) // 2] ^= 1
    entry_in(cache).write_bytes(content)


def improve_the_verdict(cache: EngineCache) -> None:
    content = entry_in(cache).read_bytes()
    better = re.sub(rb'"psnr_db": "[\d.inf]+"', b'"psnr_db": "99.9"', content)
    assert better != content
    entry_in(cache).write_bytes(better)


def put_a_foreign_file(cache: EngineCache) -> None:
    entry_in(cache).write_bytes(b"\x89PNG\r\n\x1a\n")


def take_anothers_fields(cache: EngineCache) -> None:
    change_header(cache, fields={"style": "another"})


def drop_the_verdict(cache: EngineCache) -> None:
    change_header(cache, gate={})


def change_header(cache: EngineCache, **changes: object) -> None:
    """With a right checksum."""
    _, header, blob = entry_in(cache).read_bytes().split(b"\n", 2)
    content = json.dumps({**json.loads(header), **changes}).encode() + b"\n" + blob
    entry_in(cache).write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


DAMAGES = [
    truncate,
    keep_the_beginning_alone,
    flip_a_bit,
    improve_the_verdict,
    put_a_foreign_file,
    take_anothers_fields,
    drop_the_verdict,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_an_error_and_can_be_replaced(
    cache: EngineCache, damage: Callable[[EngineCache], None]
) -> None:
    cache.store(FIELDS, ENTRY)
    damage(cache)
    with pytest.raises(DamagedEntryError):
        cache.load(FIELDS)
    cache.store(FIELDS, ENTRY)
    assert cache.load(FIELDS) == ENTRY


WRITE_AND_READ = """
import os, sys
from pathlib import Path
from engines.cache import CacheEntry, EngineCache
from engines.engine import GateReport
cache = EngineCache(Path(sys.argv[1]))
gate = GateReport("a reference", 61.5, 50.0, True, 5)
for number in range(200):
    cache.store({"shared": "entry"}, CacheEntry(os.urandom(15) * 999, gate))
    assert cache.load({"shared": "entry"}) is not None
"""


def test_two_processes_write_the_same_entry(cache: EngineCache) -> None:
    command = [sys.executable, "-c", WRITE_AND_READ, str(cache.folder)]
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in running] == ["", ""]
    assert len(list(cache.folder.iterdir())) == 1


def test_a_second_start_builds_and_checks_nothing(style: StyleFile, tmp_path: Path) -> None:
    first, second = start(style, tmp_path), start(style, tmp_path)
    assert any("preparing" in line for line in first)
    assert not any("preparing" in line for line in second)
    assert first[-1] == second[-1]


def test_a_second_start_parses_no_graph(style: StyleFile, tmp_path: Path) -> None:
    """On its way stand neither the onnx package nor the reference's runtime, which take longest to load."""
    start(style, tmp_path)
    program = (
        "import sys; from pathlib import Path; from engines.style import load_style; "
        "from engines.engine import load_engine; "
        f"load_engine(load_style({str(style.path)!r}), height=48, width=64, cache_dir=Path({str(tmp_path)!r})); "
        "print([name for name in ('onnx', 'cv2', 'torch', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(
    "change",
    [
        {"width": 65},
        {"choice": EngineChoice(requests=2)},
        {"choice": EngineChoice(threads=1)},
        {"choice": EngineChoice("onnxruntime")},
    ],
    ids=lambda change: str(change),
)
def test_another_engine_is_another_entry(style: StyleFile, tmp_path: Path, change: dict[str, object]) -> None:
    start(style, tmp_path)
    assert any("preparing" in line for line in start(style, tmp_path, **change))
    assert len(list(tmp_path.iterdir())) == 2


def test_another_style_file_is_another_entry(style: StyleFile, tmp_path: Path) -> None:
    other = write_small_style(tmp_path / "other.onnx", seed=1)
    start(style, tmp_path / "cache")
    assert any("preparing" in line for line in start(other, tmp_path / "cache"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_engine_is_built_again_and_told(
    style: StyleFile, cache: EngineCache, damage: Callable[[EngineCache], None]
) -> None:
    start(style, cache.folder)
    damage(cache)
    assert any("damaged and is built again" in line for line in start(style, cache.folder))
    assert not any("damaged" in line for line in start(style, cache.folder))


def test_a_blob_that_the_runtime_refuses_is_built_again_and_told(style: StyleFile, cache: EngineCache) -> None:
    """Its checksum is right: somebody else's engine, or one of a runtime that changed without a new version."""
    start(style, cache.folder)
    values = json.loads(entry_in(cache).read_bytes().split(b"\n", 2)[1])
    gate = GateReport.from_dict(values["gate"])
    cache.store(values["fields"], CacheEntry(b"not an engine", gate))
    assert any("cannot be used and is built again" in line for line in start(style, cache.folder))


def test_a_cache_that_cannot_be_written_is_told_and_lived_without(style: StyleFile, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lines = start(style, tmp_path / "file" / "engines")
    assert any("cannot be kept" in line for line in lines)


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    assert default_cache_folder() == tmp_path / "engines"
    monkeypatch.delenv("IMPASTO_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "impasto" / "engines"
