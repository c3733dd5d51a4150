"""The panel "Surface-SOS" in the side bars of the 3D viewport and of the clip editor."""

import bpy

from . import command, display, shot_request
from .operators import AddBox, OpenReport, Resume, Segment, SolveCameras
from .panel_parts import draw_run, draw_sentence


class _ShotPanel:
    """Both panels: what is asked for, the button, how it goes, what to do with the result."""

    bl_label = "Surface-SOS"
    bl_region_type = "UI"
    bl_category = "Surface-SOS"

    def draw(self, context):
        settings, run, layout = context.scene.surface_sos, display.state(), self.layout
        inputs = layout.column()
        inputs.enabled = not run.running
        _draw_inputs(inputs, context, settings)
        _draw_button(layout, context, run)
        draw_run(layout, run)
        _draw_result(layout, context)


class SURFACE_SOS_PT_viewport(_ShotPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class SURFACE_SOS_PT_clip(_ShotPanel, bpy.types.Panel):
    bl_space_type = "CLIP_EDITOR"


def _draw_inputs(layout, context, settings) -> None:
    _choice(layout, settings, "footage_from", {"FILES": "footage", "CLIP": "clip"})
    _choice(layout, settings, "masks_from", {"FOLDER": "masks", "MASK": "mask"})
    _choice(layout, settings, "cameras_from", {"MODEL": "cameras"})
    if settings.cameras_from == "SOLVE":
        layout.operator(SolveCameras.bl_idname)
    row = layout.row(align=True)
    row.prop(settings, "box")
    row.operator(AddBox.bl_idname, text="", icon="CUBE")
    layout.prop(settings, "preset")
    layout.prop(settings, "device")
    layout.prop(settings, "frames")
    layout.prop(settings, "out")
    layout.prop(settings, "overwrite")


def _choice(layout, settings, choice: str, fields: dict[str, str]) -> None:
    """A choice, and below it the field that the chosen kind needs."""
    column = layout.column(align=True)
    column.prop(settings, choice)
    field = fields.get(getattr(settings, choice))
    if field is not None:
        column.prop(settings, field, text="")


def _draw_button(layout, context, run) -> None:
    big = layout.column()
    big.scale_y = 1.6
    big.operator(Segment.bl_idname, icon="MOD_MASK")
    if command.holds_shot(shot_request.out_folder(context)):
        layout.operator(Resume.bl_idname, icon="FILE_REFRESH")
    reason = shot_request.obstacle(context, shot_request.chosen_mode(context))
    if reason is not None and not run.running:
        draw_sentence(layout, reason, "INFO")


def _draw_result(layout, context) -> None:
    out = shot_request.out_folder(context)
    row = layout.row(align=True)
    row.enabled = command.holds_shot(out)
    row.operator("surface_sos.load_result", icon="IMPORT").out = str(out)
    row.operator(OpenReport.bl_idname, icon="URL")
    if not row.enabled:
        draw_sentence(layout, "Results can be loaded once the output folder holds a shot.", "INFO")


_CLASSES = (SURFACE_SOS_PT_viewport, SURFACE_SOS_PT_clip)


def register() -> None:
    for kind in _CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    for kind in reversed(_CLASSES):
        bpy.utils.unregister_class(kind)
