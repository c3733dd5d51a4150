"""The pinned dependencies against known advisories, by pip-audit in an environment of its own.

python scripts/audit.py [options of pip-audit]

It asks PyPI's advisory database over the network, and ends with pip-audit's code: 0 where nothing is known of any,
and not where a dependency could not be looked up.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from environment import ROOT, venv_python

PIP_AUDIT = "pip-audit>=2.7"


def main() -> int:
    folder = Path(os.environ.get("SURFACE_SOS_AUDIT_VENV") or ROOT / ".venv-audit").absolute()
    python = venv_python(folder)
    if not python.exists():
        venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PIP_AUDIT]
    if subprocess.run(install, check=False).returncode:
        print("pip-audit could not be installed: see what pip says above.", file=sys.stderr)
        return 3
    pinned = ["--requirement", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip", "--strict"]
    return subprocess.run([str(python), "-m", "pip_audit", *pinned, *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
