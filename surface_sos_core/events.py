"""What a run tells its caller while it works: one JSON object a line, version 1.

Every object has "event" and "version". The kinds and their further fields:

    stage     stage (its name), index (from 1), count
    progress  stage, done, total, unit, elapsed_s, rate (units a second), eta_s; null where not known yet
    preview   path (a PNG), frame (its plate number), iteration
    inputs    footage, frames, objects, cameras: what was read, as `inspect --json` prints it but for means; lines: the
              same for a person; picture (path, frame) where `inspect` wrote one
    warning   message
    error     message, exit_code
    done      manifest (path of shot.json), report (path or null), seconds
    task      of a farm: out (the shot's folder), task, frames (of a chunk, else null), machine, seconds, message (why it
              failed, else null), again (whether it is tried again), shots_done, shots, machines
    shot      of a farm, at its end, in the order of the list: out, message (why it failed, else null), exit_code

Standard library only: the Blender add-on ships a copy of this file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VERSION = 1

Listener = Callable[[dict[str, Any]], None]
"""What is called with each event, on the thread that caused it; what it raises ends the run."""


class Events:
    """Tells a listener what happens, and keeps the warnings for the report.

    `check`, and what `heed` is given, is called before each event; it raises where the run is to end.
    """

    def __init__(self, listener: Listener | None = None, check: Callable[[], None] | None = None) -> None:
        self._listener = listener
        self._checks = [] if check is None else [check]
        self._stage = ""
        self._stage_start = time.monotonic()
        self.warnings: list[str] = []
        self.timings: dict[str, float] = {}

    def heed(self, check: Callable[[], None]) -> None:
        self._checks.append(check)

    def emit(self, event: str, **fields: Any) -> None:
        for check in self._checks:
            check()
        if self._listener is not None:
            self._listener({"event": event, "version": VERSION, **fields})

    def stage(self, name: str, index: int, count: int) -> None:
        """A stage begins; the one before it has ended."""
        self.end_stage()
        self._stage, self._stage_start = name, time.monotonic()
        self.emit("stage", stage=name, index=index, count=count)

    def end_stage(self) -> None:
        """Book the running stage's seconds in `timings`."""
        if self._stage:
            spent = time.monotonic() - self._stage_start
            self.timings[self._stage] = self.timings.get(self._stage, 0.0) + spent
            self._stage = ""

    def progress(self, done: int, total: int, unit: str, rate: float | None = None) -> None:
        """`done` of `total` units of the running stage are finished; `rate` overrides the mean rate."""
        elapsed = time.monotonic() - self._stage_start
        if rate is None and done > 0 and elapsed > 0:
            rate = done / elapsed
        eta = (total - done) / rate if rate else None
        self.emit(
            "progress", stage=self._stage, done=done, total=total, unit=unit,
            elapsed_s=round(elapsed, 3), rate=rate, eta_s=eta,
        )  # fmt: skip

    def inputs(self, told: dict[str, Any], lines: list[str]) -> None:
        """What was read: footage, frames, objects and cameras, as `inspect_shot.described` has them, and `in_words`."""
        self.emit("inputs", **told, lines=lines)

    def preview(self, path: Path, frame: int, iteration: int) -> None:
        self.emit("preview", path=str(path), frame=frame, iteration=iteration)

    def warning(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)
            self.emit("warning", message=message)

    def error(self, message: str, exit_code: int) -> None:
        self.emit("error", message=message, exit_code=exit_code)

    def task(
        self,
        out: Path,
        task: str,
        frames: str | None,
        machine: str,
        seconds: float,
        message: str | None,
        again: bool,
        shots: tuple[int, int],
        machines: int,
    ) -> None:
        """A farm's task of the shot in `out` has ended; shots: how many have, of how many."""
        self.emit(
            "task", out=str(out), task=task, frames=frames, machine=machine, seconds=round(seconds, 2), message=message,
            again=again, shots_done=shots[0], shots=shots[1], machines=machines,
        )  # fmt: skip

    def shot(self, out: str, message: str | None, exit_code: int) -> None:
        """How one of a farm's shots ended; out: its folder, or which of the list it is."""
        self.emit("shot", out=out, message=message, exit_code=exit_code)

    def done(self, manifest: Path, report: Path | None, seconds: float) -> None:
        self.emit("done", manifest=str(manifest), report=str(report) if report else None, seconds=seconds)


def json_line(event: dict[str, Any]) -> str:
    """One event as a line of JSON, ASCII only so that any pipe's encoding carries it."""
    return json.dumps(event, allow_nan=False) + "\n"


def parse_line(line: str) -> dict[str, Any] | None:
    """The event in a line of output, or None where the line is something else (a library's print)."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
