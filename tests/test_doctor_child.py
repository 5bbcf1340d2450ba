"""A check that fails, hangs or crashes is one line of the report, and takes none of the others along."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from realtime.doctor.child import run_apart
from realtime.doctor.finding import Finding, State

PLAYGROUND = """
import os, time
from realtime.doctor import checks
from realtime.doctor.finding import Finding, State

def good():
    print("noise on stdout")
    os.write(1, b"and past Python")
    return [Finding("good", State.YES, "fine", facts={"n": 1})]

def fails():
    raise RuntimeError("the driver says:\\nit is mad")

def hangs():
    time.sleep(3600)

def crashes():
    os.kill(os.getpid(), 11)

def leaves():
    os._exit(3)

def talks(name, report):
    report("line of " + name)
    return [Finding(name, State.YES, "talked")]

def dies(name, report):
    os._exit(4)

for function in (good, fails, hangs, crashes, leaves, talks, dies):
    checks.CHECKS[function.__name__] = "sitecustomize:" + function.__name__
"""


@pytest.fixture
def playground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that misbehave, known to the children alone."""
    (tmp_path / "sitecustomize.py").write_text(PLAYGROUND)
    monkeypatch.syspath_prepend(str(tmp_path))


def run(*groups: list[str], limit_seconds: float = 60.0, report: Callable[[str], None] = print) -> dict[str, Finding]:
    answers = run_apart(groups, limit_seconds, report)
    return {name: found[0] for name, found in answers.items()}


@pytest.mark.usefixtures("playground")
def test_what_fails_or_ends_takes_nothing_along() -> None:
    found = run(["good", "fails", "crashes", "leaves", "processor"], ["system"])
    assert set(found) == {"good", "fails", "crashes", "leaves", "processor", "system"}
    assert found["good"] == Finding("good", State.YES, "fine", facts={"n": 1})
    assert found["fails"].text == "cannot be looked at (RuntimeError: it is mad)"
    assert found["crashes"].text == "the check was ended by signal 11"
    assert found["leaves"].text == "the check ended with status 3"
    assert all(found[name].state is State.NO for name in ("fails", "crashes", "leaves"))
    assert found["processor"].state is found["system"].state is State.FACT


@pytest.mark.usefixtures("playground")
def test_what_hangs_is_left_behind() -> None:
    found = run(["hangs"], limit_seconds=0.5)
    assert found["hangs"].text == "gave no answer within 0.5 s"
    assert found["hangs"].state is State.NO


@pytest.mark.usefixtures("playground")
def test_an_argument_and_lines_are_passed_on() -> None:
    lines: list[str] = []
    found = run(["talks openvino"], report=lines.append)
    assert lines == ["line of openvino"]
    assert found["talks openvino"].subject == "openvino"


@pytest.mark.usefixtures("playground")
def test_an_engine_that_crashed_is_left_alone() -> None:
    answers = run_apart([["dies openvino", "talks openvino", "talks torch"]], 60.0, print)
    assert answers["dies openvino"][0].subject == "openvino"
    assert answers["talks openvino"] == ()
    assert answers["talks torch"][0].text == "talked"


def test_a_folder_of_the_same_name_is_not_taken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "realtime").mkdir()
    (tmp_path / "realtime" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert run(["system"])["system"].state is State.FACT


def test_no_descriptor_stays_open() -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("counts open files by /proc")
    run(["system"])
    before = len(os.listdir(folder))
    run(["system"], ["memory"])
    assert len(os.listdir(folder)) == before
