"""The cameras alone, solved by the core and imported."""

from __future__ import annotations

import bpy

from ..errors import AddonError
from ..properties import run_state, shot_settings
from . import command, shot_request
from .core_setup import core_python, not_now
from .job_operator import JobOperator, Task


class SolveCameras(JobOperator):
    """Solve the cameras alone and import them, so that the scene box can be set before segmenting"""

    bl_idname = "surface_sos.solve"
    bl_label = "Solve and Import"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = (
            not_now(context) or shot_request.footage_obstacle(context) or shot_request.no_out(context)
        )
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def task(self, context: bpy.types.Context) -> Task:
        request = shot_request.plan(context, "new")
        model = command.job_folder(request.out) / "solved"
        words = ["-m", "surface_sos_core", "solve", request.footage, "--out", str(model), "--overwrite"]
        return Task(
            "Solving",
            core_python(context),
            [*words, "--events", "jsonl"],
            command.log_file(request.out),
            str(model),
        )

    def finished(self, context: bpy.types.Context) -> None:
        settings, model = shot_settings(context), run_state().out
        settings.cameras_from, settings.cameras = "MODEL", model
        import_cameras = bpy.ops.surface_sos.import_cameras  # type: ignore[attr-defined]
        try:
            import_cameras(directory=model, footage=shot_request.footage(context))
        except RuntimeError as error:  # how an operator tells a script of an error
            raise AddonError(" ".join(str(error).split())) from error


register, unregister = bpy.utils.register_classes_factory((SolveCameras,))
