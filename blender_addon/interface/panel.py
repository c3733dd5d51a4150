"""The panel "Surface-SOS" in the side bars of the 3D viewport and of the clip editor: the next step, then what it goes by."""

from typing import Any, ClassVar

import bpy
from bpy.types import UILayout

from ..job import command, shot_request
from ..job.check_footage import CheckFootage
from ..job.core_setup import core_obstacle
from ..job.find_masks import FindMasks
from ..job.report import OpenReport
from ..job.segment import Resume, Segment
from ..job.solve_cameras import SolveCameras
from ..job.update import TakeBack, Update
from ..properties import SurfaceSosSettings, run_state, shot_settings
from ..scene import import_cameras, looking, shot_notes, shot_objects, strokes, world
from ..scene.export_scene import ExportScene
from ..scene.load_result import LoadResult
from ..scene.scene_box import AddBox
from ..scene.strokes import DrawStrokes
from .panel_parts import draw_inputs, draw_run, draw_sentence
from .preferences import ShowPreferences

_BIG = 1.6


class _ShotPanel(bpy.types.Panel):
    """Both panels: what to do now, how it goes, and what was said of it."""

    bl_label = "Surface-SOS"
    bl_region_type = "UI"
    bl_category = "Surface-SOS"

    def draw(self, context: bpy.types.Context) -> None:
        run, layout = run_state(), self.layout
        if not run.running:
            _draw_next(layout, context)
        draw_run(layout, run)
        draw_inputs(layout, run)


class SURFACE_SOS_PT_viewport(_ShotPanel):
    bl_space_type = "VIEW_3D"


class SURFACE_SOS_PT_clip(_ShotPanel):
    bl_space_type = "CLIP_EDITOR"


def _draw_next(layout: UILayout, context: bpy.types.Context) -> None:
    """The next step as a large button, and why it cannot be taken yet."""
    big = layout.column()
    big.scale_y = _BIG
    if (reason := core_obstacle(context)) is not None:
        big.operator(ShowPreferences.bl_idname, icon="PREFERENCES")
        draw_sentence(layout, reason, "ERROR")
        return
    out, mode = shot_request.out_folder(context), shot_request.chosen_mode(context)
    if mode == "overwrite" or not command.holds_shot(out):
        big.operator(Segment.bl_idname, icon="MOD_MASK")
        if (reason := shot_request.obstacle(context, mode)) is not None:
            draw_sentence(layout, reason, "INFO")
    elif run_state().message and run_state().out == str(out):  # cancelled, or failed
        big.operator(Resume.bl_idname, icon="FILE_REFRESH")
    elif shot_objects.holds_result(context.scene, out):
        big.operator("render.render", text="Render the Comp", icon="RENDER_STILL")
    else:
        big.operator(LoadResult.bl_idname, icon="IMPORT").out = str(out)


class _Part:
    """A part of the panel, which a job needs no more once it runs; a side bar has no room for all."""

    bl_label: str
    bl_region_type = "UI"
    bl_category = "Surface-SOS"
    layout: Any

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not run_state().running


class _Input(_Part):
    bl_label = "Input"

    def draw(self, context: bpy.types.Context) -> None:
        _choice(self.layout, shot_settings(context), "footage_from", {"FILES": "footage", "CLIP": "clip"})
        self.layout.operator(CheckFootage.bl_idname, icon="VIEWZOOM")


class _Object(_Part):
    bl_label = "Object"

    def draw(self, context: bpy.types.Context) -> None:
        settings = shot_settings(context)
        networks = dict.fromkeys(command.NETWORKS, "weights")
        fields = {"FOLDER": "masks", "MASK": "mask", "BOX": "mask", **networks}
        _labelled(self.layout, "Subject").prop(settings, "subject", text="")
        masks = _choice(self.layout, settings, "masks_from", fields)
        if settings.masks_from in ("FOLDER", "maskrcnn"):
            masks.prop(settings, "pick")
        if settings.masks_from not in ("FOLDER", "MASK"):
            masks.operator(FindMasks.bl_idname)
        box = _labelled(self.layout, "Scene Box").row(align=True)
        box.prop(settings, "box", text="")
        box.operator(AddBox.bl_idname, text="", icon="CUBE")


class _Camera(_Part):
    bl_label = "Camera"

    def draw(self, context: bpy.types.Context) -> None:
        settings = shot_settings(context)
        cameras = _choice(self.layout, settings, "cameras_from", {"MODEL": "cameras"})
        if settings.cameras_from == "SOLVE":
            cameras.operator(SolveCameras.bl_idname)
            if settings.subject != "still":
                _labelled(self.layout, "Camera Move").prop(settings, "camera_move", text="")


class _Output(_Part):
    bl_label = "Output"

    def draw(self, context: bpy.types.Context) -> None:
        settings, layout = shot_settings(context), self.layout
        out = _labelled(layout, "Folder")
        out.prop(settings, "out", text="")
        out.prop(settings, "overwrite")
        row = _labelled(layout, "Preset and Device").row(align=True)
        row.prop(settings, "preset", text="")
        row.prop(settings, "device", text="")
        _labelled(layout, "Frames with Layers").prop(settings, "frames", text="")


class _Result(_Part):
    bl_label = "Result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and (
            command.holds_shot(shot_request.out_folder(context))
            or shot_objects.find(context.scene, None, shot_objects.MESH) is not None
        )

    def draw(self, context: bpy.types.Context) -> None:
        layout, out = self.layout, shot_request.out_folder(context)
        if command.holds_shot(out):
            column = layout.column(align=True)
            column.operator(LoadResult.bl_idname, icon="IMPORT").out = str(out)
            column.operator(Resume.bl_idname, icon="FILE_REFRESH")
            column.operator(OpenReport.bl_idname, icon="URL")
        if shot_objects.find(context.scene, None, shot_objects.MESH) is not None:
            layout.operator_menu_enum("surface_sos.mesh_role", "role", text="Use Mesh As")
        layout.operator_menu_enum(ExportScene.bl_idname, "kind")
        looking.draw(layout, context)
        _draw_corrections(layout, context)


def _draw_corrections(layout: UILayout, context: bpy.types.Context) -> None:
    """What corrects a loaded result."""
    if shot_notes.read(context.scene) is None:
        return
    column = _labelled(layout, "Correct by Strokes")
    row = column.row(align=True)
    for kind, (name, _) in strokes.LAYERS.items():
        row.operator(DrawStrokes.bl_idname, text=name, icon="GREASEPENCIL").kind = kind
    column.prop(shot_settings(context), "painted", text="")
    column.operator(Update.bl_idname, icon="FILE_REFRESH")
    column.operator(TakeBack.bl_idname, icon="LOOP_BACK")


class _World(_Part):
    bl_label = "World"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and import_cameras.root(context.scene) is not None

    def draw(self, context: bpy.types.Context) -> None:
        world.draw(self.layout)


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


def _part(panel: type[_ShotPanel], part: type[_Part]) -> type[bpy.types.Panel]:
    """A part of one of the two panels."""
    name = f"{panel.__name__}_{part.bl_label.lower()}"
    return type(
        name, (part, bpy.types.Panel), {"bl_space_type": panel.bl_space_type, "bl_parent_id": panel.__name__}
    )


_PANELS = (SURFACE_SOS_PT_viewport, SURFACE_SOS_PT_clip)
_CLASSES: tuple[type[bpy.types.Panel], ...] = (
    *_PANELS,
    *(_part(panel, part) for panel in _PANELS for part in (_Result, _Input, _Object, _Camera, _Output)),
    _part(SURFACE_SOS_PT_viewport, _World),
)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
