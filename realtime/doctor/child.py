"""Checks in a process of their own: a driver that hangs or crashes takes a line of the report along, not the report.

The child is this module run as a program, its arguments are names of checks. It writes a JSON object a line: `line` for
people, or `check` with its `findings`.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from engines.child_process import ChildProcess, end_with_input
from engines.errors import in_one_line
from realtime.doctor.checks import run_check
from realtime.doctor.finding import Finding, State

# ONNX Runtime, when it is looked at, is not to leave a number for this machine in the user's home.
SILENT = {"ORT_DISABLE_TELEMETRY": "1"}

Report = Callable[[str], None]
Answers = dict[str, tuple[Finding, ...]]


def run_apart(groups: Iterable[Sequence[str]], limit_seconds: float, report: Report) -> Answers:
    """What the checks find, the groups side by side, each in a process that has so many seconds.

    A check that does not come back is told as a finding, and those of its group that come after it get a new process,
    but for those of the same engine.
    """
    answers: Answers = {}
    waiting = [group for group in groups if group]
    while waiting:
        with ExitStack() as stack:
            children = [stack.enter_context(Child(group, limit_seconds)) for group in waiting]
            for child in children:
                answers |= child.follow(report)
        waiting = [rest for group in waiting if (rest := [name for name in group if name not in answers])]
    return answers


class Child:
    """A running process and what it has said."""

    def __init__(self, checks: Sequence[str], limit_seconds: float) -> None:
        self._checks = checks
        self._limit_seconds = limit_seconds
        self._deadline = time.perf_counter() + limit_seconds
        self._process = ChildProcess("realtime.doctor.child", *checks, errors="dropped", environment=SILENT)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    def follow(self, report: Report) -> Answers:
        """The answers that came in time, and in place of the first that did not, why not."""
        answers: Answers = {}
        why = ""
        while not why:
            try:
                line = self._process.next_line(max(0.0, self._deadline - time.perf_counter()))
            except TimeoutError:
                why = f"gave no answer within {self._limit_seconds:g} s"
                continue
            if line is None:
                why = f"the check {self._process.how_it_ended()}"
            else:
                _take(line, answers, report)
        lost = next((name for name in self._checks if name not in answers), None)
        if lost is not None:
            same = [name for name in self._checks if _engine(lost) and _engine(name) == _engine(lost)]
            answers |= {name: () for name in same if name not in answers}
            answers[lost] = (Finding(_subject(lost), State.NO, why, "look at this driver or disk, then try again"),)
        return answers


def _engine(check: str) -> str:
    """`openvino` of `engine openvino`; empty for a check of something else."""
    return check.partition(" ")[2]


def _subject(check: str) -> str:
    return _engine(check) or check


def _take(line: str, answers: Answers, report: Report) -> None:
    said: dict[str, Any] = json.loads(line)
    if "check" in said:
        answers[said["check"]] = tuple(Finding.from_dict(values) for values in said["findings"])
    else:
        report(said["line"])


def main() -> None:
    """The child's side. What libraries write to stdout goes nowhere."""
    end_with_input()
    with open(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def tell(said: dict[str, Any]) -> None:
            answers.write(f"{json.dumps(said)}\n")
            answers.flush()

        for name in sys.argv[1:]:
            findings = _findings(name, lambda line: tell({"line": line}))
            tell({"check": name, "findings": [finding.as_dict() for finding in findings]})
    sys.stdout.flush()
    os._exit(0)  # a runtime whose end hangs or crashes has answered all the same


def _findings(name: str, report: Report) -> Sequence[Finding]:
    try:
        return run_check(name, report)
    except Exception as error:  # a process's border: drivers and packages fail in every possible way
        return (Finding(_subject(name), State.NO, f"cannot be looked at ({in_one_line(error)})"),)


if __name__ == "__main__":
    main()
