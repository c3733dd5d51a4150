"""The Blenders that the add-on is tested in, made or installed where that may be done.

The program (Debian's 3.4, the oldest) with what a virtual screen takes, and bpy modules in environments of their own,
.venv-bpy45 to .venv-bpy52: the newest that can be had, or all of them. Whatever cannot be had here is left out: the tests
that need it skip by name. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from environment import ROOT, STAMP, not_ours, venv_python


class Module(NamedTuple):
    """A bpy module on PyPI, and the Python that it is built for."""

    version: str
    python: tuple[int, int]


BPY = {  # oldest first
    "bpy45": Module("4.5.15", (3, 11)),
    "bpy50": Module("5.0.1", (3, 11)),
    "bpy51": Module("5.1.2", (3, 13)),
    "bpy52": Module("5.2.3", (3, 13)),
}
PROGRAMS = {"blender": "blender", "Xvfb": "xvfb", "xdotool": "xdotool"}
# Debian's Blender draws in a virtual screen with Mesa's software renderer.
DEBIAN_PACKAGES = (*PROGRAMS.values(), "libgl1-mesa-dri", "libegl1", "libgl1")


def provide(every: bool) -> list[str]:
    """Get what is missing where nobody has to be asked; returns one line for each thing that stays missing.

    every: all bpy modules, not the newest alone.
    """
    with ThreadPoolExecutor() as pool:
        modules = [pool.submit(provide_bpy, name) for name in BPY] if every else [pool.submit(provide_newest)]
        provide_programs()
        missing = [line for line in (done.result() for done in modules) if line is not None]
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        missing.append(f"{', '.join(lacking)}: not on the PATH")
    return missing


def provide_newest() -> str | None:
    """The newest bpy module that can be had; what stands in the way of newer ones, in a line."""
    reasons: list[str] = []
    for name in reversed(BPY):
        reason = provide_bpy(name)
        if reason is None:
            break
        reasons.append(reason)
    return "; ".join(reasons) or None


def provide_bpy(name: str) -> str | None:
    """The environment of one bpy module, made once; a line that says why it could not be."""
    folder, version = ROOT / f".venv-{name}", BPY[name].version
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == version:
        return None
    reason = not_ours(folder)
    if reason is not None:
        return f"bpy {version}: {reason}"
    python = python_of(BPY[name].python)
    if python is None:
        return f"bpy {version}: needs Python {'.'.join(map(str, BPY[name].python))}, which was not found"
    print(f"Installing bpy {version} in {folder} (once) ...", flush=True)
    pip = [str(venv_python(folder)), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for step in ([python, "-m", "venv", "--clear", str(folder)], [*pip, f"bpy=={version}"]):
        if subprocess.run(step, check=False).returncode != 0:
            return f"bpy {version}: could not be installed, see above"
    stamp.write_text(version)
    return None


def python_of(version: tuple[int, int]) -> str | None:
    """A Python of this version that can make environments: this one, one on the PATH, or one of pyenv's."""
    name = "python" + ".".join(map(str, version))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [sys.executable, shutil.which(name), *sorted(pyenv.glob(f"versions/*/bin/{name}"))]
    return next((str(python) for python in found if python is not None and _is(str(python), version)), None)


def _is(python: str, version: tuple[int, int]) -> bool:
    # Asked of itself: what pyenv lays on the PATH need not run.
    test = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != {version})"
    return subprocess.run([python, "-c", test], capture_output=True, check=False).returncode == 0


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
