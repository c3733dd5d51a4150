"""Plate, clean plate, matte and comp in one image editor, one after the other, at the scene's frame.

A script cannot choose the pass of a multilayer file that an image editor shows: of the layers it can show the foreground
and its alpha alone. The clean plate and the comp are shown by the comp's Viewer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..comp import compositor
from ..errors import AddonError
from . import images, shot_notes, shot_objects

PLATE, CLEAN, MATTE, COMP = "PLATE", "CLEAN", "MATTE", "COMP"
_PICTURES = (
    (PLATE, "Plate", "The plate"),
    (CLEAN, "Clean", "The clean plate, by the compositor's Viewer"),
    (MATTE, "Matte", "The matte"),
    (COMP, "Comp", "The comp, by the compositor's Viewer"),
)
_VIEWER = "Viewer Node"
_OPEN_COMPOSITOR = "open a compositor with the scene's nodes, where Blender makes it at each frame."


class Compare(bpy.types.Operator):
    """Show a picture of the shot in the image editor, which is opened beside this view where there is none"""

    bl_idname = "surface_sos.compare"
    bl_label = "Compare"

    picture: bpy.props.EnumProperty(name="Picture", items=_PICTURES)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return next(told for picture, _, told in _PICTURES if picture == properties.picture)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        notes = shot_notes.read(context.scene)
        if notes is None or not notes.layers:
            cls.poll_message_set("Load a result that has layers first.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self._show(context, _editor(context))
        except AddonError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _show(self, context: bpy.types.Context, space: Any) -> None:
        """Raises AddonError."""
        scene = context.scene
        notes: Any = shot_notes.read(scene)
        if self.picture == PLATE:
            plate = _plate(scene)
            space.image = plate.image
            images.play_as(space.image_user, plate.image_user)
        elif self.picture == MATTE:
            space.image = _layers(notes)
            images.play(space.image_user, notes.first, notes.last, notes.shift)
        else:
            root = shot_objects.find(scene, None, shot_objects.ROOT)
            compositor.view(scene, shot_objects.title_of(root), self.picture == CLEAN)
            space.image = _viewer()
            if not _is_composed(context):
                self.report({"INFO"}, f"The picture is of an earlier moment: {_OPEN_COMPOSITOR}")
        space.display_channels = "ALPHA" if self.picture == MATTE else "COLOR"


def draw(layout: bpy.types.UILayout) -> None:
    """A button for each picture."""
    column = layout.column(align=True)
    column.label(text="In the Image Editor")
    grid = column.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
    for picture, name, _ in _PICTURES:
        grid.operator(Compare.bl_idname, text=name).picture = picture


def _plate(scene: bpy.types.Scene) -> Any:
    camera: Any = shot_objects.find(scene, None, shot_objects.CAMERA)
    pictures = camera.data.background_images if camera is not None else []
    if not pictures or pictures[0].image is None:
        raise AddonError("The shot's camera shows no plate: load its result again once the plate is there.")
    return pictures[0]


def _layers(notes: shot_notes.ShotNotes) -> bpy.types.Image:
    """The comp's own image of the layers, or a new one."""
    for image in bpy.data.images:
        if images.is_ours(image) and image.source == "SEQUENCE" and image.filepath == notes.layers:
            return image
    try:
        image, _ = images.load(Path(notes.layers), "SEQUENCE")
    except RuntimeError as error:
        raise AddonError(f"{notes.layers} cannot be read: {' '.join(str(error).split())}") from error
    images.set_linear(image.colorspace_settings, notes.space)
    return image


def _viewer() -> bpy.types.Image:
    """Blender's image of what a Viewer node shows, which no script can make."""
    image: bpy.types.Image | None = bpy.data.images.get(_VIEWER)
    if image is None:
        raise AddonError(f"Blender has no picture of the Viewer yet: {_OPEN_COMPOSITOR}")
    return image


def _editor(context: bpy.types.Context) -> Any:
    """The first image editor of the window, or one made of half of this area."""
    areas = context.window.screen.areas
    found = [area for area in areas if area.ui_type == "IMAGE_EDITOR"]
    if not found:
        before = set(areas)
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
        found = [area for area in areas if area not in before]
        if not found:
            raise AddonError("There is no room for an image editor here: open one in a larger area.")
        found[0].ui_type = "IMAGE_EDITOR"
    return found[0].spaces.active


def _is_composed(context: bpy.types.Context) -> bool:
    """Whether some compositor is open, where Blender composes what a Viewer shows."""
    areas = (area for window in context.window_manager.windows for area in window.screen.areas)
    return any(area.ui_type == "CompositorNodeTree" for area in areas)


register, unregister = bpy.utils.register_classes_factory((Compare,))
