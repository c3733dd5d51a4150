"""Everything that docs/reliability.md promises, tried at length, and the figures.

python scripts/test.py --reliability
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from itertools import groupby
from pathlib import Path

from environment import ROOT

SOAK_MINUTES = 3


def run(python: str) -> int:
    """Run it with that Python, print the figures, and return the first code that is not 0."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        environment = {**os.environ, "SURFACE_SOS_FIGURES": str(figures)}
        tests = subprocess.run(
            [python, "-m", "pytest", "-rs", "-q", "--long", "tests/reliability"],
            cwd=ROOT,
            env=environment,
            check=False,
        ).returncode
        soak = subprocess.run(
            [python, "scripts/soak.py", "--minutes", str(SOAK_MINUTES)], cwd=ROOT, check=False
        ).returncode
        rows = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else []
    print(table(rows))
    print(f"soak: {'flat' if soak == 0 else 'not flat, see above'}")
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")
    return tests or soak


def table(rows: list[tuple[str, str, int, int]]) -> str:
    """What held of what was tried: a line a table with its sum, and one a kind."""
    lines = []
    for name, group in groupby(rows, key=lambda row: row[0]):
        kinds = list(group)
        lines.append(f"{name}: {sum(row[2] for row in kinds)} of {sum(row[3] for row in kinds)}")
        lines += [f"    {kind:42} {held:5} of {tried}" for _, kind, held, tried in kinds]
    return "\n".join(lines)
