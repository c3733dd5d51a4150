"""The panel "Surface-SOS" in the side bars of the 3D viewport and of the clip editor."""

import bpy
from bpy.types import UILayout

from . import command, shot_objects, shot_request
from .operators import AddBox, CheckFootage, FindMasks, OpenReport, Resume, Segment, SolveCameras
from .panel_parts import draw_inputs, draw_run, draw_sentence
from .preferences import ShowPreferences, core_obstacle
from .properties import SurfaceSosSettings, run_state, shot_settings


class _ShotPanel(bpy.types.Panel):
    """Both panels: what is asked for, the button, how it goes, what to do with the result."""

    bl_label = "Surface-SOS"
    bl_region_type = "UI"
    bl_category = "Surface-SOS"

    def draw(self, context: bpy.types.Context) -> None:
        settings, run, layout = shot_settings(context), run_state(), self.layout
        if run.running:  # a side bar has no room for all
            draw_run(layout, run)
            draw_inputs(layout, run)
            return
        if (reason := core_obstacle(context)) is not None:
            box = layout.box()
            draw_sentence(box, reason, "ERROR")
            box.operator(ShowPreferences.bl_idname, icon="PREFERENCES")
        _draw_inputs(layout, settings)
        _draw_buttons(layout, context)
        draw_run(layout, run)
        draw_inputs(layout, run)


class SURFACE_SOS_PT_viewport(_ShotPanel):
    bl_space_type = "VIEW_3D"


class SURFACE_SOS_PT_clip(_ShotPanel):
    bl_space_type = "CLIP_EDITOR"


def _draw_inputs(layout: UILayout, settings: SurfaceSosSettings) -> None:
    _choice(layout, settings, "footage_from", {"FILES": "footage", "CLIP": "clip"})
    fields = {"FOLDER": "masks", "MASK": "mask", "BOX": "mask", **dict.fromkeys(command.NETWORKS, "weights")}
    masks = _choice(layout, settings, "masks_from", fields)
    if settings.masks_from in ("FOLDER", "maskrcnn"):
        masks.prop(settings, "pick")
    if settings.masks_from not in ("FOLDER", "MASK"):
        masks.operator(FindMasks.bl_idname)
    cameras = _choice(layout, settings, "cameras_from", {"MODEL": "cameras"})
    if settings.cameras_from == "SOLVE":
        cameras.operator(SolveCameras.bl_idname)
    box = _labelled(layout, "Scene Box").row(align=True)
    box.prop(settings, "box", text="")
    box.operator(AddBox.bl_idname, text="", icon="CUBE")
    row = _labelled(layout, "Preset and Device").row(align=True)
    row.prop(settings, "preset", text="")
    row.prop(settings, "device", text="")
    _labelled(layout, "Frames with Layers").prop(settings, "frames", text="")
    out = _labelled(layout, "Output Folder")
    out.prop(settings, "out", text="")
    out.prop(settings, "overwrite")


def _choice(layout: UILayout, settings: SurfaceSosSettings, choice: str, fields: dict[str, str]) -> UILayout:
    """A choice, and below it the field that the chosen kind needs."""
    column = _labelled(layout, settings.bl_rna.properties[choice].name)
    column.prop(settings, choice, text="")
    field = fields.get(getattr(settings, choice))
    if field is not None:
        column.prop(settings, field, text="")
    return column


def _labelled(layout: UILayout, text: str) -> UILayout:
    """A column below its name, since a side bar is too narrow for both in a line."""
    column = layout.column(align=True)
    column.label(text=text)
    return column


def _draw_buttons(layout: UILayout, context: bpy.types.Context) -> None:
    """What can be done now, and why the rest cannot."""
    out = shot_request.out_folder(context)
    big = layout.column()
    big.scale_y = 1.6
    big.operator(Segment.bl_idname, icon="MOD_MASK")
    layout.operator(CheckFootage.bl_idname, icon="VIEWZOOM")
    if command.holds_shot(out):
        layout.operator(Resume.bl_idname, icon="FILE_REFRESH")
        column = layout.column(align=True)
        column.operator("surface_sos.load_result", icon="IMPORT").out = str(out)
        column.operator(OpenReport.bl_idname, icon="URL")
    if shot_objects.find(context.scene, None, shot_objects.MESH) is not None:
        layout.operator_menu_enum("surface_sos.mesh_role", "role", text="Use Mesh As")
    reason = shot_request.obstacle(context, shot_request.chosen_mode(context))
    if reason is not None:
        draw_sentence(layout, reason, "INFO")


_CLASSES = (SURFACE_SOS_PT_viewport, SURFACE_SOS_PT_clip)


def register() -> None:
    for kind in _CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    for kind in reversed(_CLASSES):
        bpy.utils.unregister_class(kind)
