"""Shots segmented again and again in one process, to see that memory, open files and threads stay where they are.

python scripts/soak.py [--minutes 30]

Prints a line a round and ends with code 1 where any of them grows. Linux, which tells a process's own figures.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 2  # rounds in which libraries still fill their caches
LEAST = 6  # rounds that growth can be told from
MOST_MEGABYTES = (
    40.0  # between the first rounds that count and the last: allocators do not give all back at once
)


@dataclass(frozen=True)
class Usage:
    """What this process holds."""

    megabytes: float
    files: int
    threads: int

    @staticmethod
    def now() -> Usage:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return Usage(
            pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            len(os.listdir("/proc/self/fd")),
            len(os.listdir("/proc/self/task")),
        )


def soak(work: Callable[[], None], seconds: float) -> list[Usage]:
    """Do the work until the time is over, at least often enough to tell growth; the usage after each round."""
    usages: list[Usage] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(usages) < LEAST:
        start = time.monotonic()
        work()
        usage = Usage.now()
        usages.append(usage)
        print(
            f"round {len(usages)}: {time.monotonic() - start:.1f} s, {usage.megabytes:.0f} MB, "
            f"{usage.files} files, {usage.threads} threads",
            flush=True,
        )
    return usages


def growth(usages: list[Usage]) -> list[str]:
    """What grows from the first third of the rounds to the last, the warm-up left out; empty where nothing does."""
    counted = usages[min(WARM_UP, len(usages) - 4) :]
    third = max(1, len(counted) // 3)
    found = []
    for name, most in (("megabytes", MOST_MEGABYTES), ("files", 0), ("threads", 0)):
        first, last = (
            median(getattr(usage, name) for usage in part) for part in (counted[:third], counted[-third:])
        )
        if last - first > most:
            found.append(f"{name} grow from {first:.0f} to {last:.0f}")
    return found


def segment_sample(out: Path) -> None:
    """The sample shot with few steps: every stage but the solving of cameras, which is another process's."""
    from surface_sos_core import Shot, preset, segment

    own = preset("preview", "cpu")
    settings = replace(
        own,
        train=replace(own.train, iterations=60, warm_up=20, rays=512, image_edge=160),
        layers=replace(own.layers, samples=16, sources=4),
        mesh=replace(own.mesh, resolution=64),
    )
    samples = ROOT / "samples"
    shot = Shot(
        samples / "plates",
        out,
        masks=samples / "masks",
        cameras=samples / "truth" / "cameras",
        frames="1001-1004",
    )
    segment(shot, settings, mode="overwrite")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (30)")
    minutes = parser.parse_args().minutes
    if not Path("/proc/self/statm").exists():
        print("The figures of a process are not known on this system: run this on Linux.")
        return 3
    with tempfile.TemporaryDirectory() as folder:
        usages = soak(lambda: segment_sample(Path(folder) / "out"), 60 * minutes)
    found = growth(usages)
    first, last = usages[min(WARM_UP, len(usages) - 1)], usages[-1]
    print(
        f"soak: {len(usages)} rounds, {first.megabytes:.0f} to {last.megabytes:.0f} MB, {first.files} to {last.files} "
        f"files, {first.threads} to {last.threads} threads, {threading.active_count()} of Python: "
        + ("; ".join(found) or "flat")
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
