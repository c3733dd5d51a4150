"""How a farm scales as measured: the same small shots by `surface-sos farm --ray local`, on one worker and on more.

A worker is a process with a core of this machine to itself, on which it runs one thread.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from environment import ROOT

from surface_sos_core.settings import assignments
from surface_sos_core.wording import counted

SAMPLE = ROOT / "samples"


def farm_entries(
    shots: int, workers: Sequence[int], frames: str, changes: Sequence[str], out: Path
) -> Iterator[dict[str, Any]]:
    """An entry for each number of workers: seconds, shots an hour, and efficiency against the first of them, which is 1.

    frames: those of the sample that get layers in each shot, with the preview preset and the settings `changes`. A shot is
    made before, unseen, for what is compiled the first time. Raises RuntimeError where a farm fails or has no core for
    each worker.
    """
    cores = sorted(os.sched_getaffinity(0))
    if max(workers) > len(cores):
        raise RuntimeError(f"{counted(max(workers), 'worker')} want a core each, and this machine lends {len(cores)}.")
    shot = {
        "footage": str(SAMPLE / "plates"),
        "masks": str(SAMPLE / "masks"),
        "cameras": str(SAMPLE / "truth" / "cameras"),
        "preset": "preview",
        "device": "cpu",
        "frames": frames,
        "set": list(changes),
    }
    _run([shot], cores[:1], out / "first")
    alone = None
    for count in workers:
        seconds, tasks = _run([shot] * shots, cores[:count], out / f"{count}")
        alone = alone or seconds * count
        yield {
            "name": counted(count, "worker"),
            "shots": shots,
            "frames": frames,
            "settings": {"preset": "preview", "changes": assignments(changes), "layers_every": 1, "device": "cpu"},
            "seconds": seconds,
            "shots_an_hour": shots / seconds * 3600,
            "efficiency": alone / (count * seconds),
            "busy": sum(task["seconds"] for task in tasks) / (count * seconds),
            "tasks": len(tasks),
        }


def _run(shots: Sequence[dict[str, Any]], cores: Sequence[int], folder: Path) -> tuple[float, list[dict[str, Any]]]:
    """Make these shots on these cores, a worker for each; seconds from the command to its end, and the events of its tasks."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    jobs = folder / "jobs.json"
    jobs.write_text(json.dumps([{**shot, "out": f"shot{n}"} for n, shot in enumerate(shots, start=1)]))
    words = ["farm", str(jobs), "--ray", "local", "--workers", str(len(cores)), "--events", "jsonl"]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _ON_CORES, ",".join(map(str, cores)), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    if done.returncode != 0:
        raise RuntimeError(f"The farm in {folder} ended with code {done.returncode}: {done.stderr.strip()}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return seconds, [event for event in events if event["event"] == "task"]


# Ray counts the cores that its process may use, and its workers inherit them.
_ON_CORES = """
import os, sys
os.sched_setaffinity(0, map(int, sys.argv[1].split(",")))
from surface_sos_core.cli import main
sys.exit(main(sys.argv[2:]))
"""
