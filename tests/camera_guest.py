"""The checks of tests/camera_checks.py, in a small virtual machine with a webcam and a virtual camera.

    python tests/camera_guest.py

The machine is a Linux guest under QEMU whose root is this machine's, with the kernel's test webcam `vivid` as
/dev/video0 and a v4l2loopback as /dev/video10. The folder with its `run.sh FOLDER`, which runs FOLDER/job.sh in it, is
$IMPASTO_CAMERA_GUEST, or ../shared/vm beside the project; the kernel that its build.sh makes lies in $VM_WORK, or
.cache/camera-vm in the home folder. Where one of these is missing a line says so and the exit status is 0.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
QEMU = "qemu-system-x86_64"
MOST_SECONDS = 600
READY = "VM-READY"


def main() -> int:
    runner = Path(os.environ.get("IMPASTO_CAMERA_GUEST") or PROJECT.parent / "shared" / "vm") / "run.sh"
    work = Path(os.environ.get("VM_WORK") or Path.home() / ".cache" / "camera-vm")
    reason = why_not(runner, work)
    if reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "job.sh").write_text(job(work))
        return run(runner, Path(folder))


def why_not(runner: Path, work: Path) -> str:
    """What is missing; empty where nothing is."""
    if not runner.is_file():
        return f"there is no {runner}; IMPASTO_CAMERA_GUEST names the folder of the machine with cameras"
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed"
    if not (work / "out" / "vmlinuz").is_file():
        return f"the machine has no kernel in {work}; {runner.with_name('build.sh')} makes it"
    return ""


def job(work: Path) -> str:
    """What the guest runs: this Python with the same files at the same places."""
    environment = {
        "PYTHONPATH": PROJECT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",  # two emulated cores, and more threads would only wait for each other
        "CAMERA_MODULE": work / "ird" / "mods" / "vivid.ko",
    }
    settings = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in environment.items())
    return f"exec env {settings} {shlex.quote(sys.executable)} {shlex.quote(str(PROJECT / 'tests/camera_checks.py'))}\n"


def run(runner: Path, folder: Path) -> int:
    """The exit status of the checks; their lines are shown as they come."""
    environment = os.environ | {"LIMIT": str(MOST_SECONDS)}
    with subprocess.Popen(
        ["bash", str(runner), str(folder)], env=environment, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as machine:
        assert machine.stdout is not None
        started = False
        for line in machine.stdout:
            if started:
                print(line.rstrip(), flush=True)
            started = started or READY in line
    print("the camera works" if machine.returncode == 0 else f"failed with {machine.returncode}")
    return 0 if machine.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
