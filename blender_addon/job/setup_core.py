"""Makes the environment of the core for "Set up": PYTHON setup_core.py FOLDER WHEEL

Without WHEEL it only says what would be downloaded. What it imports lies in core/ of the zip, beside constraints.txt. Says
how it goes as the core does, in events.
"""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

CORE = Path(__file__).resolve().parent.parent / "core"
sys.path.insert(0, str(CORE))

import environment
from events import Events, json_line  # type: ignore[import-not-found]

# Gigabytes that pip downloads, and that they take on the disk: the pinned wheels for Linux on x86-64, added up. On Windows
# the build of PyTorch with CUDA holds NVIDIA's libraries itself; it was not downloaded to be measured, nor were a Mac's.
CPU_GB, CPU_DISK_GB = 0.5, 1.6
CUDA_GB, CUDA_DISK_GB = 3.1, 5.8


def plan(folder: Path, gpu: bool) -> str:
    """What will be downloaded, how much of it, and where to; a sentence a line."""
    size, disk = (CUDA_GB, CUDA_DISK_GB) if gpu else (CPU_GB, CPU_DISK_GB)
    torch = "for the NVIDIA card" if gpu else "for the processor: no NVIDIA card was found"
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        f"Set Up downloads about {size} GB of packages (PyTorch {torch}).\n"
        f"They take about {disk} GB in {folder}.\n"
        f"Python {python} in {sys.prefix} makes the environment and is left as it is."
    )


def make(folder: Path, wheel: Path) -> int:
    """The exit code, after all has been said."""
    signal.signal(signal.SIGTERM, _cancel)  # so that pip ends with us
    events = Events(lambda event: print(json_line(event), end="", flush=True))
    try:
        gpu = environment.has_nvidia_gpu()
        print(plan(folder, gpu), flush=True)
        events.stage("environment", 1, 2)
        environment.make(folder, gpu, [f"{wheel}[cuda]" if gpu else str(wheel)], CORE / "constraints.txt")
        events.stage("check", 2, 2)
        environment.call(str(environment.venv_python(folder)), "-I", "-m", "surface_sos_core", "doctor")
    except KeyboardInterrupt:
        events.error("Set up was cancelled; press it again to begin anew.", 130)
        return 130
    except SystemExit:
        log = folder.with_name("setup.log")  # which the button has named
        events.error(f"The environment in {folder} could not be made: read why in {log}, then press Set Up again.", 3)
        return 3
    return 0


def _cancel(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    where, *wheels = map(Path, sys.argv[1:])
    if not wheels:
        print(plan(where, environment.has_nvidia_gpu()))
        raise SystemExit(0)
    raise SystemExit(make(where, wheels[0]))
