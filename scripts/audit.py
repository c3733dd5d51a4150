"""The pinned dependencies against known advisories, by pip-audit in an environment of its own.

python scripts/audit.py [options of pip-audit, such as --ignore-vuln ID or --vulnerability-service osv]

It asks an advisory database over the network, PyPI's unless told otherwise.
0 nothing is known of any   1 advisories are known   3 some or all advisories could not be reached, so nothing is sure
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from environment import ROOT, not_ours, venv_python

PIP_AUDIT = "pip-audit>=2.7"


def main() -> int:
    folder = Path(os.environ.get("SURFACE_SOS_AUDIT_VENV") or ROOT / ".venv-audit").absolute()
    python = venv_python(folder)
    if not python.exists():
        reason = not_ours(folder)
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PIP_AUDIT]
    if subprocess.run(install, check=False).returncode:
        print("pip-audit could not be installed: see what pip says above.", file=sys.stderr)
        return 3
    lines, code = verdict(asked(str(python), sys.argv[1:]))
    for line in lines:
        print(line, file=sys.stderr if code == 3 else sys.stdout)
    return code


def asked(python: str, options: list[str]) -> list[dict[str, Any]] | None:
    """What pip-audit tells of each pinned dependency; None where it ends without an answer."""
    pinned = ["--requirement", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip"]
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        told = ["--progress-spinner", "off", *options, "--format", "json", "--output", str(answer)]
        subprocess.run([python, "-m", "pip_audit", *pinned, *told], check=False)  # 1 may mean either thing
        return json.loads(answer.read_text(encoding="utf-8"))["dependencies"] if answer.exists() else None


def verdict(dependencies: list[dict[str, Any]] | None) -> tuple[list[str], int]:
    """Lines that say what is known of the dependencies, and the exit code."""
    if not dependencies:
        return [
            "The advisories could not be reached: see what pip-audit says above, and try again online."
        ], 3
    lines = [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'no version'}"
        for one in dependencies
        for found in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in dependencies if "skip_reason" in one]
    code = 1 if lines else 0
    if unknown:
        lines.append(
            f"The advisories of {len(unknown)} of {len(dependencies)} dependencies could not be reached, so nothing is "
            f"known of them: {', '.join(unknown)}; try again where PyPI's own index answers."
        )
        code = 3
    return lines or [f"No advisory is known of any of {len(dependencies)} dependencies."], code


if __name__ == "__main__":
    raise SystemExit(main())
