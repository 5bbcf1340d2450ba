"""What a command shows while it works and at the end, and how it is stopped."""

import io
import json
import math
import os
import re
import signal
from collections.abc import Callable

import pytest
from rich.text import Text

from realtime.commands.console.terminal import (
    Bar,
    LastingConsole,
    StatusLine,
    print_result,
    progress_bar,
    stopped_by_interrupt,
)


def test_the_first_interrupt_asks_to_stop_and_the_second_aborts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_interrupt() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_reports_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as bar:
        bar.report("engine: openvino fp32; 60 dB from onnxruntime [not markup]")
        bar.progress(3, 10)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "60 dB from onnxruntime [not markup]" in printed.err


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_bar_is_one_line_with_engine_and_fps(columns: int) -> None:
    shown = io.StringIO()
    clock = iter(range(100))
    console = LastingConsole(file=shown, force_terminal=True, width=columns, get_time=lambda: float(next(clock)))
    with Bar(console, "fps") as bar:
        bar.report("engine: openvino 2026.4.1 fp32 on CPU, 1280x720; 87.9 dB from OpenCV 5.0.0 dnn fp32")
        for done in (10000, 10024):
            bar.progress(done, 12000)
    lines = Text.from_ansi(shown.getvalue()).plain.rstrip().splitlines()
    assert len(lines[-1]) <= columns
    assert lines[-1].startswith("openvino 2026.4.1 fp32 ")
    assert re.search(r" 10024/12000, \d+\.\d fps 0:\d\d:\d\d$", lines[-1])


class ClosedTerminal(io.StringIO):
    """Takes nothing any more."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(5, "Input/output error")])
@pytest.mark.parametrize("shows", [StatusLine, lambda console: Bar(console, "fps")], ids=["status", "bar"])
def test_work_goes_on_where_nobody_reads_what_is_told(
    error: OSError, shows: Callable[[LastingConsole], Bar | StatusLine], capfd: pytest.CaptureFixture[str]
) -> None:
    """And stdout stays open for its result."""
    shown = shows(LastingConsole(file=ClosedTerminal(error), force_terminal=False))
    with shown:
        shown.report("a line")
        shown.report("another")
    os.write(1, b"the result\n")
    assert capfd.readouterr().out == "the result\n"


def test_json_has_no_infinity(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"gate_psnr_db": math.inf, "rows": [{"fps": 2.5}, math.nan]})
    assert capsys.readouterr().out == '{"gate_psnr_db": null, "rows": [{"fps": 2.5}, null]}\n'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_kill_and_a_closed_terminal_ask_to_stop_and_never_abort(number: signal.Signals) -> None:
    found = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests under nohup ignores it
    with stopped_by_interrupt() as stop:
        signal.raise_signal(number)
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.signal(number, found) is signal.SIG_DFL


def test_under_nohup_a_closed_terminal_does_not_stop() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stopped_by_interrupt() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert not stop.is_set()
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_of_any_bytes_are_printed(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    name = b"caf\xc3\xa9 \xff.mp4".decode("utf-8", "surrogateescape")
    printed = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, encoding))
    print_result({"output": name})
    print_result(f"painted: {name}")
    document, text = printed.getvalue().decode(encoding).splitlines()
    assert json.loads(document)["output"] == name
    assert text in ("painted: café \\udcff.mp4", "painted: caf\\xe9 \\udcff.mp4")
