"""A precision that the net does not bear: refused once, kept in the cache, met again in the same words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended_processor import pretended
from small_styles import write_style_beyond_bf16
from typer.testing import CliRunner

from engines.cache.folder import EngineCache
from engines.errors import EngineRefused
from engines.loading.engine import EngineChoice, load_engine, restore_engine
from engines.loading.prepare import prepare_in_child
from engines.spec import FLOOR_DB
from engines.style.styles import StyleFile
from realtime.commands.all_commands import app
from realtime.doctor.finding import State
from realtime.doctor.subjects.storage import look_at_cached_engines

HEIGHT, WIDTH = 48, 64
VERDICT = (
    r"openvino \S+ bf16 on CPU, 64x48 is wrong: the \w+ frame in \S+ came out .*, 2\d\.\d dB from the reference "
    r"\(.*\) where 38 dB is the least; choose another --engine or --precision"
)
FOUND_BEFORE = " (found before; `impasto compile --prune` has it checked again)"
TAKEN = r"engine: openvino \S+ fp32 on CPU, 64x48; (?:\d+\.\d|inf) dB from .*"


@pytest.fixture(autouse=True)
def with_bf16() -> Iterator[None]:
    with pretended("bf16"):
        yield


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    return write_style_beyond_bf16(tmp_path_factory.mktemp("styles") / "loud.onnx")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineCache:
    monkeypatch.setenv("IMPASTO_CACHE_DIR", str(tmp_path))
    return EngineCache(tmp_path / "engines")


def start(style: StyleFile, cache: EngineCache, choice: EngineChoice) -> list[str]:
    """What a start tells of the processor's own engines."""
    lines: list[str] = []
    engine = load_engine(style, height=HEIGHT, width=WIDTH, choice=choice, cache_dir=cache.folder, report=lines.append)
    engine.close()
    assert engine.spec.precision == "fp32"
    assert engine.gate is not None
    assert engine.gate.psnr_db >= FLOOR_DB["fp32"]
    return [line for line in lines if "openvino" in line]


def verdicts(cache: EngineCache) -> dict[str, bool]:
    """The precisions that the cache knows, and whether they passed the gate."""
    return {each.fields["precision"]: each.gate.passed for each in cache.find(lambda header: True)}


@pytest.mark.parametrize("choice", [EngineChoice(), EngineChoice("openvino", "bf16")], ids=["auto", "bf16"])
def test_it_is_found_once_and_met_again_in_the_same_words(
    loud: StyleFile, cache: EngineCache, choice: EngineChoice
) -> None:
    first, second = start(loud, cache, choice), start(loud, cache, choice)
    assert_each_matches(
        first, ["preparing .* bf16 .*", f"refused: {VERDICT}", "preparing .* fp32 .*", TAKEN, f"passed over: {VERDICT}"]
    )
    refused = first[1] + FOUND_BEFORE
    assert second == [refused, first[3], refused.replace("refused:", "passed over:", 1)]
    assert verdicts(cache) == {"bf16": False, "fp32": True}


def test_who_insists_on_it_gets_the_verdict_each_time(loud: StyleFile, cache: EngineCache) -> None:
    told = []
    for _ in range(2):
        with pytest.raises(EngineRefused, match=VERDICT) as caught:
            start(loud, cache, EngineChoice("openvino", "bf16", strict=True))
        told.append(str(caught.value))
    assert told[1] == told[0] + FOUND_BEFORE
    assert verdicts(cache) == {"bf16": False}


def test_another_process_finds_the_same_and_this_one_takes_its_engine(loud: StyleFile, cache: EngineCache) -> None:
    lines: list[str] = []
    spec = prepare_in_child(loud, height=HEIGHT, width=WIDTH, cache_dir=cache.folder, on_line=lines.append)
    assert any(re.fullmatch(f"refused: {VERDICT}", line) for line in lines), lines
    engine = restore_engine(loud, height=HEIGHT, width=WIDTH, cache_dir=cache.folder)
    assert engine is not None
    engine.close()
    assert engine.spec == spec
    assert spec.precision == "fp32"
    assert any(re.fullmatch(VERDICT, reason) for reason in spec.passed_over)


def test_it_is_listed_and_pruning_lets_it_be_checked_again(loud: StyleFile, cache: EngineCache) -> None:
    start(loud, cache, EngineChoice())
    (finding,) = [each for each in look_at_cached_engines("openvino", print) if each.state is State.NO]
    assert "`impasto compile --prune` has it checked again" in finding.remedy
    listed = CliRunner().invoke(app, ["compile", "--list"], env={"COLUMNS": "240"}).stdout
    assert re.search(r"bf16 .* 2\d\.\d dB, refused", listed)
    pruned = CliRunner().invoke(app, ["compile", "--prune"]).stdout
    assert "removed 1, " in pruned
    assert verdicts(cache) == {"fp32": True}
    assert start(loud, cache, EngineChoice())[0].startswith("preparing")


def test_where_there_is_no_bf16_nothing_is_said_of_it(loud: StyleFile, cache: EngineCache) -> None:
    with pretended("fp32"):
        told = start(loud, cache, EngineChoice())
    assert_each_matches(told, ["preparing .* fp32 .*", TAKEN])


def assert_each_matches(lines: list[str], patterns: list[str]) -> None:
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line
