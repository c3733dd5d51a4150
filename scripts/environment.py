"""The environment that the scripts beside this file run in: .venv in the checkout, made on the first run.

Standard library only, since it runs before anything is installed. SURFACE_SOS_VENV names another folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH = "2.13.0"
STAMP = "surface-sos.stamp"  # in an environment that is ready: what it was made from
# On PyPI torch brings CUDA for Linux, which is gigabytes, and none for Windows; PyTorch itself serves the other builds.
TORCH_INDEX = "https://download.pytorch.org/whl/"
CUDA_BUILD = "cu130"  # CUDA 13.0, as in PyPI's build for Linux


def ready_python() -> Path:
    """The environment's Python, after making the environment where it is missing, half made or out of date.

    Exits with code 3 and one sentence where this Python is too old or something cannot be installed.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever starts this may have an older one)
        print(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: run it with a newer one.",
            file=sys.stderr,
        )
        raise SystemExit(3)
    folder = Path(os.environ.get("SURFACE_SOS_VENV") or ROOT / ".venv").absolute()
    python = venv_python(folder)
    stamp = folder / STAMP
    gpu = has_nvidia_gpu()
    wanted = fingerprint(gpu)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python

    print(f"Making the Python environment in {folder} (once, some minutes) ...", flush=True)
    extras = "tests,cuda" if gpu else "tests"
    make(folder, gpu, ["--quiet", "--editable", f"{ROOT}[{extras}]"], ROOT / "constraints.txt")
    stamp.write_text(wanted)
    return python


def make(folder: Path, gpu: bool, wanted: list[str], constraints: Path) -> None:
    """A new environment in `folder` with the torch that suits this machine and what `wanted` asks of pip.

    Exits with code 3 and one sentence where a step fails, and where `folder` is not ours to clear.
    """
    reason = not_ours(folder)
    if reason is not None:
        print(reason, file=sys.stderr)
        raise SystemExit(3)
    (folder / STAMP).unlink(missing_ok=True)
    call(sys.executable, "-m", "venv", "--clear", str(folder))
    pip = [str(venv_python(folder)), "-m", "pip", "--disable-pip-version-check", "install"]
    print("Installing PyTorch ...", flush=True)
    # Without its dependencies, so that everything but torch itself comes from the user's usual index.
    call(*pip, "--quiet", "--no-deps", *torch_requirement(gpu))
    print("Installing Surface-SOS and what else it needs ...", flush=True)
    call(*pip, *wanted, "--constraint", str(constraints))


def not_ours(folder: Path) -> str | None:
    """Why an environment must not be made in `folder`, which would be cleared; None where it may."""
    if folder.is_symlink():
        return f"{folder} is a link to {folder.resolve()}, whose content would be deleted: remove the link."
    if folder.exists() and not folder.is_dir():
        return f"{folder} is a file: move it away."
    if folder.exists() and not (folder / "pyvenv.cfg").exists() and any(folder.iterdir()):
        return f"{folder} holds something else than a Python environment: move it away."
    return None


def venv_python(folder: Path) -> Path:
    """Where a virtual environment keeps its Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has_nvidia_gpu() -> bool:
    """Whether the NVIDIA driver is installed and sees a card."""
    program = shutil.which("nvidia-smi")
    return (
        program is not None
        and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0
    )


def torch_requirement(gpu: bool) -> list[str]:
    """pip's arguments for the build of torch that suits this machine."""
    if sys.platform == "darwin" or (gpu and sys.platform != "win32"):
        return [f"torch=={TORCH}"]
    build = CUDA_BUILD if gpu else "cpu"
    index = ["--extra-index-url", TORCH_INDEX + build]
    return [f"torch=={TORCH}+{build}", *index, "--retries", "1", "--timeout", "30"]


def fingerprint(gpu: bool) -> str:
    """Changes whenever the environment would have to be another one."""
    parts = [
        (ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt", "scripts/environment.py")
    ]
    parts += [str(part).encode() for part in (ROOT, sys.version_info[:3], gpu)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def call(*command: str) -> None:
    """Run a step of the installation; its own output says why where it fails."""
    if subprocess.run(command, check=False).returncode != 0:
        print(f"The environment could not be made: '{' '.join(command)}' failed, see above.", file=sys.stderr)
        raise SystemExit(3)


if __name__ == "__main__":
    print(ready_python())
