"""The coarse masks alone, found by the core and shown over the plate."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core import wording
from ..properties import run_state, shot_settings
from ..scene import overlays
from . import command, display, shot_request
from .core_setup import core_python, not_now
from .job_operator import JobOperator, Task


class FindMasks(JobOperator):
    """Find the coarse masks alone, and show them over the plate; repaint them as you like before you segment"""

    bl_idname = "surface_sos.find_masks"
    bl_label = "Find Masks"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = not_now(context) or shot_request.obstacle(context, "overwrite")
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def task(self, context: bpy.types.Context) -> Task:
        request = shot_request.export(context, shot_request.plan(context, "overwrite"))
        folder = command.job_folder(request.out) / "found"
        return Task(
            "Finding masks",
            core_python(context),
            command.masks_arguments(request, folder),
            command.log_file(request.out),
            str(folder),
        )

    def finished(self, context: bpy.types.Context) -> None:
        settings, folder = shot_settings(context), Path(run_state().out)
        overlays.show_masks(context.scene, folder)
        if settings.masks_from in shot_request.DRAWN and settings.cameras_from == "SOLVE":
            # Cameras carry what is drawn to all frames; without them it is followed as far as that goes.
            found = wording.counted(len(list(folder.glob("*.png"))), "frame")
            display.note(
                f"Without cameras the object was found in {found}: Segment Footage solves them and goes by what is drawn; "
                f"to go by these masks instead, choose Folder and {folder}."
            )
            return
        settings.masks_from, settings.masks, settings.pick = "FOLDER", str(folder), ""


register, unregister = bpy.utils.register_classes_factory((FindMasks,))
