"""Everything CI checks: ruff, mypy, pytest, in the project's own environment and in real Blenders.

python scripts/test.py [arguments of pytest]
python scripts/test.py --long            also what takes minutes a test
python scripts/test.py --all-blenders    in all versions of Blender, not only in the oldest and the newest
python scripts/test.py --reliability     what docs/reliability.md promises, at length, and the figures (20 minutes)

Tests run side by side, a process for each processor (`-n 0` for one after the other), with one thread each. Those whose tools cannot be
had here skip by name; the last line counts what passed and what was skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import reliability
from blenders import provide
from environment import ROOT, ready_python

MOST_PROCESSES = 4  # a gigabyte of memory each


def main() -> int:
    os.environ.setdefault("PIP_COMPILE", "0")  # modules that tests import are compiled then, the others never
    python = str(ready_python())
    if sys.argv[1:] == ["--reliability"]:
        return reliability.run(python)
    with ThreadPoolExecutor(1) as pool:
        blenders = pool.submit(provide, "--all-blenders" in sys.argv)  # downloads while the code is looked through
        for command in (["ruff", "check", "."], ["mypy", "surface_sos_core", "blender_addon"]):
            code = call(python, *command)
            if code != 0:
                return code
        missing = blenders.result()
    for line in missing:
        print(f"missing: {line}", flush=True)
    processes = str(min(MOST_PROCESSES, os.cpu_count() or 1))
    # -rs lists the skipped tests with their reasons above the line that counts them.
    return call(
        python,
        "pytest",
        "-rs",
        "-n",
        processes,
        "--dist",
        "loadgroup",
        "--no-loadscope-reorder",
        *sys.argv[1:],
    )


def call(python: str, *command: str) -> int:
    """Run a module of the environment's; its exit code. numba may take a second thread where a test asks for it."""
    print("$", *command, flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
    return subprocess.run([python, "-m", *command], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
