"""What a child process says, as types: one message for each JSON line of its output (see the core's events.py)."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from ..core import events, wording


@dataclass(frozen=True)
class Stage:
    """A stage begins; `index` counts from 1."""

    stage: str
    index: int
    count: int


@dataclass(frozen=True)
class Progress:
    """How far the running stage is; None where not known yet."""

    stage: str
    done: int
    total: int
    unit: str
    elapsed_s: float
    rate: float | None
    eta_s: float | None


@dataclass(frozen=True)
class Preview:
    """A picture of what has been learnt so far, a PNG at `path`."""

    path: str
    frame: int
    iteration: int


@dataclass(frozen=True)
class Inputs:
    """What was read of the shot's files, a line for each kind, which the line begins with.

    picture: `path` of a PNG of one frame with its mask over it, and its plate number `frame`; empty where none was made.
    """

    lines: list[str]
    picture: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Warning:
    message: str


@dataclass(frozen=True)
class Error:
    message: str
    exit_code: int


@dataclass(frozen=True)
class Done:
    """The run is finished; paths of shot.json and of the report."""

    manifest: str
    report: str | None
    seconds: float


@dataclass(frozen=True)
class Doctor:
    """What `doctor` found: whether the core can run here, and on what."""

    can_run: bool
    device: str
    why: str
    backend: str | None
    pip: str | None
    checks: list[dict[str, Any]]
    mask_sources: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """A farm's task of the shot in `out` has ended; frames: a chunk's. message: why it failed."""

    out: str
    task: str
    frames: str | None
    machine: str
    seconds: float
    message: str | None
    again: bool
    shots_done: int
    shots: int
    machines: int


@dataclass(frozen=True)
class Shot:
    """How one of a farm's shots ended; message: why it failed, None where it is done."""

    out: str
    message: str | None
    exit_code: int


@dataclass(frozen=True)
class Log:
    """A line of output that is no event."""

    line: str


Message = Stage | Progress | Preview | Inputs | Warning | Error | Done | Doctor | Task | Shot | Log

_KINDS: dict[str, type[Stage | Progress | Preview | Inputs | Warning | Error | Done | Doctor | Task | Shot]] = {
    "stage": Stage,
    "progress": Progress,
    "preview": Preview,
    "inputs": Inputs,
    "warning": Warning,
    "error": Error,
    "done": Done,
    "doctor": Doctor,
    "task": Task,
    "shot": Shot,
}


def from_line(line: str) -> Message:
    """The message in one line of a child's stdout; a line that is no event we know is a Log."""
    event = events.parse_line(line)
    kind = _KINDS.get(event["event"]) if event is not None else None
    if event is None or kind is None:
        return Log(line.rstrip())
    needed = {own.name for own in fields(kind) if own.default_factory is MISSING}
    if not needed <= set(event):
        return Log(line.rstrip())
    return kind(**{own.name: event[own.name] for own in fields(kind) if own.name in event})


def text(message: Message) -> str | None:
    """A message as a line for a terminal or a log; None for previews, and for how it ended, which stderr tells."""
    if isinstance(message, Stage):
        return f"[{message.index}/{message.count}] {message.stage}"
    if isinstance(message, Progress):
        return f"    {message.stage}: {progress_text(message)}"
    if isinstance(message, Inputs):
        return "\n".join(f"    {line}" for line in message.lines)
    if isinstance(message, Warning):
        return f"    note: {message.message}"
    if isinstance(message, Done):
        return f"Done in {duration(message.seconds)}: {message.manifest}"
    if isinstance(message, Doctor):
        return doctor_text(message)
    if isinstance(message, Task):
        return f"    {wording.task_in_words(vars(message))}"
    return message.line if isinstance(message, Log) else None


def progress_text(progress: Progress) -> str:
    """'120/400 iterations, 3.4 iterations/s, 1:22 left'"""
    parts = [f"{progress.done}/{progress.total} {progress.unit}"]
    if progress.rate:
        parts.append(f"{progress.rate:.3g} {progress.unit}/s")
    if progress.eta_s is not None:
        parts.append(f"{duration(progress.eta_s)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def doctor_text(doctor: Doctor) -> str:
    """What is missing, if anything, and which device will be used, a line each."""
    lines = [
        f"{'Missing: ' if check.get('missing') else ''}{check.get('name')} {check.get('value')}"
        + (f" ({check['advice']})" if check.get("advice") else "")
        for check in doctor.checks
    ]
    verdict = "The core can run" if doctor.can_run else "The core cannot run yet"
    return "\n".join([f"{verdict}; device: {doctor.device}, because {doctor.why}", *lines])
