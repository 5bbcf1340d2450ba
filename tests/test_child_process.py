"""Children of ours: what they say, how they end, and that nothing is left of them."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import pytest
from foreign_backends import is_alive

from engines.child_process import ChildProcess
from engines.errors import ImpastoError

CHILDREN = {
    "talks": """
        import sys
        for number in range(20_000):
            print("line", number)
            print("error", number, file=sys.stderr)
        sys.exit(3)
    """,
    "dies": "import os; os.kill(os.getpid(), 9)",
    "waits": "import time; print('ready', flush=True); time.sleep(3600)",
    "stubborn": """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        print(worker.pid, flush=True)
        time.sleep(3600)
    """,
    "closes": "import os, time; os.close(1); time.sleep(3600)",
    "hears": """
        import sys, threading
        from engines.child_process import end_with_input
        heard = threading.Event()
        def hear(line):
            print(len(line), line[:12], flush=True)
            if line == "enough":
                heard.set()
        end_with_input(hear)
        heard.wait()
        sys.exit(4)
    """,
    "trips": """
        import time
        from engines.child_process import end_with_input
        end_with_input(int)
        time.sleep(3600)
    """,
    "tells": "import os; print(os.environ['FROM_HERE'], os.environ['TOLD'], os.sep)",
}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, code in CHILDREN.items():
        lines = code.strip("\n").splitlines()
        (tmp_path / f"child_{name}.py").write_text("\n".join(line.removeprefix(" " * 8) for line in lines))
    monkeypatch.syspath_prepend(str(tmp_path))


def test_much_on_both_outputs_holds_nothing_up() -> None:
    with ChildProcess("child_talks") as child:
        assert child.wait(60) == 3
        said = [child.next_line(60) for _ in range(20_001)]
        assert (said[0], said[-2:]) == ("line 0", ["line 19999", None])
        assert child.last_errors()[-1] == "error 19999"
        assert child.how_it_ended() == "ended with status 3"


def test_errors_come_among_the_lines_where_that_is_asked_for() -> None:
    with ChildProcess("child_talks", errors="among the lines") as child:
        child.wait(60)
        assert {child.next_line(0) for _ in range(40_000)} >= {"line 7", "error 7"}


def test_errors_are_dropped_where_that_is_asked_for() -> None:
    with ChildProcess("child_talks", errors="dropped") as child:
        child.wait(60)
        assert child.last_errors() == []


def test_a_signal_is_told() -> None:
    with ChildProcess("child_dies") as child:
        assert child.next_line(60) is None
        assert child.how_it_ended() == "was ended by signal 9"


def test_silence_is_noticed_in_time_and_the_child_is_ended_at_once() -> None:
    with ChildProcess("child_waits") as child:
        assert child.next_line(60) == "ready"
        with pytest.raises(TimeoutError):
            child.next_line(0.05)
        assert child.wait(0.05) is None
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert child.wait(0) == -signal.SIGTERM


def test_a_child_that_will_not_end_is_killed_with_what_it_started() -> None:
    with ChildProcess("child_stubborn") as child:
        worker = int(child.next_line(60) or 0)
    assert child.wait(0) == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(worker)


def test_an_output_that_was_closed_is_told() -> None:
    with ChildProcess("child_closes") as child:
        assert child.next_line(60) is None
        assert child.how_it_ended() == "closed its output"


def test_the_environment_is_ours_and_what_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "one")
    with ChildProcess("child_tells", environment={"TOLD": "two"}) as child:
        assert child.next_line(60) == f"one two {os.sep}"


def test_what_it_is_told_is_heard_and_it_ends_by_itself() -> None:
    with ChildProcess("child_hears") as child:
        for line in ("view 1", "ä" * 300_000, "enough"):
            child.tell(line)
        assert [child.next_line(60) for _ in range(4)] == ["6 view 1", f"300000 {'ä' * 12}", "6 enough", None]
        assert child.wait(60) == 4
        with pytest.raises(ImpastoError, match=r"hears no more"):
            child.tell("more")


def test_one_that_hears_ends_with_its_input() -> None:
    with ChildProcess("child_hears") as child:
        child.tell("a line")
        assert child.next_line(60) == "6 a line"
        assert child._process.stdin is not None
        child._process.stdin.close()
        assert child.next_line(60) is None


def test_an_error_over_what_is_told_ends_it() -> None:
    with ChildProcess("child_trips") as child:
        child.tell("7")
        child.tell("no number")
        assert child.next_line(60) is None
        assert "ValueError" in child.last_errors()[-1]


def test_who_tells_a_deaf_child_is_free_when_it_is_ended() -> None:
    """It waits for room in the pipe, on a thread of its own."""
    with ChildProcess("child_waits") as child:
        assert child.next_line(60) == "ready"
        refused: SimpleQueue[ImpastoError] = SimpleQueue()

        def tell() -> None:
            try:
                child.tell("x" * 10**6)
            except ImpastoError as error:
                refused.put(error)

        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(0.05)
        assert telling.is_alive()
    assert "hears no more" in str(refused.get(timeout=10))


def test_a_python_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ImpastoError, match=r"cannot start '/nowhere/python' for child_tells \(No such file"):
        ChildProcess("child_tells")
