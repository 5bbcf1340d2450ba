"""What the driver says of NVIDIA cards: which they are, and how much of their memory is in use by everybody."""

import shutil
import subprocess

PROGRAM = "nvidia-smi"
SECONDS_TO_ANSWER = 20
FACTS = "name,driver_version,memory.total,power.limit,clocks.max.sm"


def gpu_facts() -> list[dict[str, str]]:
    """Name, driver, memory, power limit and highest clock of each card; empty where there is no card or no driver."""
    names = [name.split(".")[0] if name.startswith("memory") else name for name in FACTS.split(",")]
    return [dict(zip(names, row, strict=False)) for row in _ask(FACTS, units=True)]


def gpu_memory_mib() -> float | None:
    """MiB in use on all cards; None where nobody can say."""
    used = [row[0] for row in _ask("memory.used", units=False)]
    return sum(float(text) for text in used) if used and all(text.isdigit() for text in used) else None


def _ask(query: str, *, units: bool) -> list[list[str]]:
    """A row of answers for each card."""
    program = shutil.which(PROGRAM)
    if program is None:
        return []
    form = "csv,noheader" if units else "csv,noheader,nounits"
    command = [program, f"--query-gpu={query}", f"--format={form}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_answer(answer.stdout)


def parse_answer(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
