"""Looking at a result: its matte over the plate in the camera's view, and the frames that are in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import bpy

from ..interface.panel_parts import draw_sentence
from . import clip_overlay, comparing, images, overlays, shot_notes, shot_objects

_MOST = 48  # frames that are listed


class ShowMatte(bpy.types.Operator):
    """Show all that is outside the matte in red in the camera's view and the clip editor, or the plate as it is"""

    bl_idname = "surface_sos.show_matte"
    bl_label = "Matte"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        notes = shot_notes.read(context.scene)
        if notes is None or not notes.layers:
            cls.poll_message_set("Load a result that has layers first.")
            return False
        return _camera(context.scene) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        camera, notes = _camera(context.scene), shot_notes.read(context.scene)
        if camera is None or notes is None:
            return {"CANCELLED"}
        clip_overlay.redraw()
        if overlays.shows_matte(camera):
            overlays.clear(camera)
            return {"FINISHED"}
        try:
            image, _ = images.load(Path(notes.layers), "SEQUENCE")
        except RuntimeError as error:
            self.report({"ERROR"}, f"{notes.layers} cannot be read: {' '.join(str(error).split())}")
            return {"CANCELLED"}
        images.set_linear(image.colorspace_settings, notes.space)
        overlays.show(camera, overlays.matte(image, notes.first, notes.last, notes.shift))
        return {"FINISHED"}


class GoToFrame(bpy.types.Operator):
    """Go to a frame that somebody should look at"""

    bl_idname = "surface_sos.go_to_frame"
    bl_label = "Go to Frame"

    frame: bpy.props.IntProperty()

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        notes = shot_notes.read(context.scene)
        return " ".join(notes.doubts.get(properties.frame, [])) if notes is not None else ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The matte's button, the frames in doubt, and what is doubted of the one in view."""
    camera, notes = _camera(context.scene), shot_notes.read(context.scene)
    if camera is None or notes is None:
        return
    layout.operator(ShowMatte.bl_idname, icon="OVERLAY", depress=overlays.shows_matte(camera))
    comparing.draw(layout)
    if not notes.doubts:
        return
    column = layout.column(align=True)
    column.label(text=f"Frames in Doubt: {len(notes.doubts)}")
    grid = column.grid_flow(row_major=True, columns=0, even_columns=True, align=True)
    shown = context.scene.frame_current
    for frame in sorted(notes.doubts)[:_MOST]:
        grid.operator(GoToFrame.bl_idname, text=str(frame), depress=frame == shown).frame = frame
    if len(notes.doubts) > _MOST:
        column.label(text="The report has the others.")
    for sentence in notes.doubts.get(shown, []):
        draw_sentence(layout, sentence, "QUESTION")


def _camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    return shot_objects.find(scene, None, shot_objects.CAMERA)


_CLASSES = (ShowMatte, GoToFrame)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
