"""What the engine cache holds, whether it still fits this machine, and how the rest is removed."""

import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from foreign_backends import ADJUSTABLE, add_backend
from rich.console import Console
from small_styles import write_small_style
from typer.testing import CliRunner, Result

import engines.cache.fields
from engines.cache.aids import DAY_SECONDS
from engines.cache.folder import CacheEntry, EngineCache, default_cache_folder
from engines.loading.engine import EngineChoice, load_engine
from engines.loading.kept_engines import kept_engines, prune
from engines.spec import SizeRange
from engines.style.styles import StyleFile, load_style
from realtime.commands.all_commands import app
from realtime.commands.console.kept_engines_table import print_kept_engines


@pytest.fixture
def style(tmp_path: Path) -> StyleFile:
    return write_small_style(tmp_path / "small.onnx")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineCache:
    """An empty one, and a backend of another package."""
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    add_backend(tmp_path, "adjustable", ADJUSTABLE)
    return EngineCache(default_cache_folder())


@pytest.fixture
def entry(style: StyleFile, cache: EngineCache) -> Path:
    """The engine for 64x48 in the cache."""
    return keep(style, cache, 64)


def keep(style: StyleFile, cache: EngineCache, width: int) -> Path:
    """The entry of an engine that is built now."""
    choice, before = EngineChoice("adjustable"), {stored.path for stored in cache.entries()}
    load_engine(style, height=48, width=width, choice=choice, cache_dir=cache.folder).close()
    (path,) = {stored.path for stored in cache.entries()} - before
    return path


def age(path: Path, seconds: float) -> None:
    used_at = time.time() - seconds
    os.utime(path, (used_at, used_at))


