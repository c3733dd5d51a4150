"""How much memory shots of several lengths take, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from environment import ROOT


def memory_entries(frames: Sequence[int], size: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """An entry for each length: frames, size, peak_mb of `segment` and before_mb, what it was when each stage began."""
    script = str(ROOT / "scripts" / "memory_shot.py")
    for count in frames:
        command = [sys.executable, script, str(count), *map(str, size)]
        told = json.loads(run_child(command).splitlines()[-1])
        yield {
            "name": f"{count} frames of {size[0]}x{size[1]}",
            "peak_mb": told["peak"],
            "before_mb": told["before"],
        }


def run_child(command: list[str]) -> str:
    """What a program of ours prints."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
