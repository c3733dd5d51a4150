"""What the panel's buttons do."""

import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import bpy

from . import check_image, command, display, overlays, scene_box, shot_request
from .command import Mode
from .core import wording
from .errors import AddonError
from .job_operator import JobOperator, Task
from .preferences import core_obstacle, core_python
from .properties import run_state, shot_settings


class _SegmentBase(JobOperator):
    @classmethod
    def mode(cls, context: bpy.types.Context) -> Mode:
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = _not_now(context) or shot_request.obstacle(context, cls.mode(context))
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


class CheckFootage(JobOperator):
    """Show what would be read of footage, masks and cameras, and a frame with its mask; takes seconds, changes nothing"""

    bl_idname = "surface_sos.check_footage"
    bl_label = "Check Footage"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = _not_now(context) or shot_request.inputs_obstacle(context)
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None

    def task(self, context: bpy.types.Context) -> Task:
        # What Blender has to give is not exported beside the shot: nothing has been decided yet.
        request = replace(shot_request.plan(context, "new"), out=str(Path(bpy.app.tempdir) / "check"))
        request = shot_request.export(context, request)
        return Task(
            "Checking the footage", core_python(context), command.inspect_arguments(request, _check_picture())
        )

    def finished(self, context: bpy.types.Context) -> None:
        check_image.show(_check_picture())


def _check_picture() -> Path:
    return Path(bpy.app.tempdir) / check_image.FILE_NAME


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


class SolveCameras(JobOperator):
    """Solve the cameras alone and import them, so that the scene box can be set before segmenting"""

    bl_idname = "surface_sos.solve"
    bl_label = "Solve and Import"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = (
            _not_now(context) or shot_request.footage_obstacle(context) or shot_request.no_out(context)
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


class FindMasks(JobOperator):
    """Find the coarse masks alone, and show them over the plate; repaint them as you like before you segment"""

    bl_idname = "surface_sos.find_masks"
    bl_label = "Find Masks"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = _not_now(context) or shot_request.obstacle(context, "overwrite")
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


class AddBox(bpy.types.Operator):
    """Add a box around the sparse points of the imported cameras; move and scale it to hold the object"""

    bl_idname = "surface_sos.add_box"
    bl_label = "Add Scene Box"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            box = scene_box.add(context.scene)
        except AddonError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        shot_settings(context).box = box
        for thing in context.selected_objects:
            thing.select_set(False)
        box.select_set(True)
        context.view_layer.objects.active = box
        return {"FINISHED"}


class OpenReport(bpy.types.Operator):
    """Open the report of the shot in the web browser"""

    bl_idname = "surface_sos.open_report"
    bl_label = "Open Report"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _report(context).is_file():
            return True
        cls.poll_message_set("The shot has no report yet: it is written at the end.")
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        webbrowser.open(_report(context).resolve().as_uri())
        return {"FINISHED"}


def _report(context: bpy.types.Context) -> Path:
    return shot_request.out_folder(context) / "report.html"


def _not_now(context: bpy.types.Context) -> str | None:
    """Why no job can start, whatever is asked for."""
    return "A job is running: wait for it or cancel it." if run_state().running else core_obstacle(context)


_CLASSES = (Segment, Resume, CheckFootage, Cancel, SolveCameras, FindMasks, AddBox, OpenReport)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
