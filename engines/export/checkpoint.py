"""`impasto import`: a checkpoint that another program trained becomes a style file. Needs no torch.

Which nets can be read is the families' affair (`NetworkFamily.import_tensors`).
"""

import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engines.errors import BadFile, BadValue, FileMissing
from engines.export.export import export_style
from engines.export.tensor_files import BY_ONNX, Tensors, read_tensor_sets
from engines.networks.family import ImportedNet, family_names, open_family
from engines.style.styles import SUFFIX, NamedStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the style card is to say about an imported net; `name` None is taken from the checkpoint's file name."""

    name: str | None = None
    title: str = ""
    artist: str = ""
    year: str = ""
    source: str = ""
    licence: str = ""

    def style(self, vector: np.ndarray, source: Path) -> NamedStyle:
        """The one style of a net from this file. Nobody may take it for free where nothing says so."""
        told = {"name": self.name or name_after(source), "licence": self.licence or LICENCE_NOT_KNOWN}
        return NamedStyle(vector=vector, **(asdict(self) | told))


COLOURS = 3
LICENCE_NOT_KNOWN = "not known"
LICENCE_REMARK = "licence not known; --licence says it, if you know it"


def import_checkpoint(checkpoint: Path, output: Path, options: ImportOptions) -> str:
    """Writes the checkpoint as a style file and returns the style's name.

    Raises ImpastoError where the file is damaged, asks for code to be run, or holds another net, and where `output` is
    not called .onnx (so that no checkpoint is written over by mistake).
    """
    check_output(output, checkpoint)
    network, net = read_checkpoint(checkpoint)
    style = options.style(net.style, checkpoint)
    export_style(
        output,
        network=network,
        config=net.config,
        weights=net.weights,
        styles=[style],
        name=style.name,
        licence=style.licence,
        training={
            "recipe": "imported",
            "checkpoint": checkpoint.name,
            "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        },
    )
    return style.name


def check_output(output: Path, checkpoint: Path) -> None:
    """ImpastoError where `output` is no name for the style file that is made of `checkpoint`."""
    if output.is_dir():
        raise BadValue(
            f"{output} is a folder; name the file to write, such as {output / name_after(checkpoint)}{SUFFIX}"
        )
    if not output.parent.is_dir():
        raise FileMissing(f"there is no folder {output.parent} to write {output.name} into; create it first")
    if output.suffix != SUFFIX:
        raise BadValue(f"{output} is no name for a style file; call it {output.with_suffix(SUFFIX).name}")
    if output.exists() and checkpoint.exists() and output.samefile(checkpoint):
        raise BadValue(f"{output} would be written over the net that it is made of; give it another name")


def name_after(checkpoint: Path) -> str:
    """`candy (1).model` → `candy_1`: letters and digits of any script, `_`, `-` and `.` may stand in a style's name."""
    return re.sub(r"[^\w.-]+", "_", checkpoint.stem).strip("_.") or "imported"


def read_checkpoint(checkpoint: Path) -> tuple[str, ImportedNet]:
    """The family and the net of a checkpoint (.pth, .model, .pt, .safetensors or .npz)."""
    first, *others = read_tensor_sets(checkpoint)
    reasons: list[str] = []
    if (found := _net_in(first, reasons)) is not None:
        return found
    for tensors in others:
        if (found := _net_in(tensors, [])) is not None:
            return found
    if any(_is_of_tensorflow(values) for values in first.values()):
        raise BadFile(f"{checkpoint} has its kernels in TensorFlow's order, which are not read; {BY_ONNX} (tf2onnx)")
    raise BadFile(f"{checkpoint} is {', and '.join(reasons)}")


def _is_of_tensorflow(values: np.ndarray) -> bool:
    """Whether it is a kernel [height, width, in, out] that reads a picture."""
    return values.ndim == 4 and values.shape[0] == values.shape[1] > 1 and values.shape[2] == COLOURS < values.shape[3]


def _net_in(tensors: Tensors, reasons: list[str]) -> tuple[str, ImportedNet] | None:
    """The first family that these tensors are a net of, with the net; the others' reasons are added to `reasons`."""
    for name in family_names():
        read = open_family(name).import_tensors
        try:
            if read is not None:
                return name, read(tensors)
        except ValueError as error:
            reasons.append(str(error))
    return None
