"""What would be read of a shot, told in the panel, and a picture of a frame with its mask for a closer look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from . import command, shot_request
from .core_setup import core_python, not_now
from .job_operator import JobOperator, Task

PICTURE = "Surface-SOS Check.png"


class CheckFootage(JobOperator):
    """Show what would be read of footage, masks and cameras, and a frame with its mask; takes seconds, changes nothing"""

    bl_idname = "surface_sos.check_footage"
    bl_label = "Check Footage"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = not_now(context) or shot_request.inputs_obstacle(context)
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def task(self, context: bpy.types.Context) -> Task:
        # What Blender has to give is not exported beside the shot: nothing has been decided yet.
        request = replace(shot_request.plan(context, "new"), out=str(Path(bpy.app.tempdir) / "check"))
        request = shot_request.export(context, request)
        return Task(
            "Checking the footage", core_python(context), command.inspect_arguments(request, _picture())
        )

    def finished(self, context: bpy.types.Context) -> None:
        _show(_picture())


def _picture() -> Path:
    return Path(bpy.app.tempdir) / PICTURE


def _show(file: Path) -> None:
    """Show the picture wherever the one of an earlier check is shown; packed, since its file goes when Blender ends."""
    old: bpy.types.Image | None = bpy.data.images.get(PICTURE)
    new = bpy.data.images.load(str(file))
    new.pack()
    if old is not None:
        old.user_remap(new)
        bpy.data.images.remove(old)
        new.name = PICTURE


register, unregister = bpy.utils.register_classes_factory((CheckFootage,))
