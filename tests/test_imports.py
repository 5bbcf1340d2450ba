"""The arrows between the packages, and what the base install never loads."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from pretended_processor import VARIABLE

from realtime.commands.all_commands import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGES = ("engines", "realtime", "trainers")
FOR_EVERYBODY = ("engines.errors", "engines.failures", "engines.file_lock", "engines.setting", "engines.whole_file")
ALLOWED = {
    "engines": (),
    "realtime": ("engines", "trainers"),
    "trainers": ("engines.networks", "engines.style", "engines.export", *FOR_EVERYBODY),
}
# From the top down: what stands on a floor may import what stands below it, and nothing else beside its own folder.
FLOORS = {
    "realtime": (
        ("cli",),
        ("commands",),
        ("evaluation",),
        ("bench", "compiling"),
        ("doctor", "files", "live"),
        ("painting", "sources", "sinks"),
        ("media",),
        ("sound",),
        ("frames", "scene"),
    ),
    "engines": (
        ("loading", "foreign"),
        ("backends", "gate"),
        ("cache",),
        ("export",),
        ("networks",),
        ("kernels",),
        ("machine", "child_process", "pictures"),
        ("protocols",),
        ("spec",),
        ("style",),
        ("packages",),
        ("setting",),
        ("names", "on_demand", "errors", "failures", "file_lock", "finite_json", "stop_signals", "whole_file"),
    ),
}
# A module that is named in a string is opened later: sources, sinks, backends, doctor's checks, child processes.
MODULE_IN_A_STRING = re.compile(r"((?:realtime|engines|trainers)(?:\.\w+)+)(?::\w+)?")
# What a family tells of itself (family.py) is read in the base install; these of its files are opened with torch.
NETS_IN_TORCH = tuple(
    f"engines/networks/{family.parent.name}/{part}.py"
    for family in (ROOT / "engines" / "networks").glob("*/family.py")
    for part in ("net", "half_net", "half_weights")
)
IMPORT_TORCH_AT_THE_TOP = (
    "trainers/",
    *NETS_IN_TORCH,
    "engines/kernels/",
    "engines/networks/join/tensors.py",
    "engines/backends/torch_eager.py",
    *(f"engines/backends/torch_half/{part}.py" for part in ("build", "graph")),
    "realtime/painting/full_size/device_join.py",
)
IMPORT_TRAINERS = (
    "realtime/commands/train.py",
    "realtime/commands/gatys_choices.py",
    "realtime/commands/image.py",
    "realtime/evaluation/jury.py",
    "realtime/commands/keyframe_choices.py",
    "realtime/files/gatys.py",
    "realtime/painting/keyframes/optimiser.py",
    "realtime/live/still.py",
    "realtime/painting/keyframes/stylizer.py",
    "realtime/painting/keyframes/shot_net.py",
    "realtime/painting/style_learning.py",
    "realtime/painting/learning_process.py",
)
NAMES_THAT_SAY_NOTHING = {"utils", "common", "core", "base", "manager", "wrapper", "helpers", "misc"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def modules_of(package: str) -> list[Path]:
    return [path for path in MODULES if relative(path).startswith(f"{package}/")]


@cache
def imports(tree: ast.AST) -> tuple[str, ...]:
    """Dotted names of everything that is imported anywhere in the tree, which is walked once for all tests."""
    return tuple(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide the arrows"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def opened_later(tree: ast.AST) -> Iterator[str]:
    """Modules whose names stand in strings."""
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    yield from (found[1] for string in strings if (found := MODULE_IN_A_STRING.fullmatch(string)))


def room_of(name: str) -> str:
    """`painting` of realtime.painting.stylizer."""
    return name.split(".")[1]


def imports_on_load(tree: ast.AST) -> Iterator[str]:
    """What importing the module imports: functions are left out, and so is `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imports(node)
        elif not isinstance(node, ast.FunctionDef) and not is_for_types_only(node):
            yield from imports_on_load(node)


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def wrong_in(modules: Iterable[Path], wrong: Callable[[Path], Iterable[str]]) -> dict[str, list[str]]:
    """Of each module in which something is wrong, what it is."""
    found = {relative(path): sorted(wrong(path)) for path in modules}
    return {path: names for path, names in found.items() if names}


def test_arrows_run_one_way() -> None:
    def against(path: Path) -> Iterator[str]:
        package = relative(path).split("/")[0]
        others = tuple(name for name in PACKAGES if name != package)
        names = imports(tree_of(path))
        yield from (name for name in names if within(name, others) and not within(name, ALLOWED[package]))

    assert not wrong_in(MODULES, against)


@pytest.mark.parametrize("package", FLOORS)
def test_arrows_run_downward(package: str) -> None:
    floor = {room: index for index, rooms in enumerate(FLOORS[package]) for room in rooms}

    def upward(path: Path) -> Iterator[str]:
        own = relative(path).split("/")[1].removesuffix(".py")
        named = {*imports(tree_of(path)), *opened_later(tree_of(path))}
        rooms = {room_of(name) for name in named if name.startswith(f"{package}.")} - {own}
        yield from (room for room in rooms if own != "__init__" and floor[room] <= floor[own])

    assert not wrong_in(modules_of(package), upward)


def test_torch_is_loaded_only_where_nets_are_made() -> None:
    nets = tuple(net.removesuffix(".py").replace("/", ".") for net in NETS_IN_TORCH)

    def heavy(path: Path) -> Iterator[str]:
        if not relative(path).startswith(IMPORT_TORCH_AT_THE_TOP):
            names = imports_on_load(tree_of(path))
            yield from (name for name in names if within(name, ("torch", "torchvision", *nets)))

    assert not wrong_in(MODULES, heavy)


def test_realtime_meets_the_trainers_in_few_places() -> None:
    def met(path: Path) -> Iterator[str]:
        if relative(path) not in IMPORT_TRAINERS:
            yield from (name for name in imports(tree_of(path)) if within(name, ("trainers",)))

    assert not wrong_in(modules_of("realtime"), met)


def test_modules_are_named_after_a_subject() -> None:
    assert not [relative(path) for path in MODULES if path.stem in NAMES_THAT_SAY_NOTHING]


def modules_loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    as_it_is = {
        name: value for name, value in os.environ.items() if name != VARIABLE
    }  # a pretence loads modules itself
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=as_it_is).stdout
    return set(printed.split())


def test_every_command_is_read_without_what_is_heavy() -> None:
    reading = "on_demand import on_demand\nfor name, (home, _) in COMMANDS.items(): on_demand(name, home)()"
    loaded = modules_loaded_by(f"from realtime.commands.all_commands import COMMANDS\nfrom realtime.commands.{reading}")
    assert {"realtime.commands.video", "realtime.commands.train"} <= loaded
    assert not loaded & {"torch", "av", "cv2", "openvino", "onnx", "onnxruntime", "numpy", "accelerate"}


def test_the_list_of_commands_reads_none_of_them() -> None:
    listing = "from typer.testing import CliRunner\nassert CliRunner().invoke(app, ['--help']).exit_code == 0"
    loaded = modules_loaded_by(f"from realtime.commands.all_commands import app\n{listing}")
    assert "typer.rich_utils" in loaded
    assert not loaded & {home.partition(":")[0] for home, _ in COMMANDS.values()}


def test_painting_needs_no_torch() -> None:
    """torch is made impossible to import, as in the base install."""
    needed = {
        "realtime.files.video", "realtime.files.image", "engines.loading.engine", "engines.export.checkpoint",
        "engines.foreign.onnx_import",
    }  # fmt: skip
    assert needed <= modules_loaded_by(f"sys.modules['torch'] = None\nimport {', '.join(sorted(needed))}")
