"""A result corrected by what was drawn on it: what depends on that is made again, and loaded."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..errors import AddonError
from ..properties import shot_settings
from ..scene import load_result, shot_notes, strokes
from . import command
from .core_setup import core_python, not_now
from .job_operator import JobOperator, Task


class _CorrectBase(JobOperator):
    def words(self, context: bpy.types.Context, notes: shot_notes.ShotNotes) -> list[str]:
        """The options of `surface-sos correct`."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = not_now(context)
        if reason is None and shot_notes.read(context.scene) is None:
            reason = "Load a result first."
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def task(self, context: bpy.types.Context) -> Task:
        notes = shot_notes.read(context.scene)
        if notes is None:
            raise AddonError("Load a result first.")
        words = ["-m", "surface_sos_core", "correct", notes.out, *self.words(context, notes)]
        return Task(
            "Updating", core_python(context), [*words, "--events", "jsonl"], command.log_file(notes.out), notes.out
        )

    def finished(self, context: bpy.types.Context) -> None:
        notes, scene = shot_notes.read(context.scene), context.scene
        if notes is None:
            return
        frame = scene.frame_current
        load_result.load(context, Path(notes.out))
        scene.frame_set(frame)


class Update(_CorrectBase):
    """Make again what the strokes or the painted masks change: these frames and those around them; what was drawn is the law"""

    bl_idname = "surface_sos.update"
    bl_label = "Update"

    def words(self, context: bpy.types.Context, notes: shot_notes.ShotNotes) -> list[str]:
        painted = shot_settings(context).painted
        if painted:
            return [f"--by={bpy.path.abspath(painted)}"]
        clip = strokes.clip_of(notes.footage)
        if clip is None:
            raise AddonError("Nothing is drawn yet: choose Object or Background and draw on a frame in the clip editor.")
        return [f"--by={strokes.export(clip, command.job_folder(notes.out) / 'strokes.json')}"]


class TakeBack(_CorrectBase):
    """Take back the corrections of the frame in view, and make it again without them; erase its strokes, or Update draws them again"""

    bl_idname = "surface_sos.take_back"
    bl_label = "Take Back"

    def words(self, context: bpy.types.Context, notes: shot_notes.ShotNotes) -> list[str]:
        return [f"--forget={context.scene.frame_current}"]


register, unregister = bpy.utils.register_classes_factory((Update, TakeBack))
