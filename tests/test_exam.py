"""The exam is not the lesson: what builds or calibrates an engine sees no picture of the gate, nor needs realtime."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from small_styles import write_small_style
from test_imports import MODULES, ROOT, imports, opened_later, relative, tree_of

PROGRAM = Path(__file__).with_name("engines_alone.py")
NAMED = {relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in MODULES}
BUILDERS = [name for name in NAMED if name.startswith(("engines.backends.", "engines.export."))]
PAINTING = "painting the golden frames"


def module_of(name: str) -> str:
    """engines.pictures of engines.pictures.read_picture; "" for what is not ours."""
    while name and name not in NAMED:
        name = name.rpartition(".")[0]
    return name


@cache
def imported_by(module: str) -> set[str]:
    tree = tree_of(NAMED[module])
    return {module_of(name) for name in (*imports(tree), *opened_later(tree))} - {""}


def reached_from(module: str) -> set[str]:
    """Every module of ours that it imports anywhere, directly or through others."""
    reached, waiting = {module}, [module]
    while waiting:
        found = imported_by(waiting.pop()) - reached
        reached |= found
        waiting.extend(found)
    return reached


@pytest.mark.parametrize("builder", BUILDERS)
def test_no_builder_can_import_the_gate(builder: str) -> None:
    assert not [name for name in reached_from(builder) if name.startswith("engines.gate")]


def test_what_is_imported_is_followed() -> None:
    """The gate reaches its pictures, and the engines' loader reaches the gate from inside a function."""
    assert "engines.gate.golden_cases" in reached_from("engines.gate.verify")
    assert {"engines.gate.golden_cases", "engines.backends.openvino.int8"} <= reached_from("engines.loading.engine")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What engines_alone.py tells: of each engine that can be built here, the gate's figure and the pictures opened."""
    folder = tmp_path_factory.mktemp("alone")
    style = write_small_style(folder / "small.onnx", seed=6)
    command = [sys.executable, str(PROGRAM), str(style.path), str(folder / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_engines_are_built_and_checked_without_realtime(told: dict[str, Any]) -> None:
    assert {"openvino fp32", "torch fp32"} <= set(told["gates"])
    assert all(figure >= 32 for figure in told["gates"].values())


def test_while_an_engine_is_built_no_picture_of_the_gate_is_opened(told: dict[str, Any]) -> None:
    of_gate = {(engine, stage) for engine, stage, picture in told["opened"] if picture.startswith("gate/")}
    assert of_gate == {(engine, PAINTING) for engine in told["gates"]}


def test_8_bit_engines_are_calibrated_on_the_other_pictures(told: dict[str, Any]) -> None:
    calibrated = {engine for engine, _, picture in told["opened"] if picture.startswith("backends/")}
    assert {"tensorrt int8", "tensorrt fp8"} <= calibrated
    assert calibrated == {"tensorrt int8", "tensorrt fp8"} | ({"openvino int8"} & set(told["gates"]))
