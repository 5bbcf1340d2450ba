"""Another package with entry points, put on the path as an installer would."""

import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def install_examples(site: Path, patch: pytest.MonkeyPatch) -> None:
    """The examples' own pyproject.toml as the metadata that an installer makes of it, in the folder `site`."""
    project = tomllib.loads((EXAMPLES / "pyproject.toml").read_text())["project"]
    metadata = site / "impasto_examples-1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = []
    for group, members in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in members.items())]
    metadata.joinpath("entry_points.txt").write_text("\n".join(lines))
    patch.syspath_prepend(site)
    patch.syspath_prepend(EXAMPLES)
