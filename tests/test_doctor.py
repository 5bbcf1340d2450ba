"""`impasto doctor` as a person meets it: the report, the document, the exit code, and what must never stand in them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from realtime.doctor.examination import Examination, Problem, advice, redacted_sections
from realtime.doctor.finding import Finding, State, missing
from realtime.doctor.report import as_text

TITLES = (
    "machine",
    "graphics",
    "engines",
    "engine cache",
    "styles",
    "video",
    "cameras",
    "display and sound",
    "software",
)
USER, HOST, TOKEN, PASSWORD = "zoroaster", "frobnicator", "ghp_0123456789abcdef", "hunter2hunter2"
NUMBERS = {"address": "203.0.113.77", "hardware": "02:42:ac:11:00:02", "long": "2001:db8::17"}


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", "doctor", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", **environment},
        timeout=120,
    )


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables that tell of a person, of a machine, and its secrets; the cache lies in the home."""
    home = tmp_path_factory.mktemp("homes") / f"{USER} d'Ambrosio (büro)"
    home.mkdir()
    return {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "USER": USER,
        "LOGNAME": USER,
        "USERNAME": USER,
        "HOSTNAME": f"{HOST}.example.org",
        "GITHUB_TOKEN": TOKEN,
        "http_proxy": f"http://{USER}:{PASSWORD}@{NUMBERS['address']}:3128",
        "DISPLAY": f"{HOST}:7",
        "IMPASTO_CACHE_DIR": str(home / f"of {HOST}" / TOKEN / NUMBERS["address"]),
        "XDG_DATA_HOME": str(home / NUMBERS["hardware"]),
    }


@pytest.fixture(scope="module")
def shown_as_json(poisoned: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What `--quick --json` says in a shell that knows ASCII alone."""
    return doctor("--quick", "--json", PYTHONIOENCODING="ascii", **poisoned)


@pytest.fixture(scope="module")
def document(shown_as_json: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (shown_as_json.returncode, shown_as_json.stderr) == (0, "")
    assert shown_as_json.stdout.isascii()
    (line,) = shown_as_json.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture(scope="module")
def shown(poisoned: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What `--quick` says in a pipe."""
    return doctor("--quick", **poisoned)


def test_quick_looks_at_everything_and_finds_an_engine(document: dict[str, Any]) -> None:
    assert document["can_paint"] is True
    assert tuple(document["sections"]) == TITLES
    subjects = {finding["subject"]: finding for finding in document["sections"]["engines"]}
    assert subjects[document["engine"]]["state"] == "yes"
    assert subjects["--engine auto"]["text"] == f"takes {document['engine']}"
    assert all(finding["text"] for section in document["sections"].values() for finding in section)


def test_nothing_that_is_looked_at_fails_where_the_tests_run(document: dict[str, Any]) -> None:
    texts = [finding["text"] for section in document["sections"].values() for finding in section]
    assert not [text for text in texts if "cannot be looked at" in text or "the check" in text]


def test_the_report_fits_a_terminal_and_is_ascii_in_a_pipe(shown: subprocess.CompletedProcess[str]) -> None:
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert shown.stdout.isascii()
    assert next(line for line in lines if line.endswith("takes openvino")).startswith("  ok ")
    assert "impasto can paint on this machine, with openvino." in lines


@pytest.mark.parametrize("form", ["shown", "shown_as_json"])
def test_no_secret_stands_in_it(form: str, request: pytest.FixtureRequest) -> None:
    done: subprocess.CompletedProcess[str] = request.getfixturevalue(form)
    everything = (done.stdout + done.stderr).lower()
    assert done.returncode == 0
    leaked = [
        word
        for word in (USER, HOST, TOKEN, PASSWORD, *NUMBERS.values(), "büro", "b\\u00fcro", "ambrosio")
        if word.lower() in everything
    ]
    assert not leaked
    assert "~/of HOST/SECRET/ADDRESS/engines" in " ".join(done.stdout.split())


def test_what_a_driver_says_is_redacted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of other programs hold anything; the version numbers with four parts are no addresses."""
    for name, value in {"USER": USER, "LOGNAME": USER, "HOSTNAME": HOST, "API_KEY": TOKEN}.items():
        monkeypatch.setenv(name, value)
    said = (
        f"no /home/{USER}/.x nor /Users/jane/y for {USER.title()}'s phone on {HOST}: {TOKEN}, http://a:b@1@c.example/, "
        f"{', '.join(NUMBERS.values())}, 1.7.1.116, GPU-0f1e2d3c-0011-2233-4455-66778899aabb, "
        "c10::bad_alloc at 12:30:59"
    )
    shown = redacted_sections({"x": (Finding("x", State.NO, said, facts={"version": "1.7.1.116", "list": [said]}),)})
    (finding,) = shown["x"]
    assert (
        finding.text
        == finding.facts["list"][0]
        == (
            "no /home/USER/.x nor /Users/USER/y for USER's phone on HOST: SECRET, http://***@c.example/, "
            "ADDRESS, ADDRESS, ADDRESS, 1.7.1.116, GPU-NUMBER, c10::bad_alloc at 12:30:59"
        )
    )


def test_the_folder_one_is_in_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell names it in PWD, as others name passwords."""
    monkeypatch.setenv("PWD", "/films/kept")
    monkeypatch.setenv("OLDPWD", "/films/kept")
    told = redacted_sections({"x": (Finding("x", State.YES, "in /films/kept/engines"),)})
    assert told["x"][0].text == "in /films/kept/engines"


def test_it_fails_where_no_engine_can_run(tmp_path: Path) -> None:
    runtimes = ("openvino", "onnxruntime", "torch", "tensorrt", "tensorrt_rtx")
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({runtimes}))\n")
    done = doctor("--quick", "--json", PYTHONPATH=str(tmp_path))
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (found["can_paint"], found["engine"]) == (False, "")
    assert {"what": "engines, --engine auto: finds no engine that can run", "remedy": "pip install openvino"} in found[
        "problems"
    ]
    remedies = {finding["subject"]: finding["remedy"] for finding in found["sections"]["engines"]}
    assert remedies["onnxruntime"] == "pip install 'impasto[onnxruntime]'"


