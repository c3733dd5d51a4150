"""Where a command's words go: to a person, or as events to a stdout that holds nothing else; and how signals end it."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from itertools import pairwise
from types import FrameType
from typing import Any, TextIO

from surface_sos_core.errors import Cancelled
from surface_sos_core.events import json_line
from surface_sos_core.terminal import Display, display, drop


def asks_for_events(words: Sequence[str]) -> bool:
    """Whether stdout belongs to events; asked before parsing, since a parser's error is an event as well."""
    return "--events=jsonl" in words or ("--events", "jsonl") in pairwise(words)


@contextmanager
def output(as_events: bool) -> Iterator[Display]:
    """A listener that shows events to a person, or writes them to a stdout that holds nothing else."""
    if as_events:
        with _stdout_for_events() as stream:
            yield _JsonLines(stream)
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot show stop nothing
    shown = display()
    try:
        yield shown
    finally:
        shown.close()
        _flush_stdout()


class _JsonLines:
    """Writes every event as it comes, and stops the run when nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: dict[str, Any]) -> None:
        try:
            self._stream.write(json_line(event))
            self._stream.flush()
        except OSError as error:
            raise Cancelled("The program that reads the events has gone") from error

    def close(self) -> None:
        pass


@contextmanager
def _stdout_for_events() -> Iterator[TextIO]:
    """Yields what was stdout; meanwhile all that libraries and child processes print there goes to stderr."""
    sys.stdout.flush()
    stream = open(os.dup(1), "w", encoding="ascii", newline="\n")  # noqa: SIM115 (closed below, quietly)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield stream
    finally:
        os.dup2(stream.fileno(), 1)
        with suppress(OSError):
            stream.close()


def _flush_stdout() -> None:
    """Write out what is left; where the reader has gone, leave nothing for the interpreter to trip over."""
    try:
        sys.stdout.flush()
    except OSError:
        drop(sys.stdout)


@contextmanager
def signals_cancel() -> Iterator[None]:
    """Let the signals that ask a program to end raise Cancelled, as Ctrl-C raises KeyboardInterrupt."""
    names = ("SIGTERM", "SIGBREAK")  # the latter is how a parent process asks on Windows
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before: dict[int, Any] = {}
    try:
        for number in signals:
            with suppress(ValueError):  # only the main thread may ask for signals
                before[number] = signal.signal(number, _cancel)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cancel(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def leave_untold(_: object) -> None:
    """In place of `sys.unraisablehook` once a run was cancelled: what fails while it is taken down is no news."""
