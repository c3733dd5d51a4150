"""An operator whose work is a child process: modal in a window, blocking in a script."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import bpy

from ..errors import AddonError
from ..properties import run_state
from . import display, messages, process

_TICK_S = 0.1
_LOADED = (
    "Another file was opened while the job ran, so it was cancelled; Resume goes on from its checkpoint."
)
_CLOSED = "The job's window was closed, so it was cancelled; Resume goes on from its checkpoint."


@dataclass(frozen=True)
class Task:
    """What to run. log: kept open and locked while it runs; out: the shot's folder, where there is one."""

    title: str
    python: Path
    arguments: list[str]
    log: Path | None = None
    out: str = ""


class JobOperator(bpy.types.Operator):
    """Never registered itself; a subclass says what to run, and what follows.

    `invoke` starts the job and looks after it from a timer; `execute` waits for its end. One job at a time.
    """

    _job: process.Job | None = None
    _before_load: Callable[..., None] | None = None
    _timer: bpy.types.Timer | None = None
    _title = ""
    _began = 0.0
    _error: messages.Error | None = None
    _last_line = ""

    def task(self, context: bpy.types.Context) -> Task:
        """What to run; AddonError where something is missing."""
        raise NotImplementedError

    def received(self, message: messages.Message) -> None:
        """Told every message."""

    def finished(self, context: bpy.types.Context) -> None:
        """Called when the job is done; AddonError where what follows cannot be done."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            task = self.task(context)
            self._begin(task)
            code = process.run_blocking(task.python, task.arguments, self._print, task.log)
        except AddonError as error:
            return self._fail(str(error))
        return self._end(context, code)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:  # no events, so no timers
            return self.execute(context)
        try:
            task = self.task(context)
            self._job = process.Job.start(task.python, task.arguments, task.log)
        except AddonError as error:
            return self._fail(str(error))
        self._before_load = partial(_cancel_for_load, self._job)
        bpy.app.handlers.load_pre.append(self._before_load)
        self._begin(task)
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER" or self._job is None:
            return {"PASS_THROUGH"}
        if run_state().cancelling:
            self._job.cancel()
        code = self._job.poll()
        received = self._job.messages()
        for message in received:
            self._take(message)
        display.show(received)
        if code is None:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        bpy.app.handlers.load_pre.remove(self._before_load)
        return self._end(context, code)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: its window is closed, or another file is opened."""
        if self._job is None:
            return
        self._job.cancel()
        if self._before_load in bpy.app.handlers.load_pre:
            bpy.app.handlers.load_pre.remove(self._before_load)
            display.end(_CLOSED)

    def _begin(self, task: Task) -> None:
        self._title, self._began = task.title, time.monotonic()
        display.begin(task.title, task.out)

    def _take(self, message: messages.Message) -> None:
        if isinstance(message, messages.Error):
            self._error = message
        elif isinstance(message, messages.Log) and message.line:
            self._last_line = message.line
        self.received(message)

    def _print(self, message: messages.Message) -> None:
        self._take(message)
        display.show([message])
        line = messages.text(message)
        if line is not None:
            print(line, flush=True)

    def _end(self, context: bpy.types.Context, code: int) -> set[str]:
        sentence = process.ending(code, self._error, self._last_line)
        if sentence is not None:
            return self._fail(sentence, "WARNING" if code == process.CANCELLED else "ERROR")
        told = f"{self._title}: done in {messages.duration(time.monotonic() - self._began)}."
        display.done(told)
        try:
            self.finished(context)
        except AddonError as error:
            return self._fail(str(error))
        self.report({"INFO"}, told)
        return {"FINISHED"}

    def _fail(self, sentence: str, kind: Literal["ERROR", "WARNING"] = "ERROR") -> set[str]:
        display.end(sentence)
        self.report({kind}, sentence)
        return {"CANCELLED"}


def _cancel_for_load(running: process.Job, *_: object) -> None:
    """The state of the job goes with the old file, so what became of it is told once the new one is there."""
    running.cancel()
    bpy.app.handlers.load_post.append(_tell_after_load)


@bpy.app.handlers.persistent
def _tell_after_load(*_: object) -> None:
    bpy.app.handlers.load_post.remove(_tell_after_load)
    display.end(_LOADED)
