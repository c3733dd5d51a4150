"""Events as a person reads them: progress bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Protocol, TextIO

from surface_sos_core.wording import task_in_words

_LINE_SECONDS = 10.0  # between two plain lines of progress


class Display(Protocol):
    """A listener for Events; `close` ends what it draws, and may be called more than once."""

    def __call__(self, event: dict[str, Any]) -> None: ...
    def close(self) -> None: ...


def display() -> Display:
    """Bars where stdout is a terminal, lines where it is a file or a pipe."""
    return Bars() if sys.stdout is not None and sys.stdout.isatty() else Lines(sys.stdout)


def say(line: str, stream: TextIO) -> None:
    """Write a line at once. Where the reader has gone the work goes on, and what follows is dropped."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        drop(stream)


def drop(stream: TextIO) -> None:
    """Let all that is, or will be, written to `stream` vanish, so that nothing trips over a closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def describe(progress: dict[str, Any]) -> str:
    """A progress event in words, as "120/400 steps, 9.5 steps/s, 0:29 left"; unknowns are left out."""
    parts = [f"{progress['done']}/{progress['total']} {progress['unit']}"]
    if progress["rate"]:
        parts.append(f"{progress['rate']:.3g} {progress['unit']}/s")
    if progress["eta_s"] is not None and progress["done"] < progress["total"]:
        parts.append(f"{clock(progress['eta_s'])} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """0:07, 12:30, 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


class Lines:
    """Stages, warnings and the first preview, a line each; progress now and then and once where it is complete."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next_line = 0.0
        self._complete = False
        self._previewed = False

    def __call__(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "stage":
                self._write(f"[{event['index']}/{event['count']}] {event['stage']}")
                self._next_line, self._complete = time.monotonic() + _LINE_SECONDS, False
            case "progress":
                told, self._complete = self._complete, event["done"] >= event["total"]
                if (self._complete and not told) or time.monotonic() >= self._next_line:
                    self._write(f"      {describe(event)}")
                    self._next_line = time.monotonic() + _LINE_SECONDS
            case "inputs":
                for line in event["lines"]:
                    self._write(f"      {line}")
            case "task":
                self._write(task_in_words(event))
            case "warning":
                self._write(f"Warning: {event['message']}")
            case "preview" if not self._previewed:
                self._previewed = True
                self._write(f"      preview: {event['path']}")

    def close(self) -> None:
        pass

    def _write(self, line: str) -> None:
        say(line, self._stream)


class Bars:
    """A bar for each stage with rate and time left; warnings and the first preview are lines above them."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.fields[place]} {task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=Console(highlight=False),
        )
        self._task: Any = None
        self._previewed = False

    def __call__(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "stage":
                self._finish_stage()
                self._progress.start()
                place = f"{event['index']}/{event['count']}"
                self._task = self._progress.add_task(event["stage"], total=None, place=place, numbers="")
            case "progress" if self._task is not None:
                self._progress.update(
                    self._task, completed=event["done"], total=event["total"], numbers=describe(event)
                )
            case "inputs":
                for line in event["lines"]:
                    self._print(line, "dim")
            case "task":
                self._print(task_in_words(event), "yellow" if event["message"] else "dim")
            case "warning":
                self._print(f"Warning: {event['message']}", "yellow")
            case "preview" if not self._previewed:
                self._previewed = True
                self._print(f"Preview: {event['path']}", "dim")
            case "done":
                self._finish_stage()
                self.close()

    def close(self) -> None:
        self._progress.stop()

    def _finish_stage(self) -> None:
        """Leave the running stage's bar full."""
        if self._task is not None:
            total = self._progress.tasks[self._task].total or 1
            self._progress.update(self._task, completed=total, total=total)
            self._progress.stop_task(self._task)
            self._task = None

    def _print(self, line: str, style: str) -> None:
        self._progress.console.print(line, style=style, markup=False, emoji=False, soft_wrap=True)