def examination(*findings: Finding, engine: str = "openvino") -> Examination:
    sections = {"engines": findings}
    return Examination(sections, engine, tuple(advice(sections, engine)))


def text_of(found: Examination, *, encoding: str, terminal: bool, width: int = 80) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, force_terminal=terminal, width=width, color_system=None)
    return as_text(found, console)


def test_a_terminal_gets_signs_where_it_can_say_them() -> None:
    found = examination(
        Finding("openvino", State.YES, "works"),
        Finding("torch", State.ABSENT, "not installed – yet"),
        Finding("tensorrt", State.NO, "broken"),
    )
    with_signs = text_of(found, encoding="utf-8", terminal=True)
    assert [line.split()[0] for line in with_signs.splitlines()[1:4]] == ["✓", "–", "✗"]
    for encoding, terminal in (("ascii", True), ("utf-8", False)):
        without = text_of(found, encoding=encoding, terminal=terminal)
        assert without.isascii()
        assert [line.split()[0] for line in without.splitlines()[1:4]] == ["ok", "-", "BAD"]


def test_remedies_are_collected_at_the_end() -> None:
    found = examination(
        missing("tensorrt", "no driver; install it", State.NO), missing("torch", "not there; pip", State.NO)
    )
    end = text_of(found, encoding="utf-8", terminal=True).partition("with openvino.\n")[2]
    assert end.splitlines() == [
        "2 things could be better:",
        "1. engines, tensorrt: no driver",
        "   To do: install it",
        "2. engines, torch: not there",
        "   To do: pip",
    ]
    one = text_of(examination(missing("x", "bad", State.NO)), encoding="utf-8", terminal=True)
    assert "One thing could be better:" in one
    assert "Nothing is amiss." in text_of(examination(), encoding="utf-8", terminal=True)


def test_long_lists_are_cut_and_what_is_wrong_is_kept() -> None:
    good = [Finding(f"engine {number}", State.YES, "fine") for number in range(40)]
    shown = text_of(examination(*good, Finding("last", State.NO, "broken")), encoding="utf-8", terminal=True)
    assert "engine 11" in shown
    assert "engine 12" not in shown
    assert "✗ last" in shown
    assert "and 28 more; --json lists them all" in shown


def test_long_words_do_not_break_a_narrow_terminal() -> None:
    found = examination(Finding("folder", State.NO, f"/{'x' * 150} {'word ' * 20}", f"rm {'y' * 90}"))
    for width in (40, 80, 132):
        lines = text_of(found, encoding="utf-8", terminal=True, width=width).splitlines()
        assert max(map(len, lines)) <= width


def test_a_gpu_that_nobody_uses_comes_first() -> None:
    card = Finding("GPU", State.YES, "…", facts={"vendor": "NVIDIA", "name": "NVIDIA L4"})
    engines = (missing("tensorrt", "tensorrt is not installed; pip install 'impasto[tensorrt]'"),)
    faulty = Finding("codecs", State.NO, "none")
    sections = {"graphics": (card,), "engines": engines, "video": (faulty,)}
    first, second = advice(sections, "openvino")
    assert first == Problem(
        "the GPU (NVIDIA L4) is not used: tensorrt: tensorrt is not installed", "pip install 'impasto[tensorrt]'"
    )
    assert second.what == "video, codecs: none"
    taken = Finding("tensorrt", State.YES, "…", facts={"device": "NVIDIA L4"})
    (only,) = advice({**sections, "engines": (taken,)}, "tensorrt")
    assert only == second


def test_few_frames_a_second_are_told_of_the_engine_that_is_taken() -> None:
    slow = tuple(Finding(name, State.YES, "…", facts={"fps": 3.0}) for name in ("openvino", "torch"))
    (problem,) = advice({"speed": slow}, "openvino")
    assert problem.what == "openvino paints 3.0 frames a second at 640x360, too few for live pictures"
    assert problem.remedy.startswith("paint at")
    able = Finding("openvino", State.YES, "…", facts={"on_request": ["int8"]})
    (problem,) = advice({"engines": (able,), "speed": slow}, "openvino")
    assert problem.remedy.startswith("try --precision int8, or paint")
    in_int8 = Finding("openvino", State.YES, "…", facts={"fps": 3.0, "precision": "int8"})
    (problem,) = advice({"engines": (able,), "speed": (in_int8,)}, "openvino")
    assert problem.remedy.startswith("paint at")
    fast = tuple(Finding(name, State.YES, "…", facts={"fps": 30.0}) for name in ("openvino",))
    assert not list(advice({"speed": fast}, "openvino"))
