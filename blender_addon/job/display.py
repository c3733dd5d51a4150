"""Shows a job: its messages become the state that panels draw, and the text block that keeps what it said."""

from __future__ import annotations

from typing import Any

import bpy
import bpy.utils.previews

from ..properties import run_state
from . import messages

LOG_NAME = "Surface-SOS Log"
_MANAGER: Any = bpy.types.WindowManager  # the pictures are kept with the class, as Blender's own examples do


def begin(title: str, out: str) -> None:
    run = run_state()
    for name in ("stage", "unit", "message", "success", "warnings", "inputs"):
        setattr(run, name, "")
    run.title, run.out = title, out
    run.done = run.total = run.stage_index = run.stage_count = 0
    run.rate, run.eta_s, run.preview_icon, run.picture_icon = 0.0, -1.0, 0, 0
    run.running, run.cancelling = True, False
    _log_block().clear()
    redraw()


def show(received: list[messages.Message]) -> None:
    """Take in what has come since the last look; of many steps of progress only the last one counts."""
    run = run_state()
    for message in received:
        if isinstance(message, messages.Stage):
            run.stage, run.stage_index, run.stage_count = message.stage, message.index, message.count
            run.done, run.total, run.rate, run.eta_s = 0, 0, 0.0, -1.0
        elif isinstance(message, messages.Progress):
            run.done, run.total, run.unit = message.done, message.total, message.unit
            run.rate = message.rate or 0.0
            run.eta_s = -1.0 if message.eta_s is None else message.eta_s
        elif isinstance(message, messages.Preview):
            run.preview_icon = _load_icon("preview", message.path)
        elif isinstance(message, messages.Warning):
            note(message.message)
        elif isinstance(message, messages.Inputs):
            run.inputs = "\n".join(message.lines)
            if message.picture:
                run.picture_icon = _load_icon("picture", message.picture["path"])
                run.picture_frame = message.picture["frame"]
    lines = [messages.text(message) for message in received if not isinstance(message, messages.Progress)]
    if any(lines):
        _append(_log_block(), "".join(f"{line}\n" for line in lines if line))
    if received:
        redraw()


def note(sentence: str) -> None:
    """One more sentence that stays in the panel until the next job."""
    run = run_state()
    run.warnings = "\n".join([*run.warnings.splitlines(), sentence])


def end(sentence: str) -> None:
    """The job is over and was not done; `sentence` says why."""
    _over(sentence, "")


def done(sentence: str) -> None:
    """The job is over and all of it was done."""
    _over("", sentence)


def _over(message: str, success: str) -> None:
    run = run_state()
    run.running = run.cancelling = False
    run.message, run.success = message, success
    redraw()


def redraw() -> None:
    """Redraw the side bars and the preferences, not the views beside them, which take long."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
            elif area.type in ("VIEW_3D", "CLIP_EDITOR"):
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _load_icon(place: str, path: str) -> int:
    """The icon of the picture at `path` as it is now, instead of the one in its place; Blender reads it in a thread."""
    pictures = _MANAGER.surface_sos_pictures[place]
    pictures.clear()
    return pictures.load(path, path, "IMAGE").icon_id


def _log_block() -> bpy.types.Text:
    return bpy.data.texts.get(LOG_NAME) or bpy.data.texts.new(LOG_NAME)


def _append(block: bpy.types.Text, text: str) -> None:
    block.cursor_set(len(block.lines) - 1, character=len(block.lines[-1].body))
    block.write(text)


@bpy.app.handlers.persistent
def _forget_run(*_: object) -> None:
    """No job outlives the file it was started in, but a file that is saved meanwhile says that one runs."""
    run = run_state()
    run.running = run.cancelling = False
    run.preview_icon = run.picture_icon = 0


def register() -> None:
    bpy.app.handlers.load_post.append(_forget_run)
    _MANAGER.surface_sos_pictures = {place: bpy.utils.previews.new() for place in ("preview", "picture")}


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_forget_run)
    for pictures in _MANAGER.surface_sos_pictures.values():
        bpy.utils.previews.remove(pictures)
    del _MANAGER.surface_sos_pictures
