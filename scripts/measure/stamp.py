"""What a figure belongs to: the code, the machine and the moment it was measured with."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from environment import ROOT

PACKAGE = ROOT / "surface_sos_core"
MEASURED = ("surface_sos_core", "scripts")  # what counts as a change that is not committed


def stamp(gpu: bool = False) -> dict[str, Any]:
    """JSON-ready: commit (null outside of a git checkout) and whether what is measured had changes besides, a fingerprint of
    the package's code, the moment, the machine."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    return {
        "commit": commit,
        "dirty": bool(_git("status", "--porcelain", "--", *MEASURED)) if commit else None,
        "code": code_fingerprint(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(gpu),
    }


def code_fingerprint(package: Path = PACKAGE) -> str:
    """Changes whenever a source file of the package does, committed or not."""
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def machine(gpu: bool = False) -> dict[str, Any]:
    """The processor, the card where it is used, and the versions that figures belong to. Says nothing of whose machine it is."""
    import numba
    import numpy
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "card": torch.cuda.get_device_name() if gpu else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
        "numpy": numpy.__version__,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # Linux; others tell their processor less exactly
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
