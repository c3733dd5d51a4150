"""How a farm would scale: the farm's own schedule, driven by a clock that only counts, with the seconds that were measured.

What is assumed beside them is in `Farm`; a worker is a machine like the one that was measured.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surface_sos_core.farm.graph import CHUNK_S, Name
from surface_sos_core.farm.schedule import Schedule, Task
from surface_sos_core.farm.tasks import Job, Outcome
from surface_sos_core.pipeline import Shot
from surface_sos_core.settings import preset
from surface_sos_core.wording import counted

_STAGE: dict[Name, str] = {"inspect": "footage"}  # tasks that are called otherwise in the timings
_PLATE_BYTES, _LAYER_BYTES = 3.0, 16.0  # of a pixel: 8-bit plates; half-float layers, compressed
_MB = 1e6


@dataclass(frozen=True)
class Farm:
    """What is not measured: seconds, and megabytes a second."""

    start_s: float = 15.0
    """A process begins, and reads what it needs of the shot."""
    look_s: float = 0.4
    """For each frame of the shot, before the first layers of a chunk."""
    link: float = 110.0
    """Of a machine's network, one gigabit."""
    storage: float = 1000.0
    """Of the disk that all share, among all that read and write at the time."""


@dataclass(frozen=True)
class Measured:
    """A shot: seconds of its tasks, of a frame's layers without the look at the shot, and megabytes of plates and of a frame's
    layers."""

    name: str
    frames: int
    seconds: dict[str, float]
    frame_s: float
    plates_mb: float
    layers_mb: float

    @staticmethod
    def of(entry: dict[str, Any], farm: Farm) -> Measured:
        """Of an entry of quality; all its frames get layers."""
        size, timings = entry["footage"], entry["timings"]
        pixels = size["width"] * size["height"]
        look = min(farm.look_s * size["frames"], timings["layers"])
        return Measured(
            entry["name"],
            size["frames"],
            timings,
            (timings["layers"] - look) / size["layers"],
            size["frames"] * pixels * _PLATE_BYTES / _MB,
            pixels * _LAYER_BYTES / _MB,
        )

    def compute_s(self, task: Task, farm: Farm) -> float:
        if task.name == "layers":
            return farm.start_s + farm.look_s * self.frames + len(task.frames) * self.frame_s
        return farm.start_s + self.seconds.get(_STAGE.get(task.name, task.name), 0.0)

    def moved_mb(self, task: Task) -> float:
        """Every task reads the plates; chunks write their layers besides."""
        return self.plates_mb + len(task.frames) * self.layers_mb

    def longest_s(self, farm: Farm) -> float:
        """The chain that no number of workers makes shorter: every task in turn, a chunk of one frame among them."""
        chain: tuple[Name, ...] = ("inspect", "cameras", "masks", "train", "report")
        alone = sum(self.compute_s(Task(0, name), farm) for name in chain)
        return alone + self.compute_s(Task(0, "layers", (0,)), farm)


@dataclass(frozen=True)
class Simulated:
    """seconds until all shots are done; busy: those that all workers worked; chunks: of layers."""

    seconds: float
    busy: float
    chunks: int


def simulate(shots: Sequence[Measured], workers: int, farm: Farm, chunk_s: float = CHUNK_S) -> Simulated:
    """All shots on so many workers. A task moves its data at the pace that it has when it begins."""
    settings = preset("preview", "cpu")
    schedule = Schedule([Job(Shot("plates", Path(f"{n}")), settings) for n in range(len(shots))], chunk_s)
    running: list[tuple[float, int, Task, float]] = []
    now, busy, begun, chunks = 0.0, 0.0, 0, 0
    while not schedule.ended:
        while len(running) < workers:
            task = schedule.take(workers)
            if task is None:
                break
            shot = shots[task.shot]
            pace = min(farm.link, farm.storage / (len(running) + 1))
            seconds = shot.compute_s(task, farm) + shot.moved_mb(task) / pace
            heapq.heappush(running, (now + seconds, begun, task, seconds))
            begun, busy, chunks = begun + 1, busy + seconds, chunks + (task.name == "layers")
        now, _, task, seconds = heapq.heappop(running)
        numbers = tuple(range(shots[task.shot].frames)) if task.name == "inspect" else ()
        schedule.end(task, Outcome(0, "", seconds, "simulated", (), numbers))
    return Simulated(now, busy, chunks)


def scaling_entries(
    entries: Sequence[dict[str, Any]], shots: int, workers: Sequence[int], farm: Farm, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """An entry for each number of workers: hours, efficiency against one worker, and the efficiency that the longest shot allows.

    entries: of quality; as many shots are drawn of them.
    """
    measured = [Measured.of(entry, farm) for entry in entries if entry["ended"] == "done"]
    drawn = random.Random(seed).choices(measured, k=shots)
    alone, longest = simulate(drawn, 1, farm).seconds, max(shot.longest_s(farm) for shot in drawn)
    for count in workers:
        made = simulate(drawn, count, farm)
        yield {
            "name": counted(count, "worker"),
            "shots": shots,
            "hours": made.seconds / 3600,
            "shots_an_hour": shots / made.seconds * 3600,
            "chunks": made.chunks,
            "efficiency": alone / (count * made.seconds),
            "limit": min(1.0, alone / (count * longest)),
            "busy": made.busy / (count * made.seconds),
        }
