"""How long the benchmark says it will take: a bound at first, then what was found, and how that is shown."""

import io
from dataclasses import replace

import pytest

from engines.errors import ImpastoError
from realtime.bench.options import BenchOptions, quickened
from realtime.bench.schedule import Schedule, Standing, prepare_seconds, turn_seconds
from realtime.commands.console import bars
from realtime.commands.console.bars import BenchBar
from realtime.commands.console.terminal import LastingConsole

FULL = BenchOptions()
QUICK = quickened(BenchOptions(quick=True))


def test_nothing_takes_longer_than_its_rows_may() -> None:
    bound = turn_seconds(FULL)
    assert turn_seconds(FULL, 60.0) == bound
    assert turn_seconds(FULL, 0.03) < bound / 3
    assert turn_seconds(FULL, 0.03) < turn_seconds(FULL, 0.06)
    assert turn_seconds(QUICK) + prepare_seconds(QUICK) < 20


def test_the_time_left_follows_what_was_found() -> None:
    """Two combinations of two turns; the second net is ten times as slow, and the third cannot run."""
    options = replace(FULL, repeats=2)
    schedule = Schedule(options, 3, 1)
    assert schedule.seconds_left == 3 * (prepare_seconds(options) + 2 * turn_seconds(options))
    for number, frame_seconds in enumerate((0.01, 0.1, None)):
        schedule.prepared(number, 4.0, frame_seconds)
    left = 2 * (turn_seconds(options, 0.01) + turn_seconds(options, 0.1))
    assert schedule.seconds_left == pytest.approx(left)
    schedule.took_turn(0, 5.0, again=True)
    schedule.took_turn(1, 30.0, again=True)
    schedule.took_turn(2, 0.0, again=False)
    assert schedule.standing("measuring") == Standing(6, 9, 35.0, "measuring")
    schedule.took_turn(0, 6.0, again=False)
    assert schedule.seconds_left == 30


def test_what_was_not_prepared_yet_is_taken_for_like_the_others() -> None:
    schedule = Schedule(FULL, 2, 1)
    schedule.prepared(0, 3.0, 0.02)
    assert schedule.seconds_left == pytest.approx(3.0 + 6 * turn_seconds(FULL, 0.02))


def test_peers_count_until_they_have_had_a_turn() -> None:
    schedule, plain = (Schedule(replace(FULL, peers=peers), 1, 1) for peers in (True, False))
    assert schedule.seconds_left > plain.seconds_left + 300
    for each in (schedule, plain):
        each.prepared(0, 3.0, 0.02)
        each.took_turn(0, 40.0, again=True)
    assert schedule.seconds_left == plain.seconds_left == 80


def test_a_quick_run_refuses_what_it_leaves_out() -> None:
    with pytest.raises(ImpastoError, match="--quick leaves out --peers and --live"):
        BenchOptions(quick=True, peers=True, live=True)


def lines_of(
    *, terminal: bool, monkeypatch: pytest.MonkeyPatch, every_seconds: float, seconds_left: float = 240.0
) -> str:
    monkeypatch.setattr(bars, "LINE_SECONDS", every_seconds)
    file = io.StringIO()
    console = LastingConsole(file=file, force_terminal=terminal, width=120, color_system=None)
    with BenchBar(console) as bar:
        for done in range(3):
            bar.show(Standing(done, 12, seconds_left - 10 * done, "measuring fast at 640x360"))
    return file.getvalue()


def test_a_terminal_has_a_bar_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = lines_of(terminal=True, monkeypatch=monkeypatch, every_seconds=0.0)
    assert "measuring fast at 640x360" in shown
    assert "2/12" in shown
    assert "about 4 min left" in shown
    late = lines_of(terminal=True, monkeypatch=monkeypatch, every_seconds=0.0, seconds_left=1.0)
    assert "longer than thought" in late


def test_elsewhere_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines_of(terminal=False, monkeypatch=monkeypatch, every_seconds=3600.0) == ""
    told = lines_of(terminal=False, monkeypatch=monkeypatch, every_seconds=0.0)
    assert told.splitlines()[-1] == "2 of 12 done, about 4 min left"
