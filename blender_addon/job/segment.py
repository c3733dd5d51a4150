"""The main buttons: segment, go on, cancel."""

from __future__ import annotations

import bpy

from ..errors import AddonError
from ..properties import run_state, shot_settings
from . import command, shot_request
from .command import Mode
from .core_setup import core_python, not_now
from .job_operator import JobOperator, Task


class _SegmentBase(JobOperator):
    @classmethod
    def mode(cls, context: bpy.types.Context) -> Mode:
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = not_now(context) or shot_request.obstacle(context, cls.mode(context))
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def task(self, context: bpy.types.Context) -> Task:
        mode = self.mode(context)
        reason = shot_request.obstacle(context, mode)
        if reason is not None:
            raise AddonError(reason)
        python = core_python(context)
        request = shot_request.plan(context, mode)
        request = shot_request.export(context, request)
        return Task(
            "Segmenting", python, command.arguments(request), command.log_file(request.out), request.out
        )

    def finished(self, context: bpy.types.Context) -> None:
        shot_settings(context).overwrite = False


class Segment(_SegmentBase):
    """Separate the object from its background: mattes, clean plates, surface and cameras"""

    bl_idname = "surface_sos.segment"
    bl_label = "Segment Footage"

    @classmethod
    def mode(cls, context: bpy.types.Context) -> Mode:
        return shot_request.chosen_mode(context)


class Resume(_SegmentBase):
    """Go on with the shot in the output folder; what is finished and unchanged is kept"""

    bl_idname = "surface_sos.resume"
    bl_label = "Resume"

    @classmethod
    def mode(cls, context: bpy.types.Context) -> Mode:
        return "resume"


class Cancel(bpy.types.Operator):
    """End the job; a checkpoint is kept"""

    bl_idname = "surface_sos.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        run = run_state()
        return run.running and not run.cancelling

    def execute(self, context: bpy.types.Context) -> set[str]:
        run_state().cancelling = True
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((Segment, Resume, Cancel))
