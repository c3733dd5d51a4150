"""Everything CI checks: ruff, mypy, pytest, in the project's own environment.

python scripts/test.py [arguments of pytest]
"""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, ready_python


def main() -> int:
    python = str(ready_python())
    for command in (["ruff", "check", "."], ["mypy", "surface_sos_core"], ["pytest", *sys.argv[1:]]):
        print("$", *command, flush=True)
        code = subprocess.run([python, "-m", *command], cwd=ROOT, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
