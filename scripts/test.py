"""Everything CI checks: ruff, mypy, pytest, in the project's own environment and in real Blenders.

python scripts/test.py [arguments of pytest]
python scripts/test.py --reliability     what docs/reliability.md promises, at length, and the figures (20 minutes)

Tests whose tools cannot be had here skip by name; the last line counts what passed and what was skipped.
"""

from __future__ import annotations

import subprocess
import sys

import reliability
from blenders import provide
from environment import ROOT, ready_python


def main() -> int:
    python = str(ready_python())
    if sys.argv[1:] == ["--reliability"]:
        return reliability.run(python)
    missing = provide()
    # -rs lists the skipped tests with their reasons above the line that counts them.
    for command in (
        ["ruff", "check", "."],
        ["mypy", "surface_sos_core", "blender_addon"],
        ["pytest", "-rs", *sys.argv[1:]],
    ):
        print("$", *command, flush=True)
        for line in missing if command[0] == "pytest" else ():
            print(f"missing: {line}", flush=True)
        code = subprocess.run([python, "-m", *command], cwd=ROOT, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
