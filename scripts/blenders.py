"""The Blenders that the add-on is tested in, made or installed where that may be done.

bpy modules in environments of their own, .venv-bpy45 and .venv-bpy50, and the program with what a virtual screen takes.
Whatever cannot be had here is left out: the tests that need it skip by name. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environment import ROOT, STAMP, not_ours, venv_python

BPY = {"bpy45": "4.5.15", "bpy50": "5.0.1"}
BPY_PYTHON = (3, 11)  # the one that these modules are built for
PROGRAMS = {"blender": "blender", "Xvfb": "xvfb", "xdotool": "xdotool"}
# Debian's Blender draws in a virtual screen with Mesa's software renderer.
DEBIAN_PACKAGES = (*PROGRAMS.values(), "libgl1-mesa-dri", "libegl1", "libgl1")


def provide() -> list[str]:
    """Get what is missing where nobody has to be asked; returns one line for each thing that stays missing."""
    with ThreadPoolExecutor() as pool:
        lines = [pool.submit(provide_bpy, name) for name in BPY]
        provide_programs()
        missing = [line for line in (done.result() for done in lines) if line is not None]
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        missing.append(f"{', '.join(lacking)}: not on the PATH")
    return missing


def provide_bpy(name: str) -> str | None:
    """The environment of one bpy module, made once; a line that says why it could not be."""
    folder, version = ROOT / f".venv-{name}", BPY[name]
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == version:
        return None
    reason = not_ours(folder)
    if reason is not None:
        return f"bpy {version}: {reason}"
    python = python_for_bpy()
    if python is None:
        return f"bpy {version}: needs Python {'.'.join(map(str, BPY_PYTHON))}, which was not found"
    print(f"Installing bpy {version} in {folder} (once) ...", flush=True)
    steps = (
        [python, "-m", "venv", "--clear", str(folder)],
        [
            str(venv_python(folder)),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            f"bpy=={version}",
        ],
    )
    for step in steps:
        if subprocess.run(step, check=False).returncode != 0:
            return f"bpy {version}: could not be installed, see above"
    stamp.write_text(version)
    return None


def python_for_bpy() -> str | None:
    """A Python of the version that bpy is built for: this one, or one on the PATH."""
    if sys.version_info[:2] == BPY_PYTHON:
        return sys.executable
    return shutil.which("python" + ".".join(map(str, BPY_PYTHON)))


def provide_programs(run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run) -> None:
    """Install the programs by apt, in CI or as root on Debian; nobody is ever asked for rights."""
    if all(shutil.which(program) for program in PROGRAMS) or not may_use_apt():
        return
    apt = ["apt-get"] if is_root() else ["sudo", "-n", "apt-get"]
    print("Installing Blender and a virtual screen with apt (once) ...", flush=True)
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *DEBIAN_PACKAGES]):
        done = run(
            [*apt, *words],
            stdout=subprocess.DEVNULL,
            check=False,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode != 0:
            print(f"'{' '.join([*apt, *words])}' failed, see above.", file=sys.stderr)
            return


def may_use_apt() -> bool:
    """Debian or one of its kin, and either CI or root."""
    if shutil.which("apt-get") is None or not Path("/etc/debian_version").exists():
        return False
    return is_root() or (os.environ.get("CI") == "true" and shutil.which("sudo") is not None)


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