def impasto_compile(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compile", *arguments])


def take_another_version(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ADJUSTABLE_VERSION", "2.0")


def take_another_driver(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ADJUSTABLE_DRIVER", "driver 580.2")


def take_another_device(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ADJUSTABLE_DEVICE", "card 1")


def update_impasto(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engines.cache.fields, "CACHE_FORMAT", "next")


def remove_the_backend(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    removed = style.path.with_name("adjustable-1.0.dist-info").rename(style.path.with_name("removed"))
    patch.syspath_prepend(removed)  # packages are looked for anew only where the path has changed


def delete_the_style(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    style.path.unlink()


def change_the_style(style: StyleFile, patch: pytest.MonkeyPatch) -> None:
    write_small_style(style.path, seed=1)


STALE = [
    (take_another_version, "adjustable is 2.0 now"),
    (take_another_driver, "of another device or driver"),
    (take_another_device, "of another device or driver"),
    (update_impasto, "of another version of impasto"),
    (remove_the_backend, "there is no engine 'adjustable' here now"),
    (delete_the_style, "its style file is gone"),
    (change_the_style, "its style file has changed"),
]


@pytest.mark.parametrize(("change", "reason"), STALE, ids=lambda value: getattr(value, "__name__", ""))
def test_what_fits_no_more_is_listed_so_and_removed(
    style: StyleFile,
    cache: EngineCache,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[StyleFile, pytest.MonkeyPatch], None],
    reason: str,
) -> None:
    assert [engine.problem for engine in kept_engines(cache)] == [""]
    assert prune(cache).kept == 1
    change(style, monkeypatch)
    assert [engine.problem for engine in kept_engines(cache)] == [reason]
    size = entry.stat().st_size
    report = prune(cache)
    assert [(engine.entry.path, why) for engine, why in report.removed] == [(entry, reason)]
    assert (report.kept, report.freed_bytes) == (0, size)
    assert cache.entries() == []


def test_a_gallery_that_moved_with_the_package_is_no_reason(cache: EngineCache, tmp_path: Path) -> None:
    gallery = load_style("gallery")
    keep(StyleFile(tmp_path / "older" / "gallery.onnx", gallery.data), cache, 64)
    assert [engine.problem for engine in kept_engines(cache)] == [""]


def test_what_is_damaged_or_of_somebody_else_is_removed(style: StyleFile, cache: EngineCache, entry: Path) -> None:
    other = keep(style, cache, 32)
    entry.write_bytes(entry.read_bytes()[:-20])
    other.write_bytes(b"somebody else's")
    good = keep(style, cache, 48)
    assert len(prune(cache).removed) == 2
    assert [stored.path for stored in cache.entries()] == [good]


def test_a_half_written_entry_goes_when_its_writer_is_surely_gone(cache: EngineCache, entry: Path) -> None:
    entry.with_name("12-old.part").touch()
    age(entry.with_name("12-old.part"), 3600)
    entry.with_name("34-new.part").touch()
    report = prune(cache)
    assert [(engine.style, why) for engine, why in report.removed] == [("12-old.part", "half written")]
    assert report.kept == 2


def test_what_was_not_used_for_so_long_goes_where_that_is_asked(
    style: StyleFile, cache: EngineCache, entry: Path
) -> None:
    age(entry, 10.2 * DAY_SECONDS)
    newer = keep(style, cache, 32)
    age(newer, 3 * DAY_SECONDS)
    assert not prune(cache, older_than_days=11).removed
    report = prune(cache, older_than_days=5)
    assert [(engine.entry.path, why) for engine, why in report.removed] == [(entry, "not used for 10 days")]
    assert [stored.path for stored in cache.entries()] == [newer]


def test_using_an_engine_makes_it_young(style: StyleFile, cache: EngineCache, entry: Path) -> None:
    age(entry, 10 * DAY_SECONDS)
    load_engine(style, height=48, width=64, choice=EngineChoice("adjustable"), cache_dir=cache.folder).close()
    assert not prune(cache, older_than_days=1).removed


def test_everything_goes_where_that_is_asked(style: StyleFile, cache: EngineCache, entry: Path) -> None:
    keep(style, cache, 32)
    entry.with_name("34-new.part").touch()
    result = impasto_compile("--prune", "--all")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    assert result.stdout.splitlines()[-1].startswith("removed 3, ")
    assert cache.entries() == []


def test_what_backends_keep_for_the_next_build_goes_with_everything(cache: EngineCache, entry: Path) -> None:
    timings = cache.aids_folder / "onnxruntime" / "some.timing"
    timings.parent.mkdir(parents=True)
    timings.write_bytes(bytes(2**20))
    assert prune(cache).freed_bytes == 0
    assert prune(cache, older_than_days=5).freed_bytes == 0
    assert timings.exists()
    assert "1 in all, 0.0 MiB and 1.0 MiB for faster builds" in impasto_compile("--list").stdout
    assert json.loads(impasto_compile("--list", "--json").stdout)["aids_bytes"] == 2**20
    result = impasto_compile("--prune", "--all")
    assert "removed what was kept for faster builds: 1.0 MiB" in result.stdout
    assert list(cache.folder.iterdir()) == []


def test_and_where_it_was_not_used_for_so_long(cache: EngineCache, entry: Path) -> None:
    net = cache.aids_folder / "int8" / "some.npz"
    net.parent.mkdir(parents=True)
    net.write_bytes(bytes(2**20))
    age(net, 10 * DAY_SECONDS)
    result = impasto_compile("--prune", "--older-than", "5")
    assert "removed what was kept for faster builds: 1.0 MiB" in result.stdout
    assert "1.0 MiB freed; kept 1" in result.stdout
    assert not net.exists()


def test_what_cannot_be_removed_is_told_and_a_failure(cache: EngineCache, entry: Path) -> None:
    entry.unlink()
    entry.mkdir()
    result = impasto_compile("--prune")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"cannot remove {entry.name}: ")
    assert "removed 0, 0.0 MiB freed; kept 0" in result.stdout


def test_the_list_says_all_that_there_is_to_say(style: StyleFile, cache: EngineCache, entry: Path) -> None:
    (cache.folder / "0123.engine").write_bytes(b"somebody else's")
    result = impasto_compile("--list")
    assert result.exit_code == 0
    (row,) = [line for line in result.stdout.splitlines() if "small" in line]
    cells = re.split(r"  +", row.strip())
    assert cells[:5] == ["small", "adjustable 1.0 fp16", "64x48", "1", "card 0"]
    assert cells[5].endswith(" dB")
    assert cells[7:] == ["today", "fits"]
    assert "2 in all, 0.0 MiB, 1 of no use: `impasto compile --prune` removes them" in result.stdout


def test_a_narrow_terminal_shows_every_column(cache: EngineCache, entry: Path) -> None:
    """The longest words that a column has are those of an engine for many sizes."""
    (stored,) = cache.entries()
    assert stored.header is not None
    words = {"threads": "1", "pinned": "True", "requests": "2", "size": str(SizeRange((180, 320), (1080, 1920)))}
    cache.store({**stored.header.fields, **words}, CacheEntry(b"", stored.header.gate, stored.header.origin))
    entry.unlink()
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    with console.capture() as shown:
        print_kept_engines(kept_engines(cache), cache.folder, console)
    shown_words = shown.get().split()
    assert {"gate", "MiB", "used", "state", "320x180-", "1920x1080", "thread,", "pinned", "today", "fits"} <= set(
        shown_words
    )


def test_the_list_as_json(style: StyleFile, cache: EngineCache, entry: Path) -> None:
    (cache.folder / "0123.engine").write_bytes(b"somebody else's")
    document = json.loads(impasto_compile("--list", "--json").stdout)
    assert document["folder"] == str(cache.folder)
    strange, known = document["engines"]
    assert (strange["fits"], strange["entry"]) == (False, str(cache.folder / "0123.engine"))
    assert (known["fits"], known["problem"], known["size_bytes"]) == (True, "", entry.stat().st_size)
    assert (known["style_name"], known["style_path"]) == ("small", str(style.path))
    assert known["fields"]["hardware"].startswith("driver 570.1")
    assert known["gate"]["passed"] is True
    assert known["built_at"] <= known["used_at"]


def test_an_empty_cache_is_a_line(cache: EngineCache) -> None:
    assert impasto_compile("--list").stdout == f"no engine is kept in {cache.folder}\n"
    assert json.loads(impasto_compile("--list", "--json").stdout)["engines"] == []
    assert json.loads(impasto_compile("--prune", "--json").stdout)["removed"] == []
    assert not cache.folder.exists()


def test_a_verdict_against_an_engine_is_shown(cache: EngineCache, entry: Path) -> None:
    (stored,) = cache.entries()
    assert stored.header is not None
    values = stored.header.gate.to_dict() | {"psnr_db": "3.0", "passed": False, "problem": "black"}
    gate = type(stored.header.gate).from_dict(values)
    cache.store(stored.header.fields, CacheEntry(b"", gate, stored.header.origin))
    assert "3.0 dB, refused" in impasto_compile("--list").stdout
    result = impasto_compile("--prune")
    assert "refused by the gate, and checked again when it is next asked for" in result.stdout
    assert cache.entries() == []
