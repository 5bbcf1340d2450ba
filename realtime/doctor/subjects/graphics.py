"""Graphics processors: those of NVIDIA as their driver tells, the others as the kernel names them."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.machine import AMD, INTEL, NVIDIA, PCI, display_devices, read_text
from realtime.doctor.finding import Finding, State

DRM = Path("/sys/class/drm")
RENDER_NODES = Path("/dev/dri")
NAMES_OF_DEVICES = (Path("/usr/share/misc/pci.ids"), Path("/usr/share/hwdata/pci.ids"))
VENDORS = {NVIDIA: "NVIDIA", AMD: "AMD", INTEL: "Intel", "1af4": "virtio", "1234": "QEMU", "15ad": "VMware"}
QUERY = ("name", "driver_version", "memory.total", "memory.free", "compute_cap", "utilization.gpu")
WSL_SMI = Path("/usr/lib/wsl/lib/nvidia-smi")
ASK_SECONDS = 5.0
SUBJECT = "GPU"


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics device of the kernel's: its PCI numbers, hexadecimal, and its driver; "" where it has none."""

    vendor: str
    device: str
    driver: str

    def __str__(self) -> str:
        vendor = VENDORS.get(self.vendor, f"vendor {self.vendor}" if self.vendor else "")
        name = name_of_device(self.vendor, self.device)
        return " ".join(part for part in (vendor, name or self.device, f"({self.driver or 'no driver'})") if part)


def look_at_graphics() -> list[Finding]:
    """Every GPU with its driver; one line that there is none."""
    cards = kernel_cards()
    nvidia = _nvidia(promised=any(card.vendor == NVIDIA for card in cards))
    others = [_of_card(card) for card in cards if card.vendor != NVIDIA]
    found = [*nvidia, *others, *_apple(), *_render_nodes()]
    return found or [Finding(SUBJECT, State.ABSENT, "none found; the nets run on the processor")]


def kernel_cards(pci: Path = PCI, drm: Path = DRM) -> list[Card]:
    """What is on the PCI bus, and graphics that are part of a chip."""
    devices = display_devices(pci)
    built_in = (path / "device" for path in _children(drm) if path.name.startswith("card") and "-" not in path.name)
    known = {path.resolve() for path in devices}
    devices += [path for path in built_in if path.exists() and path.resolve() not in known]
    return [_card(path) for path in devices]


def name_of_device(vendor: str, device: str, lists: tuple[Path, ...] = NAMES_OF_DEVICES) -> str:
    """The name in the system's list of PCI devices; empty where there is none."""
    inside = False
    for line in _lines(next((path for path in lists if path.exists()), None)):
        if inside and line.startswith(f"\t{device} "):
            return line.split(maxsplit=1)[1].strip()
        if line[:1] not in ("\t", "#", ""):
            inside = bool(vendor) and line.startswith(f"{vendor} ")
    return ""


def parse_query(answer: str) -> list[dict[str, str]]:
    """The rows of nvidia-smi's table, one for each GPU, by the words of QUERY."""
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines() if line.strip()]
    return [dict(zip(QUERY, row, strict=True)) for row in rows if len(row) == len(QUERY)]


def _nvidia(*, promised: bool) -> list[Finding]:
    program = shutil.which("nvidia-smi") or (str(WSL_SMI) if WSL_SMI.exists() else None)
    remedy = "install NVIDIA's driver, and in a container start it with --gpus all"
    if program is None:
        return [Finding(SUBJECT, State.NO, "an NVIDIA GPU without NVIDIA's driver", remedy)] if promised else []
    question = [program, f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(question, capture_output=True, text=True, errors="replace", timeout=ASK_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return [Finding(SUBJECT, State.NO, "NVIDIA's driver does not answer (nvidia-smi hangs)", "restart the machine")]
    rows = parse_query(told.stdout) if told.returncode == 0 else []
    if not rows:
        reason = " ".join((told.stdout + told.stderr).split())[:200] or f"status {told.returncode}"
        return [Finding(SUBJECT, State.NO, f"nvidia-smi fails: {reason}", remedy)]
    return [_of_row(row) for row in rows]


def _of_row(row: dict[str, str]) -> Finding:
    text = (
        f"{row['name']}, driver {row['driver_version']}, compute capability {row['compute_cap']}, "
        f"{row['memory.free']} of {row['memory.total']} MiB free"
    )
    facts = {word.replace(".", "_"): value for word, value in row.items()}
    return Finding(SUBJECT, State.YES, text, facts={"vendor": "NVIDIA", **facts})


def _of_card(card: Card) -> Finding:
    return Finding(SUBJECT, State.FACT, str(card), facts=asdict(card))


def _apple() -> Iterator[Finding]:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        yield Finding(SUBJECT, State.FACT, "Apple's, part of the chip; ONNX Runtime reaches it through CoreML")


def _render_nodes(folder: Path = RENDER_NODES) -> Iterator[Finding]:
    """Hardware decoding goes through these files, which a person may not be allowed to open."""
    for node in _children(folder):
        if node.name.startswith("renderD") and not os.access(node, os.R_OK | os.W_OK):
            remedy = "join its group with 'sudo usermod -aG render $USER', then log in again"
            yield Finding("render node", State.NO, f"no permission for {node}", remedy)


def _card(path: Path) -> Card:
    driver = path / "driver"
    vendor, device = (read_text(path / name).removeprefix("0x") for name in ("vendor", "device"))
    return Card(vendor, device, driver.resolve().name if driver.exists() else "")


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _lines(path: Path | None) -> Iterator[str]:
    if path is not None:
        with path.open(errors="replace") as file:
            yield from file
