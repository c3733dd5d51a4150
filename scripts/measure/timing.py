"""How long something takes: medians, with the processor's time beside the clock's."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Milliseconds of several runs, and of the processor on all threads, which other work changes less."""

    name: str
    milliseconds: list[float]
    processor: list[float]

    @staticmethod
    def between(name: str, moments: Sequence[tuple[float, float]]) -> Timing:
        """From the `moment`s before the first run, between runs and after the last one."""
        wall, processor = ([1e3 * (b[n] - a[n]) for a, b in pairwise(moments)] for n in (0, 1))
        return Timing(name, wall, processor)

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    def entry(self, plain: Timing | None = None) -> dict[str, Any]:
        """JSON-ready; with a plain twin also how many times as fast as that it is, by the clock and by the processor."""
        busy = statistics.median(self.processor)
        found = {
            "name": self.name,
            "median_ms": self.median,
            "quickest_ms": min(self.milliseconds),
            "processor_ms": busy,
        }
        if plain is not None:
            found["times_plain"] = plain.median / self.median
            found["times_plain_by_processor"] = statistics.median(plain.processor) / busy if busy else None
        return found


def timed(name: str, runs: int, job: Callable[[], object]) -> Timing:
    """Run `job` once unseen, for whatever is compiled or loaded first, and then `runs` times."""
    job()
    moments = [moment()]
    for _ in range(runs):
        job()
        moments.append(moment())
    return Timing.between(name, moments)


def moment() -> tuple[float, float]:
    """Seconds on the clock, and of the processor in this process and those that it has waited for."""
    children = os.times()
    return time.perf_counter(), time.process_time() + children.children_user + children.children_system


def wait_for(device: str) -> None:
    """Until a GPU has done what it was asked to."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
